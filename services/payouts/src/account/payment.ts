/** What finance answers to a payout: settled, once and as a whole, or failed, with the reason. */
import type { Exchanged } from '@tantieme/contracts/ledger';
import type { ExchangeDifference, Payment, PaymentRecorded } from '@tantieme/contracts/payout';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { parseAmount } from '@tantieme/money/amount';
import { isCurrency } from '@tantieme/money/currency';
import { MoneyError } from '@tantieme/money/money-error';

import { exchangeDifference, payersCurrency } from '../account/exchange.js';
import { parseStatementId } from '../statement/statement.js';
import type { StatementName } from '../statement/statement.js';

const PAYOUT = 'payout|';

/** What an approved statement is paid by. */
export function payoutId(statement: string): string {
  return `${PAYOUT}${statement}`;
}

/** The statement that a payout pays. @throws {DomainError} `PayoutUnknown` where the text is the id of none */
export function statementOfPayout(payout: string): { readonly id: string } & StatementName {
  const id = payout.startsWith(PAYOUT) ? payout.slice(PAYOUT.length) : '';
  const parts = parseStatementId(id);
  if (parts === undefined) throw payoutUnknown(payout);
  return { id, ...parts };
}

export function payoutUnknown(payout: string): DomainError {
  return new DomainError('PayoutUnknown', `there is no payout ${payout}`, 'not-found');
}

/** A payment and what it means. */
export interface TakenPayment {
  readonly payment: Payment;
  readonly statement: string;
  readonly payee: string;
  readonly period: string;
  /** What the payer books, where it paid at another rate than the lines were earned at. */
  readonly difference?: ExchangeDifference;
}

/** As it is told. */
export function recordedOf({ payment, ...rest }: TakenPayment): PaymentRecorded {
  return { ...payment, ...rest };
}

/** What is to be paid. */
export interface Due {
  readonly amount: string;
  readonly currency: string;
  readonly exchanged?: readonly Exchanged[];
}

/**
 * What a payment means for what is due; undefined where it is known, or older than what is known.
 * @throws {DomainError} `PaymentConflict`, `PaymentInvalid`
 */
export function takePayment(
  payment: Payment,
  due: Due,
  known: Payment | undefined,
): Pick<TakenPayment, 'difference'> | undefined {
  if (known !== undefined) {
    const [before, now] = [known.revision ?? 0, payment.revision ?? 0];
    if (now < before) return undefined;
    if (now === before) {
      if (canonicalJson({ ...known, revision: now }) === canonicalJson({ ...payment, revision: now })) return undefined;
      throw new DomainError(
        'PaymentConflict',
        `revision ${now} of the payment of ${payment.payout} says something else than before; a correction has a higher revision`,
        'conflict',
      );
    }
  }
  if (payment.state === 'failed') return {};
  const { amount, currency, exchange } = payment;
  if (currency !== due.currency) throw invalid('currency', `must be ${due.currency}, in which it is due`);
  if (minorOf(amount, currency) !== parseAmount(due.amount, currency))
    throw invalid('amount', `must be ${due.amount}: a payout is settled as a whole`);
  if (exchange === undefined) return {};
  const payers = payersCurrency(exchange, currency);
  if (payers === undefined || !isCurrency(payers))
    throw invalid('exchange', `must be a rate between ${currency} and another currency`);
  if (/^[0.]+$/.test(exchange.rate)) throw invalid('exchange.rate', 'must be above zero');
  const difference = exchangeDifference(due.exchanged ?? [], exchange, currency);
  return difference === undefined ? {} : { difference };
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
  return new DomainError('PaymentInvalid', `${field}: ${reason}`, 'invalid', [{ field, reason }]);
}
