import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Imports, and what each of them refused. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('deal_ingestion_imports')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('file', 'text')
    .addColumn('format', 'text', (column) => column.notNull())
    .addColumn('mapping', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('started_at', 'text', (column) => column.notNull())
    .addColumn('ended_at', 'text')
    .addColumn('columns', 'text')
    .addColumn('facts', 'integer')
    .addColumn('accepted', 'integer')
    .addColumn('repeated', 'integer')
    .addColumn('conflicts', 'integer')
    .addColumn('refused', 'integer')
    .addColumn('error_code', 'text')
    .addColumn('error_detail', 'text')
    .addColumn('undone_at', 'text')
    .addColumn('withdrawn', 'integer')
    .addColumn('replaced', 'integer')
    .execute();
  await db.schema
    .createIndex('deal_ingestion_imports_in_order')
    .ifNotExists()
    .on('deal_ingestion_imports')
    .columns(['started_at', 'id'])
    .execute();
  await db.schema
    .createTable('deal_ingestion_import_refusals')
    .ifNotExists()
    .addColumn('import_id', 'text', (column) => column.notNull())
    .addColumn('refusal', 'text', (column) => column.notNull())
    .addColumn('first_row', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('deal_ingestion_import_refusals_key', ['import_id', 'refusal'])
    .execute();
  await db.schema
    .createIndex('deal_ingestion_import_refusals_in_order')
    .ifNotExists()
    .on('deal_ingestion_import_refusals')
    .columns(['import_id', 'first_row', 'refusal'])
    .execute();
}
