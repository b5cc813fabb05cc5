/** The read model of payouts: one projection fills the tables of all nouns. */
import type { PaymentRecorded } from '@tantieme/contracts/payout';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Projection } from '@tantieme/event-sourcing/read-model/projection';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Insertable, Transaction } from 'kysely';

import { ACCOUNT, ACCOUNT_EVENTS } from './account/account.js';
import type { AccountEvent } from './account/account.js';
import { paymentRecordedOf } from './account/payment.js';
import { updateBalances } from './balance/balance.tables.js';
import type { BalanceTables, NewestBalance } from './balance/balance.tables.js';
import * as payouts from './migrations/0001-payouts.js';
import * as reopening from './migrations/0002-reopening.js';
import { insertPayments, paymentRow } from './payment/payment.tables.js';
import type { PaymentTables } from './payment/payment.tables.js';
import { insertPayouts, payoutRow, updatePayments } from './payout/payout.tables.js';
import type { PayoutTables } from './payout/payout.tables.js';
import { approveStatements, insertStatements, statementRow, withdrawStatements } from './statement/statement.tables.js';
import type { StatementTables } from './statement/statement.tables.js';
import { STATEMENT_RUN, STATEMENT_RUN_EVENTS } from './statement-run/statement-run.js';
import type { StatementRunEvent } from './statement-run/statement-run.js';
import { applyStatementRunEvent } from './statement-run/statement-run.tables.js';
import type { StatementRunTables } from './statement-run/statement-run.tables.js';

export interface PayoutsTables
  extends StatementTables, BalanceTables, PayoutTables, PaymentTables, StatementRunTables {}

export const readModel: Projection<PayoutsTables> = {
  name: 'payouts-read-model',
  filter: {
    categories: [ACCOUNT, STATEMENT_RUN],
    types: Object.keys({ ...ACCOUNT_EVENTS, ...STATEMENT_RUN_EVENTS }).filter((type) => type !== 'LedgerLinesReceived'),
  },
  batchSize: 500,
  migrations: { owner: 'payouts', files: { '0001-payouts': payouts, '0002-reopening': reopening } },
  tables: ['payouts_statements', 'payouts_balances', 'payouts_payouts', 'payouts_payments', 'payouts_statement_runs'],
  apply,
};

type Of<Type extends AccountEvent['type']> = Extract<AccountEvent, { readonly type: Type }>;

/** Writes the rows of a batch table by table, with few statements. */
async function apply(trx: Transaction<PayoutsTables>, events: readonly StoredEvent[]): Promise<void> {
  const issued: Insertable<PayoutsTables['payouts_statements']>[] = [];
  const balances: NewestBalance[] = [];
  const withdrawn: Of<'StatementWithdrawn'>[] = [];
  const approved: Of<'StatementApproved'>[] = [];
  const payouts: Insertable<PayoutsTables['payouts_payouts']>[] = [];
  const payments: Insertable<PayoutsTables['payouts_payments']>[] = [];
  const newestPayments = new Map<string, PaymentRecorded>();
  const runEvents: StatementRunEvent[] = [];
  for (const stored of events) {
    if (stored.stream.startsWith(`${STATEMENT_RUN}-`)) {
      runEvents.push(domainEventOf<StatementRunEvent>(stored, STATEMENT_RUN_EVENTS));
      continue;
    }
    const event = domainEventOf<AccountEvent>(stored, ACCOUNT_EVENTS);
    if (event.type === 'StatementIssued') {
      issued.push(statementRow(event, stored.revision));
      const { payee, currency, calendar, period, carried } = event.data.statement;
      balances.push({ payee, currency, calendar, carried, period });
    }
    if (event.type === 'StatementWithdrawn') {
      withdrawn.push(event);
      const { payee, currency, calendar, carried, carriedFrom } = event.data;
      balances.push({ payee, currency, calendar, carried, period: carriedFrom });
    }
    if (event.type === 'StatementApproved') {
      approved.push(event);
      const payout = payoutRow(event, stored);
      if (payout !== undefined) payouts.push(payout);
    }
    if (event.type === 'PaymentRecorded') {
      payments.push(paymentRow(event, stored));
      newestPayments.set(event.data.payment.payout, paymentRecordedOf(event.data));
    }
  }
  await insertStatements(trx, issued);
  await withdrawStatements(trx, withdrawn);
  await updateBalances(trx, balances);
  await approveStatements(trx, approved);
  await insertPayouts(trx, payouts);
  await insertPayments(trx, payments);
  await updatePayments(trx, newestPayments);
  for (const event of runEvents) await applyStatementRunEvent(trx, event);
}
