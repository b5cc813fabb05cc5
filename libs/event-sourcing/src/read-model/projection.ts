import type { EventFilter, StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely, Transaction } from 'kysely';

import type { AnyDatabase, Migrations } from './migrations.js';

/** A read model: tables filled from the log, which can be deleted and rebuilt at any time. */
export interface Projection<Tables> {
  /** Name of its process and checkpoint, starting with the service: `payouts-statements`. */
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
