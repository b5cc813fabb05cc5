import type { PaymentRecorded } from '@tantieme/contracts/payout';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Insertable, Transaction } from 'kysely';

import type { AccountEvent } from '../account/account.js';
import { paymentRecordedOf, statementOfPayout } from '../account/payment.js';

/** Every recorded revision of every payment. */
export interface PaymentTables {
  payouts_payments: {
    /** Position of the event in the log, padded so that it sorts as text. */
    position: string;
    payout: string;
    payee: string;
    currency: string;
    calendar: string;
    period: string;
    state: 'settled' | 'failed';
    /** JSON of a `PaymentRecorded`. */
    payment: string;
  };
}

/** Digits of the largest position. */
const POSITION_DIGITS = 20;

/** A position as text that sorts as the number does. */
export function positionText({ position }: StoredEvent): string {
  return String(position).padStart(POSITION_DIGITS, '0');
}

export function paymentRow(
  { data }: Extract<AccountEvent, { readonly type: 'PaymentRecorded' }>,
  stored: StoredEvent,
): Insertable<PaymentTables['payouts_payments']> {
  const { payout, state } = data.payment;
  const { payee, currency, calendar, period } = statementOfPayout(payout);
  const payment: PaymentRecorded = paymentRecordedOf(data);
  return {
    position: positionText(stored),
    payout,
    payee,
    currency,
    calendar,
    period,
    state,
    payment: JSON.stringify(payment),
  };
}

export async function insertPayments(
  trx: Transaction<PaymentTables>,
  rows: readonly Insertable<PaymentTables['payouts_payments']>[],
): Promise<void> {
  for (const some of rowChunks(rows)) await trx.insertInto('payouts_payments').values(some).execute();
}
