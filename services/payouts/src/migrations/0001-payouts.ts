import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Statements, balances, payouts, payments and statement runs. */
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
    .addColumn('payable_number', 'double precision', (column) => column.notNull())
    .addColumn('carried', 'text', (column) => column.notNull())
    .addColumn('forgiven', 'text')
    .addColumn('parts', 'text')
    .addColumn('exchanged', 'text')
    .addColumn('line_count', 'integer', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('approved_by', 'text')
    .addColumn('approved_at', 'text')
    .addColumn('search_text', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('payouts_statements_by_period')
    .ifNotExists()
    .on('payouts_statements')
    .columns(['period', 'payee', 'currency', 'calendar'])
    .execute();
  await db.schema
    .createIndex('payouts_statements_by_payee')
    .ifNotExists()
    .on('payouts_statements')
    .columns(['payee', 'period', 'currency', 'calendar'])
    .execute();
  await db.schema
    .createIndex('payouts_statements_by_payable')
    .ifNotExists()
    .on('payouts_statements')
    .columns(['payable_number', 'payee', 'period', 'currency', 'calendar'])
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
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('statement', 'text', (column) => column.notNull())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('amount', 'text', (column) => column.notNull())
    .addColumn('parts', 'text')
    .addColumn('exchanged', 'text')
    .addColumn('approved_by', 'text', (column) => column.notNull())
    .addColumn('payment', 'text')
    .execute();
  await db.schema.createIndex('payouts_payouts_by_id').ifNotExists().on('payouts_payouts').column('id').execute();
  await db.schema
    .createIndex('payouts_payouts_by_state')
    .ifNotExists()
    .on('payouts_payouts')
    .columns(['state', 'position'])
    .execute();
  await db.schema
    .createIndex('payouts_payouts_by_payee')
    .ifNotExists()
    .on('payouts_payouts')
    .columns(['payee', 'position'])
    .execute();
  await db.schema
    .createTable('payouts_payments')
    .ifNotExists()
    .addColumn('position', 'text', (column) => column.primaryKey())
    .addColumn('payout', 'text', (column) => column.notNull())
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('payment', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('payouts_payments_by_payee')
    .ifNotExists()
    .on('payouts_payments')
    .columns(['payee', 'position'])
    .execute();
  await db.schema
    .createTable('payouts_statement_runs')
    .ifNotExists()
    .addColumn('calendar', 'text', (column) => column.notNull())
    .addColumn('period', 'text', (column) => column.notNull())
    .addColumn('commissions_pages', 'integer', (column) => column.notNull())
    .addColumn('commissions_received', 'integer', (column) => column.notNull())
    .addColumn('rewards_pages', 'integer', (column) => column.notNull())
    .addColumn('rewards_received', 'integer', (column) => column.notNull())
    .addColumn('statements', 'integer')
    .addPrimaryKeyConstraint('payouts_statement_runs_key', ['calendar', 'period'])
    .execute();
}
