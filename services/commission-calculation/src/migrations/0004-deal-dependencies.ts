import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Which deals depend on which facts. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_deal_dependencies')
    .ifNotExists()
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_deal_dependencies_key', ['key', 'deal'])
    .execute();
}
