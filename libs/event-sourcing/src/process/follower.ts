import type { EventFilter, EventStore, StoredEvent } from '@tantieme/event-store/event-store';

import { advanceCheckpoint } from '../read-model/checkpoints.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { startLogReader } from './log-reader.js';
import type { OnError, RunningProcess } from './running-process.js';

/**
 * Acts on the log in its global order. The checkpoint is saved after the effect: a crash in between repeats the same
 * events, so `handle` must be idempotent.
 */
export function startFollower(options: {
  readonly store: EventStore;
  readonly db: AnyDatabase;
  /** Name of its checkpoint, unique in the database and starting with the service: `payouts-statements`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** The largest number of events per call of `handle`. */
  readonly batchSize?: number | undefined;
  /** Runs before the first events, and again after a failure; must be idempotent. */
  readonly prepare?: (() => Promise<void>) | undefined;
  readonly handle: (events: readonly StoredEvent[]) => Promise<void>;
  readonly onError: OnError;
}): RunningProcess {
  const { db, name, prepare, handle } = options;
  return startLogReader(options, {
    prepare,
    apply: async ({ events, from, to, hash }) => {
      await handle(events);
      await advanceCheckpoint(db, name, from, to, hash);
    },
  });
}
