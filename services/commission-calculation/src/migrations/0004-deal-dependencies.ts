import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** From facts to the deals that are credited with them. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_index')
    .ifNotExists()
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_index_key', ['key', 'deal'])
    .execute();
}
