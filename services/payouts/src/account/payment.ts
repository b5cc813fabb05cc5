/** A payment: finance reports that it has settled a payout in full, or that the payment failed and why. */
import type { Exchanged } from '@tantieme/contracts/ledger';
import type { ExchangeDifference, Payment, PaymentRecorded } from '@tantieme/contracts/payout';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { parseAmount } from '@tantieme/money/amount';
import { isCurrency } from '@tantieme/money/currency';
import { MoneyError } from '@tantieme/money/money-error';

import { exchangeDifference, payerCurrency } from './exchange.js';
import { isZero, parseStatementId } from './statement.js';
import type { StatementName } from './statement.js';

const PAYOUT = 'payout|';

/** Id of the payout of a statement. */
export function payoutId(statement: string): string {
  return `${PAYOUT}${statement}`;
}

/** The statement that a payout pays. @throws {DomainError} `PayoutUnknown` if the text is not a payout's id */
export function statementOfPayout(payout: string): { readonly id: string } & StatementName {
  const id = payout.startsWith(PAYOUT) ? payout.slice(PAYOUT.length) : '';
  const name = parseStatementId(id);
  if (name === undefined) throw payoutUnknown(payout);
  return { id, ...name };
}

export function payoutUnknown(payout: string): DomainError {
  return new DomainError(
    'PayoutUnknown',
    `there is no payout ${payout}; GET /payouts lists the ids of all payouts`,
    'not-found',
  );
}

/** A payment as the account stores it. */
export interface RecordedPayment {
  readonly payment: Payment;
  readonly statement: string;
  readonly payee: string;
  readonly period: string;
  /** What the payer books if it paid at another rate than the lines were earned at. */
  readonly difference?: ExchangeDifference;
}

/** The payment as it is published. */
export function paymentRecordedOf({ payment, ...rest }: RecordedPayment): PaymentRecorded {
  return { ...payment, ...rest };
}

/** The obligation that a payment settles. */
export interface AmountDue {
  readonly amount: string;
  readonly currency: string;
  readonly exchanged: readonly Exchanged[];
}

/** `isNew` is false for a payment that was recorded before or has been superseded by a higher revision. */
export interface CheckedPayment {
  readonly isNew: boolean;
  readonly difference?: ExchangeDifference | undefined;
}

/**
 * Compares a payment with the amount due and with the newest payment known for the same payout.
 * @throws {DomainError} `PaymentConflict`, `PaymentInvalid`
 */
export function checkPayment(payment: Payment, due: AmountDue, known: Payment | undefined): CheckedPayment {
  if (known !== undefined) {
    const [knownRevision, revision] = [known.revision ?? 0, payment.revision ?? 0];
    if (revision < knownRevision) return { isNew: false };
    if (revision === knownRevision) {
      if (canonicalJson({ ...known, revision }) === canonicalJson({ ...payment, revision })) return { isNew: false };
      throw new DomainError(
        'PaymentConflict',
        `revision ${revision} of the payment of ${payment.payout} is already recorded with other content; send a correction with revision ${revision + 1}`,
        'conflict',
      );
    }
  }
  if (payment.state === 'failed') return { isNew: true };
  const { amount, currency, exchange } = payment;
  if (currency !== due.currency) throw invalid('currency', `must be ${due.currency}, the currency of the payout`);
  if (minorOf(amount, currency) !== parseAmount(due.amount, currency))
    throw invalid('amount', `must be ${due.amount}: a payout is settled in full`);
  if (exchange === undefined) return { isNew: true };
  const from = payerCurrency(exchange, currency);
  if (from === undefined || !isCurrency(from))
    throw invalid('exchange', `must be a rate between ${currency} and another currency`);
  if (isZero(exchange.rate)) throw invalid('exchange.rate', 'must be greater than zero');
  return { isNew: true, difference: exchangeDifference(due.exchanged, exchange, currency) };
}

function minorOf(amount: string, currency: string): bigint {
  try {
    return parseAmount(amount, currency);
  } catch (error) {
    if (error instanceof MoneyError) throw invalid('amount', error.reason);
    throw error;
  }
}

function invalid(field: string, reason: string): DomainError {
  return new DomainError('PaymentInvalid', `${field} ${reason}`, 'invalid', [{ field, reason }]);
}
