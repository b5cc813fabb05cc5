import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Deals that earn nothing until a quota is recorded. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_missing_quotas')
    .ifNotExists()
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('since', 'text', (column) => column.notNull())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .addColumn('component', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_missing_quotas_key', ['deal', 'code', 'subject'])
    .execute();
}
