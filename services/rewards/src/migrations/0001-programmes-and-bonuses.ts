import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Programmes, and the windows of participants. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('rewards_programmes')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('document', 'text', (column) => column.notNull())
    .addColumn('published_at', 'text', (column) => column.notNull())
    .addColumn('published_by', 'text', (column) => column.notNull())
    .addColumn('search_text', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('rewards_bonuses')
    .ifNotExists()
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('window_id', 'text', (column) => column.notNull())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('programme', 'text', (column) => column.notNull())
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('measured', 'text', (column) => column.notNull())
    .addColumn('amount', 'text', (column) => column.notNull())
    .addColumn('lines', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('rewards_bonuses_key', ['stream', 'window_id'])
    .execute();
  await db.schema
    .createIndex('rewards_bonuses_of_payee')
    .ifNotExists()
    .on('rewards_bonuses')
    .columns(['payee', 'programme', 'window_id'])
    .execute();
  await db.schema
    .createTable('rewards_bonus_periods')
    .ifNotExists()
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('window_id', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('rewards_bonus_periods_key', ['calendar', 'period', 'stream', 'window_id'])
    .execute();
  await db.schema
    .createIndex('rewards_bonus_periods_of_window')
    .ifNotExists()
    .on('rewards_bonus_periods')
    .columns(['stream', 'window_id'])
    .execute();
}
