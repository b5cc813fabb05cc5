import { sql } from 'kysely';
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
    /** Number of the newest closing of the period. */
    closing: number;
    /** 1 where its statements are withdrawn, or being withdrawn. */
    withdrawn: number;
  };
}

export type StatementRunRow = Selectable<StatementRunTables['payouts_statement_runs']>;

export async function applyStatementRunEvent(
  trx: Transaction<StatementRunTables>,
  event: StatementRunEvent,
): Promise<void> {
  const { calendar, period, closing } = event.data;
  const nothing = {
    commissions_pages: 0,
    commissions_received: 0,
    rewards_pages: 0,
    rewards_received: 0,
    statements: null,
    closing,
    withdrawn: 0,
  };
  await trx
    .insertInto('payouts_statement_runs')
    .values({ calendar, period, ...nothing })
    .onConflict((conflict) =>
      conflict
        .columns(['calendar', 'period'])
        .doUpdateSet(nothing)
        .where('payouts_statement_runs.closing', '<', closing),
    )
    .execute();
  const row = trx.updateTable('payouts_statement_runs').where('calendar', '=', calendar).where('period', '=', period);
  switch (event.type) {
    case 'ManifestPageReceived':
      await row.set(receivedPage(event.data)).execute();
      return;
    case 'StatementRunFinished':
      await row.set({ statements: event.data.statements }).execute();
      return;
    case 'WithdrawalBegun':
      await row.set({ withdrawn: 1 }).execute();
      return;
    case 'StatementRunStarted':
    case 'ApprovalBegun':
    case 'StatementsWithdrawn':
      return;
    default:
      event satisfies never;
  }
}

function receivedPage({ author, pages }: Extract<StatementRunEvent, { type: 'ManifestPageReceived' }>['data']) {
  return author === 'commissions'
    ? { commissions_pages: pages, commissions_received: sql<number>`commissions_received + 1` }
    : { rewards_pages: pages, rewards_received: sql<number>`rewards_received + 1` };
}
