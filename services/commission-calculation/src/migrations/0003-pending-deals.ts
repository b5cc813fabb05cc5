import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Deals that cannot be credited yet. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_pending_deals')
    .ifNotExists()
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('since', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_pending_deals_key', ['deal', 'code', 'subject'])
    .execute();
}
