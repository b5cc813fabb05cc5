import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** What was earned in other currencies, and what finance answers to payouts. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema.alterTable('payouts_statements').addColumn('exchanged', 'text').execute();
  await db.schema.alterTable('payouts_payouts').addColumn('exchanged', 'text').execute();
  await db.schema.alterTable('payouts_payouts').addColumn('payment', 'text').execute();
  await db.schema.createIndex('payouts_payouts_of_id').on('payouts_payouts').column('id').execute();
}
