import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** The index of books of earning streams. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_books')
    .ifNotExists()
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('book', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('in_group', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_books_key', ['stream', 'book', 'revision', 'in_group'])
    .execute();
  await db.schema
    .createIndex('commission_books_by_group')
    .ifNotExists()
    .on('commission_books')
    .columns(['stream', 'in_group', 'book'])
    .execute();
}
