/** The read model: statements, balances, payouts and settlements as tables. Lines are not in it: see `documents.ts`. */
import type { PaymentRecorded } from '@tantieme/contracts/payout';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Projection } from '@tantieme/event-sourcing/process/projection';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { sql } from 'kysely';
import type { Insertable, Transaction } from 'kysely';

import { payoutOf } from './events-out.js';
import { ACCOUNT, account } from './account/account.js';
import type { AccountEvent } from './account/account.js';
import { recordedOf } from './payout/payment.js';
import { SETTLEMENT, settlement } from './statement-run/statement-run.js';
import type { SettlementEvent } from './statement-run/statement-run.js';
import * as statements from './migrations/0001-statements.js';
import * as payments from './migrations/0002-payments.js';

export interface StatementsTable {
  id: string;
  payee: string;
  currency: string;
  calendar: string;
  period: string;
  opening: string;
  total: string;
  payable: string;
  carried: string;
  forgiven: string | null;
  /** JSON. */
  parts: string | null;
  /** JSON. */
  exchanged: string | null;
  line_count: number;
  hash: string;
  /** Revision of its event in the account's stream. */
  revision: number;
  approved_by: string | null;
  approved_at: string | null;
}

export interface PayoutsTables {
  payouts_statements: StatementsTable;
  /** What is carried from the newest statement. */
  payouts_balances: { payee: string; currency: string; calendar: string; period: string; carried: string };
  payouts_payouts: {
    /** Position of the approval in the log, padded so that text sorts as the number does. */
    position: string;
    id: string;
    statement: string;
    payee: string;
    currency: string;
    period: string;
    amount: string;
    /** JSON. */
    parts: string | null;
    /** JSON. */
    exchanged: string | null;
    approved_by: string;
    /** JSON of the newest answer of finance. */
    payment: string | null;
  };
  payouts_settlements: {
    calendar: string;
    period: string;
    commissions_pages: number;
    commissions_taken: number;
    rewards_pages: number;
    rewards_taken: number;
    /** Null until all are issued. */
    statements: number | null;
  };
}

const POSITION_DIGITS = 20;

export const readModel: Projection<PayoutsTables> = {
  name: 'payouts-read-model',
  filter: {
    categories: [ACCOUNT, SETTLEMENT],
    types: ['StatementIssued', 'StatementApproved', 'PaymentTaken', 'ManifestPageTaken', 'StatementRunFinished'],
  },
  batchSize: 500,
  migrations: { owner: 'payouts', files: { '0001-statements': statements, '0002-payments': payments } },
  tables: ['payouts_statements', 'payouts_balances', 'payouts_payouts', 'payouts_settlements'],
  apply,
};

async function apply(trx: Transaction<PayoutsTables>, events: readonly StoredEvent[]): Promise<void> {
  const statements: Insertable<StatementsTable>[] = [];
  const payouts: Insertable<PayoutsTables['payouts_payouts']>[] = [];
  /** Ids by who approved them and when: a whole period is mostly approved at once. */
  const approvals = new Map<string, { by: string; at: string; ids: string[] }>();
  /** The newest by payout. */
  const payments = new Map<string, PaymentRecorded>();
  const settlements: SettlementEvent[] = [];
  for (const stored of events) {
    if (stored.stream.startsWith(`${SETTLEMENT}-`)) {
      settlements.push(domainEventOf<SettlementEvent>(stored, settlement));
      continue;
    }
    const event = domainEventOf<AccountEvent>(stored, account);
    if (event.type === 'StatementIssued') statements.push(rowOf(event, stored.revision));
    if (event.type === 'StatementApproved') {
      const { by, statement } = event.data;
      const name = JSON.stringify([by, event.occurredAt]);
      const approval = approvals.get(name) ?? { by, at: event.occurredAt, ids: [] };
      approval.ids.push(statement);
      approvals.set(name, approval);
      const payout = payoutOf(event);
      if (payout !== undefined) payouts.push(payoutRowOf(payout, stored));
    }
    if (event.type === 'PaymentTaken') payments.set(event.data.payment.payout, recordedOf(event.data));
  }
  await insertStatements(trx, statements);
  for (const { by, at, ids } of approvals.values())
    for (const some of rowChunks(ids))
      await trx
        .updateTable('payouts_statements')
        .set({ approved_by: by, approved_at: at })
        .where('id', 'in', some)
        .execute();
  for (const some of rowChunks(payouts)) await trx.insertInto('payouts_payouts').values(some).execute();
  for (const [payout, payment] of payments)
    await trx
      .updateTable('payouts_payouts')
      .set({ payment: JSON.stringify(payment) })
      .where('id', '=', payout)
      .execute();
  for (const event of settlements) await applySettlement(trx, event);
}

function rowOf(
  { data: { statement } }: Extract<AccountEvent, { readonly type: 'StatementIssued' }>,
  revision: number,
): Insertable<StatementsTable> {
  const { lineCount, forgiven = null, parts, exchanged, ...rest } = statement;
  return {
    ...rest,
    forgiven,
    parts: textOf(parts),
    exchanged: textOf(exchanged),
    line_count: lineCount,
    revision,
    approved_by: null,
    approved_at: null,
  };
}

function textOf(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function payoutRowOf(
  payout: NonNullable<ReturnType<typeof payoutOf>>,
  { position }: StoredEvent,
): Insertable<PayoutsTables['payouts_payouts']> {
  const { approvedBy, parts, exchanged, ...rest } = payout;
  return {
    ...rest,
    parts: textOf(parts),
    exchanged: textOf(exchanged),
    approved_by: approvedBy,
    payment: null,
    position: String(position).padStart(POSITION_DIGITS, '0'),
  };
}

async function insertStatements(
  trx: Transaction<PayoutsTables>,
  statements: readonly Insertable<StatementsTable>[],
): Promise<void> {
  for (const some of rowChunks(statements)) await trx.insertInto('payouts_statements').values(some).execute();
  const balances = new Map<string, Insertable<PayoutsTables['payouts_balances']>>();
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

async function applySettlement(trx: Transaction<PayoutsTables>, event: SettlementEvent): Promise<void> {
  const { calendar, period } = event.data;
  await trx
    .insertInto('payouts_settlements')
    .values({
      calendar,
      period,
      commissions_pages: 0,
      commissions_taken: 0,
      rewards_pages: 0,
      rewards_taken: 0,
      statements: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = trx.updateTable('payouts_settlements').where('calendar', '=', calendar).where('period', '=', period);
  if (event.type === 'StatementRunFinished') await row.set({ statements: event.data.statements }).execute();
  else if (event.data.author === 'commissions')
    await row
      .set((of) => ({ commissions_pages: event.data.pages, commissions_taken: of('commissions_taken', '+', 1) }))
      .execute();
  else
    await row.set((of) => ({ rewards_pages: event.data.pages, rewards_taken: of('rewards_taken', '+', 1) })).execute();
}
