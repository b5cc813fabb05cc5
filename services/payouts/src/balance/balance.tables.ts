import type { StatementIssued } from '@tantieme/contracts/payout';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { sql } from 'kysely';
import type { Insertable, Transaction } from 'kysely';

export interface BalanceTables {
  /** What the newest statement of each account and calendar carries. */
  payouts_balances: { payee: string; currency: string; calendar: string; period: string; carried: string };
}

/** @param statements in order of issue. */
export async function updateBalances(
  trx: Transaction<BalanceTables>,
  statements: readonly Pick<StatementIssued, keyof BalanceTables['payouts_balances']>[],
): Promise<void> {
  const balances = new Map<string, Insertable<BalanceTables['payouts_balances']>>();
  for (const { payee, currency, calendar, period, carried } of statements)
    balances.set(`${payee}|${currency}|${calendar}`, { payee, currency, calendar, period, carried });
  for (const some of rowChunks([...balances.values()]))
    await trx
      .insertInto('payouts_balances')
      .values(some)
      .onConflict((conflict) =>
        conflict.columns(['payee', 'currency', 'calendar']).doUpdateSet({
          period: sql`excluded.period`,
          carried: sql`excluded.carried`,
        }),
      )
      .execute();
}
