import type { EventFilter, EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely, Transaction } from 'kysely';

import { advanceCheckpoint } from '../read-model/checkpoints.js';
import { startLogReader } from './log-reader.js';
import { migrate } from '../read-model/migrations.js';
import type { AnyDatabase, Migrations } from '../read-model/migrations.js';
import type { OnError, RunningProcess } from './running-process.js';

/** A read model: tables filled from the log, to be deleted and rebuilt at will. */
export interface Projection<Tables> {
  /** Name of its checkpoint, unique in the database: the service first, `payouts-statements`. */
  readonly name: string;
  readonly filter: EventFilter;
  /** Events a transaction at the most. */
  readonly batchSize?: number;
  /** Creates its tables, and perhaps others of its service. */
  readonly migrations: Migrations;
  /** Those that it fills, and nobody else. */
  readonly tables: readonly (keyof Tables & string)[];
  /** Writes what the events mean, in the order of the log, in the transaction that moves the checkpoint. */
  readonly apply: (trx: Transaction<Tables>, events: readonly StoredEvent[]) => Promise<void>;
}

/** Of whatever tables. */
export type AnyProjection = Projection<AnyDatabase extends Kysely<infer Tables> ? Tables : never>;

/** Fills a read model from the log, each event's effect exactly once: effect and checkpoint are one transaction. */
export function startProjection<Tables>(options: {
  readonly store: EventStore;
  readonly db: Kysely<Tables>;
  readonly projection: Projection<Tables>;
  readonly onError: OnError;
}): RunningProcess {
  const { store, db, projection, onError } = options;
  const { name, filter, batchSize } = projection;
  return startLogReader(
    { store, db, name, filter, ...(batchSize === undefined ? {} : { batchSize }), onError },
    {
      prepare: () => migrate(db, projection.migrations),
      apply: ({ events, from, to }) =>
        db.transaction().execute(async (trx) => {
          // First, so that the row's lock makes a second filler of the same table wait, and then fail.
          await advanceCheckpoint(trx, name, from, to);
          await projection.apply(trx, events);
        }),
    },
  );
}
