import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Deals in brief, refusals, and the refusals that are open. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('deal_ingestion_deals')
    .ifNotExists()
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('occurred_at', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('currency', 'text')
    .addColumn('customer', 'text', (column) => column.notNull())
    .addColumn('line_count', 'integer', (column) => column.notNull())
    .addColumn('registered_at', 'text')
    .addColumn('booked_at', 'text')
    .addColumn('invoice_count', 'integer', (column) => column.notNull())
    .addColumn('payment_count', 'integer', (column) => column.notNull())
    .addColumn('return_count', 'integer', (column) => column.notNull())
    .addColumn('cancelled_at', 'text')
    .addColumn('over_returns', 'text')
    .addPrimaryKeyConstraint('deal_ingestion_deals_key', ['source', 'deal'])
    .execute();
  await db.schema
    .createIndex('deal_ingestion_deals_in_time')
    .ifNotExists()
    .on('deal_ingestion_deals')
    .columns(['occurred_at', 'source', 'deal'])
    .execute();
  await db.schema
    .createTable('deal_ingestion_deal_partners')
    .ifNotExists()
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('partner', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('deal_ingestion_deal_partners_key', ['source', 'deal', 'partner'])
    .execute();
  await db.schema
    .createIndex('deal_ingestion_deal_partners_by_partner')
    .ifNotExists()
    .on('deal_ingestion_deal_partners')
    .columns(['partner', 'source', 'deal'])
    .execute();
  await db.schema
    .createTable('deal_ingestion_refusals')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('refused_at', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('source', 'text')
    .addColumn('deal', 'text')
    .addColumn('fact', 'text')
    .addColumn('import_id', 'text')
    .addColumn('file', 'text')
    .addColumn('row_numbers', 'text')
    .addColumn('errors', 'text', (column) => column.notNull())
    .addColumn('raw', 'text', (column) => column.notNull())
    .addColumn('parts', 'integer', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('resolution', 'text')
    .addColumn('resolved_at', 'text')
    .addColumn('discard_reason', 'text')
    .addColumn('discard_proposed_by', 'text')
    .addColumn('discarded_by', 'text')
    .execute();
  await db.schema
    .createTable('deal_ingestion_refusal_parts')
    .ifNotExists()
    .addColumn('refusal', 'text', (column) => column.notNull())
    .addColumn('part', 'integer', (column) => column.notNull())
    .addColumn('raw', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('deal_ingestion_refusal_parts_key', ['refusal', 'part'])
    .execute();
  await db.schema
    .createIndex('deal_ingestion_refusals_in_order')
    .ifNotExists()
    .on('deal_ingestion_refusals')
    .columns(['refused_at', 'id'])
    .execute();
  await db.schema
    .createTable('deal_ingestion_open_refusals')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('fact', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('deal_ingestion_open_refusals_by_deal')
    .ifNotExists()
    .on('deal_ingestion_open_refusals')
    .columns(['deal'])
    .execute();
}
