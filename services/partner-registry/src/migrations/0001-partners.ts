import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Partners as they are now. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('partner_registry_partners')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('country', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute();
}
