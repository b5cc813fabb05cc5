import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Postings, periods, and the earning streams with a line in a period. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_postings')
    .ifNotExists()
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('lines', 'text', (column) => column.notNull())
    .addColumn('line_count', 'integer', (column) => column.notNull())
    .addColumn('amount', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_postings_key', ['payee', 'plan', 'deal', 'period'])
    .execute();
  // For the earnings of one deal, `GET /earnings?deal=…`.
  await db.schema
    .createIndex('commission_postings_by_deal')
    .ifNotExists()
    .on('commission_postings')
    .columns(['deal', 'payee', 'plan', 'period'])
    .execute();
  await db.schema
    .createTable('commission_periods')
    .ifNotExists()
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('closing_since', 'text', (column) => column.notNull())
    .addColumn('closed_by', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_periods_key', ['calendar', 'period'])
    .execute();
  await db.schema
    .createTable('commission_streams')
    .ifNotExists()
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .addColumn('entry', 'text')
    .addPrimaryKeyConstraint('commission_streams_key', ['calendar', 'period', 'stream'])
    .execute();
}
