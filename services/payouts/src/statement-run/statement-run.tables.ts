import type { Selectable, Transaction } from 'kysely';

import type { StatementRunEvent } from './statement-run.js';

export interface StatementRunTables {
  payouts_statement_runs: {
    calendar: string;
    period: string;
    commissions_pages: number;
    commissions_received: number;
    rewards_pages: number;
    rewards_received: number;
    /** Number of statements; null until all are issued. */
    statements: number | null;
  };
}

export type StatementRunRow = Selectable<StatementRunTables['payouts_statement_runs']>;

export async function applyStatementRunEvent(
  trx: Transaction<StatementRunTables>,
  event: StatementRunEvent,
): Promise<void> {
  const { calendar, period } = event.data;
  await trx
    .insertInto('payouts_statement_runs')
    .values({
      calendar,
      period,
      commissions_pages: 0,
      commissions_received: 0,
      rewards_pages: 0,
      rewards_received: 0,
      statements: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = trx.updateTable('payouts_statement_runs').where('calendar', '=', calendar).where('period', '=', period);
  if (event.type === 'StatementRunFinished') {
    await row.set({ statements: event.data.statements }).execute();
    return;
  }
  const { author, pages } = event.data;
  if (author === 'commissions')
    await row
      .set((of) => ({ commissions_pages: pages, commissions_received: of('commissions_received', '+', 1) }))
      .execute();
  else await row.set((of) => ({ rewards_pages: pages, rewards_received: of('rewards_received', '+', 1) })).execute();
}
