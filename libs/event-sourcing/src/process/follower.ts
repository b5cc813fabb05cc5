import type { EventFilter, EventStore, StoredEvent } from '@tantieme/event-store/event-store';

import { advanceCheckpoint } from '../read-model/checkpoints.js';
import { startLogReader } from './log-reader.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import type { OnError, RunningProcess } from './running-process.js';

/**
 * Acts on the log in its global order. The checkpoint is saved after the effect: after a crash between the two, the same
 * events come again, so `handle` has to be idempotent.
 */
export function startFollower(options: {
  readonly store: EventStore;
  readonly db: AnyDatabase;
  /** Name of its checkpoint, unique in the database: the service first. */
  readonly name: string;
  readonly filter: EventFilter;
  /** Events a call of `handle` at the most. */
  readonly batchSize?: number;
  /** Before the first events, and again after a failure: idempotent. */
  readonly prepare?: () => Promise<void>;
  readonly handle: (events: readonly StoredEvent[]) => Promise<void>;
  readonly onError: OnError;
}): RunningProcess {
  const { db, name, prepare, handle } = options;
  return startLogReader(options, {
    ...(prepare === undefined ? {} : { prepare }),
    apply: async ({ events, from, to }) => {
      await handle(events);
      await advanceCheckpoint(db, name, from, to);
    },
  });
}
