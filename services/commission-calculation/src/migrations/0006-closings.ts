import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** What closings wait for, what was waived, deals that are credited to nobody, and who closed a period and why. */
export async function up(db: AnyDatabase): Promise<void> {
  for (const name of ['touches_from', 'touches_calendars'])
    await db.schema
      .alterTable('commission_pending_deals')
      .addColumn(name, 'text', (column) => column.notNull().defaultTo(''))
      .execute();
  await db.schema
    .createTable('commission_waived')
    .ifNotExists()
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('confirmed_by', 'text', (column) => column.notNull())
    .addColumn('at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_waived_key', ['deal', 'code', 'subject'])
    .execute();
  await db.schema
    .createTable('commission_uncredited_deals')
    .ifNotExists()
    .addColumn('deal', 'text', (column) => column.notNull())
    .addColumn('code', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('since', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('commission_uncredited_deals_key', ['deal', 'code', 'subject'])
    .execute();
  await db.schema
    .alterTable('commission_periods')
    .addColumn('document', 'text', (column) => column.notNull().defaultTo('{}'))
    .execute();
}
