import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { PaymentRecorded } from '@tantieme/contracts/payout';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Insertable, Selectable, Transaction } from 'kysely';

import { payoutDueOf } from '../account/account.events-out.js';
import type { AccountEvent } from '../account/account.js';
import { positionText } from '../payment/payment.tables.js';
import type { Payout, PayoutState } from './payout.dto.js';

export interface PayoutTables {
  payouts_payouts: {
    /** Position of the approval in the log, padded so that it sorts as text. */
    position: string;
    id: string;
    state: PayoutState;
    statement: string;
    payee: string;
    currency: string;
    calendar: string;
    period: string;
    amount: string;
    /** JSON. */
    parts: string | null;
    /** JSON. */
    exchanged: string | null;
    approved_by: string;
    /** JSON of the newest `PaymentRecorded`. */
    payment: string | null;
  };
}

/** @returns undefined if the approved statement pays nothing. */
export function payoutRow(
  event: Extract<AccountEvent, { readonly type: 'StatementApproved' }>,
  stored: StoredEvent,
): Insertable<PayoutTables['payouts_payouts']> | undefined {
  const payout = payoutDueOf(event);
  if (payout === undefined) return undefined;
  const { approvedBy, parts, exchanged, ...rest } = payout;
  return {
    ...rest,
    state: 'due',
    calendar: event.data.calendar,
    parts: parts === undefined ? null : JSON.stringify(parts),
    exchanged: exchanged === undefined ? null : JSON.stringify(exchanged),
    approved_by: approvedBy,
    payment: null,
    position: positionText(stored),
  };
}

export function payoutOf(row: Selectable<PayoutTables['payouts_payouts']>): Payout {
  const { id, state, statement, payee, currency, calendar, period, amount } = row;
  return omitUndefined({
    id,
    state,
    statement,
    payee,
    currency,
    calendar,
    period,
    amount,
    parts: row.parts === null ? undefined : (JSON.parse(row.parts) as NonNullable<Payout['parts']>),
    exchanged: row.exchanged === null ? undefined : (JSON.parse(row.exchanged) as NonNullable<Payout['exchanged']>),
    approvedBy: row.approved_by,
    payment: row.payment === null ? undefined : (JSON.parse(row.payment) as PaymentRecorded),
  });
}

export async function insertPayouts(
  trx: Transaction<PayoutTables>,
  rows: readonly Insertable<PayoutTables['payouts_payouts']>[],
): Promise<void> {
  for (const some of rowChunks(rows)) await trx.insertInto('payouts_payouts').values(some).execute();
}

/** @param newest the newest payment by payout. */
export async function updatePayments(
  trx: Transaction<PayoutTables>,
  newest: ReadonlyMap<string, PaymentRecorded>,
): Promise<void> {
  for (const [payout, payment] of newest)
    await trx
      .updateTable('payouts_payouts')
      .set({ state: payment.state, payment: JSON.stringify(payment) })
      .where('id', '=', payout)
      .execute();
}
