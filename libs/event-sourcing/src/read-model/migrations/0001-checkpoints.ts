import type { AnyDatabase } from '../migrations.js';

/** A position is decimal text, so that it fits every event store. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('checkpoints')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.notNull().primaryKey())
    .addColumn('position', 'text', (column) => column.notNull())
    .execute();
}
