/** The parked items, to be listed and counted. */
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Kysely, Transaction } from 'kysely';

import { domainEventOf } from '../decide/upcasting.js';
import type { Projection } from '../read-model/projection.js';
import type { AnyDatabase, Migrations } from '../read-model/migrations.js';
import { PARKED_EVENTS, parkedIdOf, PARKED, placeOf } from './parked.js';
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
  readonly touches_from: string | null;
  readonly discard_reason: string | null;
  readonly discard_proposed_by: string | null;
  readonly discarded_by: string | null;
  readonly discarded_at: string | null;
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
          .addColumn('touches_from', 'text')
          .addColumn('discard_reason', 'text')
          .addColumn('discard_proposed_by', 'text')
          .addColumn('discarded_by', 'text')
          .addColumn('discarded_at', 'text')
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

/** Which open items to count. */
export interface OpenItems {
  readonly process?: string;
  readonly topic?: string;
  /** Not those of these topics. */
  readonly exceptTopics?: readonly string[];
  /** ISO 8601: only what may change something before it. */
  readonly touchesBefore?: string;
}

export async function countOpen(db: Kysely<ParkedTables>, of: OpenItems = {}): Promise<number> {
  let query = db
    .selectFrom('parked_items')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('status', 'in', OPEN_STATUSES);
  if (of.process !== undefined) query = query.where('process', '=', of.process);
  if (of.topic !== undefined) query = query.where('topic', '=', of.topic);
  if (of.exceptTopics !== undefined) query = query.where('topic', 'not in', of.exceptTopics);
  const before = of.touchesBefore;
  if (before !== undefined)
    query = query.where((eb) => eb.or([eb('touches_from', 'is', null), eb('touches_from', '<', before)]));
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
      const { process, topic, origin, reason, touchesFrom = null } = event.data;
      const row: ParkedRow = {
        id,
        process,
        topic,
        origin: placeOf(origin),
        reason,
        status: 'parked',
        parked_at: event.occurredAt,
        touches_from: touchesFrom,
        discard_reason: null,
        discard_proposed_by: null,
        discarded_by: null,
        discarded_at: null,
      };
      await trx.insertInto('parked_items').values(row).execute();
      return;
    }
    case 'ParkedRetryRequested':
      return update({ status: 'retrying' });
    case 'ParkedRetryAnswered': {
      const { reason } = event.data;
      return update(reason === null ? { status: 'handled' } : { status: 'parked', reason });
    }
    case 'ParkedItemDiscarded': {
      const { reason, proposedBy, confirmedBy } = event.data;
      return update({
        status: 'discarded',
        discard_reason: reason,
        discard_proposed_by: proposedBy,
        discarded_by: confirmedBy,
        discarded_at: event.occurredAt,
      });
    }
    default:
      return event satisfies never;
  }
}
