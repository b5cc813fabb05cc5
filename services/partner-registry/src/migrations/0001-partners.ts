import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Partners as they are now, and what they have from day to day. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('partner_registry_partners')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('country', 'text', (column) => column.notNull())
    .addColumn('country_known', 'integer', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('partner_registry_terms')
    .ifNotExists()
    .addColumn('partner', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('from_day', 'text', (column) => column.notNull())
    .addColumn('until_day', 'text')
    .execute();
  await db.schema
    .createIndex('partner_registry_terms_by_value')
    .ifNotExists()
    .on('partner_registry_terms')
    .columns(['kind', 'value', 'partner'])
    .execute();
  await db.schema
    .createIndex('partner_registry_terms_by_partner')
    .ifNotExists()
    .on('partner_registry_terms')
    .columns(['partner'])
    .execute();
}
