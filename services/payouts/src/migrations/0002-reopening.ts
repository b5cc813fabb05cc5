import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Closings of a period have numbers, and their statements may be withdrawn. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .alterTable('payouts_statements')
    .addColumn('closing', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  await db.schema.alterTable('payouts_statements').addColumn('withdrawn_at', 'text').execute();
  await db.schema
    .alterTable('payouts_statement_runs')
    .addColumn('closing', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  await db.schema
    .alterTable('payouts_statement_runs')
    .addColumn('withdrawn', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
