/** The parked items, to be listed and counted. */
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely, Transaction } from 'kysely';

import { domainEventOf } from '../decide/upcasting.js';
import type { Projection } from '../read-model/projection.js';
import type { AnyDatabase, Migrations } from '../read-model/migrations.js';
import { PARKED_EVENTS, parkedIdOf, PARKED } from './parked.js';
import type { ParkedEvent, ParkedState } from './parked.js';

export interface ParkedRow {
  readonly id: string;
  readonly process: string;
  readonly topic: string;
  /** `deals.inbound/0@17`, or `deal-crm|D-1@3` of an event. */
  readonly origin: string;
  readonly reason: string;
  readonly status: ParkedState['status'];
  readonly parked_at: string;
}

export interface ParkedTables {
  parked_items: ParkedRow;
}

export const PARKED_MIGRATIONS: Migrations = {
  owner: 'parked',
  files: {
    '0001-parked-items': {
      up: async (db: AnyDatabase) => {
        await db.schema
          .createTable('parked_items')
          .ifNotExists()
          .addColumn('id', 'text', (column) => column.notNull().primaryKey())
          .addColumn('process', 'text', (column) => column.notNull())
          .addColumn('topic', 'text', (column) => column.notNull())
          .addColumn('origin', 'text', (column) => column.notNull())
          .addColumn('reason', 'text', (column) => column.notNull())
          .addColumn('status', 'text', (column) => column.notNull())
          .addColumn('parked_at', 'text', (column) => column.notNull())
          .execute();
        await db.schema
          .createIndex('parked_items_open')
          .ifNotExists()
          .on('parked_items')
          .columns(['status', 'process', 'topic'])
          .execute();
      },
    },
  },
};

/** Neither handled nor discarded. */
export const OPEN_STATUSES = ['parked', 'retrying'] as const;

export async function countOpen(
  db: Kysely<ParkedTables>,
  of: { readonly process?: string; readonly topic?: string } = {},
): Promise<number> {
  let query = db
    .selectFrom('parked_items')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('status', 'in', OPEN_STATUSES);
  if (of.process !== undefined) query = query.where('process', '=', of.process);
  if (of.topic !== undefined) query = query.where('topic', '=', of.topic);
  return Number((await query.executeTakeFirstOrThrow()).count);
}

export function parkedProjection(): Projection<ParkedTables> {
  return {
    name: 'parked-items',
    filter: { categories: [PARKED] },
    migrations: PARKED_MIGRATIONS,
    tables: ['parked_items'],
    apply: async (trx, events) => {
      for (const event of events) await applyEvent(trx, event);
    },
  };
}

async function applyEvent(trx: Transaction<ParkedTables>, stored: StoredEvent): Promise<void> {
  const id = parkedIdOf(stored.stream);
  const event = domainEventOf<ParkedEvent>(stored, PARKED_EVENTS);
  const update = async (row: Partial<ParkedRow>): Promise<void> => {
    await trx.updateTable('parked_items').set(row).where('id', '=', id).execute();
  };
  switch (event.type) {
    case 'ItemParked': {
      const { process, topic, origin, reason } = event.data;
      const place =
        'stream' in origin
          ? `${origin.stream}@${origin.revision}`
          : `${origin.topic}/${origin.partition}@${origin.offset}`;
      await trx
        .insertInto('parked_items')
        .values({ id, process, topic, origin: place, reason, status: 'parked', parked_at: event.occurredAt })
        .execute();
      return;
    }
    case 'ParkedRetryRequested':
      return update({ status: 'retrying' });
    case 'ParkedRetryAnswered': {
      const { reason } = event.data;
      return update(reason === null ? { status: 'handled' } : { status: 'parked', reason });
    }
    case 'ParkedItemDiscarded':
      return update({ status: 'discarded' });
    default:
      return event satisfies never;
  }
}
