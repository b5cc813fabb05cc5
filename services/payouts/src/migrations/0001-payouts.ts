import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Statements, balances, payouts and settlements. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('payouts_statements')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('opening', 'text', (column) => column.notNull())
    .addColumn('total', 'text', (column) => column.notNull())
    .addColumn('payable', 'text', (column) => column.notNull())
    .addColumn('carried', 'text', (column) => column.notNull())
    .addColumn('forgiven', 'text')
    .addColumn('parts', 'text')
    .addColumn('line_count', 'integer', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('approved_by', 'text')
    .addColumn('approved_at', 'text')
    .execute();
  await db.schema
    .createIndex('payouts_statements_in_order')
    .ifNotExists()
    .on('payouts_statements')
    .columns(['period', 'payee', 'currency', 'calendar'])
    .execute();
  await db.schema
    .createIndex('payouts_statements_of_payee')
    .ifNotExists()
    .on('payouts_statements')
    .columns(['payee', 'period', 'currency', 'calendar'])
    .execute();
  await db.schema
    .createTable('payouts_balances')
    .ifNotExists()
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('carried', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('payouts_balances_key', ['payee', 'currency', 'calendar'])
    .execute();
  await db.schema
    .createTable('payouts_payouts')
    .ifNotExists()
    .addColumn('position', 'text', (column) => column.primaryKey())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('statement', 'text', (column) => column.notNull())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('amount', 'text', (column) => column.notNull())
    .addColumn('parts', 'text')
    .addColumn('approved_by', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('payouts_settlements')
    .ifNotExists()
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('commissions_pages', 'integer', (column) => column.notNull())
    .addColumn('commissions_taken', 'integer', (column) => column.notNull())
    .addColumn('rewards_pages', 'integer', (column) => column.notNull())
    .addColumn('rewards_taken', 'integer', (column) => column.notNull())
    .addColumn('statements', 'integer')
    .addPrimaryKeyConstraint('payouts_settlements_key', ['calendar', 'period'])
    .execute();
}
