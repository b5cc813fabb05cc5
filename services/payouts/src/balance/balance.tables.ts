import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { sql } from 'kysely';
import type { Insertable, Transaction } from 'kysely';

export interface BalanceTables {
  /** What the newest statement of each account and calendar carries. */
  payouts_balances: { payee: string; currency: string; calendar: string; period: string; carried: string };
}

/** After a statement was issued or withdrawn; without a period where no statement is left. */
export type NewestBalance = Omit<BalanceTables['payouts_balances'], 'period'> & { readonly period: string | undefined };

/** @param newest in order of the events */
export async function updateBalances(trx: Transaction<BalanceTables>, newest: readonly NewestBalance[]): Promise<void> {
  const balances = new Map(newest.map((one) => [`${one.payee}|${one.currency}|${one.calendar}`, one]));
  const rows: Insertable<BalanceTables['payouts_balances']>[] = [];
  for (const { period, ...key } of balances.values())
    if (period !== undefined) rows.push({ ...key, period });
    else
      await trx
        .deleteFrom('payouts_balances')
        .where('payee', '=', key.payee)
        .where('currency', '=', key.currency)
        .where('calendar', '=', key.calendar)
        .execute();
  for (const some of rowChunks(rows))
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
