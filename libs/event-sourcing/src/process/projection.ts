import type { EventFilter, EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely, Transaction } from 'kysely';

import { advanceCheckpoint } from '../read-model/checkpoints.js';
import { migrate } from '../read-model/migrations.js';
import type { AnyDatabase, Migrations } from '../read-model/migrations.js';
import { startLogReader } from './log-reader.js';
import type { OnError, RunningProcess } from './running-process.js';

/** A read model: tables filled from the log, which can be deleted and rebuilt at any time. */
export interface Projection<Tables> {
  /** Name of its checkpoint, unique in the database and starting with the service: `payouts-statements`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** The largest number of events per transaction. */
  readonly batchSize?: number | undefined;
  /** Creates its tables, and perhaps other tables of its service. */
  readonly migrations: Migrations;
  /** The tables that it alone fills. */
  readonly tables: readonly (keyof Tables & string)[];
  /** Writes the effect of the events, in log order, in the transaction that advances the checkpoint. */
  readonly apply: (trx: Transaction<Tables>, events: readonly StoredEvent[]) => Promise<void>;
}

/** A projection into any tables. */
export type AnyProjection = Projection<AnyDatabase extends Kysely<infer Tables> ? Tables : never>;

/** Fills a read model from the log. Each event takes effect exactly once: effect and checkpoint are one transaction. */
export function startProjection<Tables>(options: {
  readonly store: EventStore;
  readonly db: Kysely<Tables>;
  readonly projection: Projection<Tables>;
  readonly onError: OnError;
}): RunningProcess {
  const { store, db, projection, onError } = options;
  const { name, filter, batchSize } = projection;
  return startLogReader(
    { store, db, name, filter, batchSize, onError },
    {
      prepare: () => migrate(db, projection.migrations),
      apply: ({ events, from, to, hash }) =>
        db.transaction().execute(async (trx) => {
          // First, so that another process that fills the same tables waits for the row lock, and then fails.
          await advanceCheckpoint(trx, name, from, to, hash);
          await projection.apply(trx, events);
        }),
    },
  );
}
