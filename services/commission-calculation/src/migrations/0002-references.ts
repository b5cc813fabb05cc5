import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Exchange rates, quotas, and the partners with the plans they agreed to. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('commission_exchange_rates')
    .ifNotExists()
    .addColumn('base', 'text', (column) => column.notNull())
    .addColumn('quote', 'text', (column) => column.notNull())
    .addColumn('date', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('revision', 'bigint', (column) => column.notNull())
    .addColumn('withdrawn', 'text', (column) => column.notNull())
    .addColumn('fact', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_exchange_rates_key', [
      'base',
      'quote',
      'date',
      'source',
      'revision',
      'withdrawn',
    ])
    .execute();
  await db.schema
    .createTable('commission_quotas')
    .ifNotExists()
    .addColumn('payee', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .addColumn('component', 'text', (column) => column.notNull())
    .addColumn('from_day', 'text', (column) => column.notNull())
    .addColumn('revision', 'bigint', (column) => column.notNull())
    .addColumn('withdrawn', 'text', (column) => column.notNull())
    .addColumn('fact', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_quotas_key', [
      'payee',
      'plan',
      'component',
      'from_day',
      'revision',
      'withdrawn',
    ])
    .execute();
  await db.schema
    .createTable('commission_partners')
    .ifNotExists()
    .addColumn('partner', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_partners_key', ['partner'])
    .execute();
  await db.schema
    .createTable('commission_agreements')
    .ifNotExists()
    .addColumn('partner', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_agreements_key', ['partner', 'plan'])
    .execute();
}
