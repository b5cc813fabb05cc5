/** What payouts publishes for finance (topic `payouts`). Amounts are decimal text with the currency's own decimals. */
import type { Exchanged, LedgerLine, PayoutTerms } from './ledger.js';

/** The part of a statement that is paid on the same terms. */
export interface StatementPart extends PayoutTerms {
  /** Sum of its lines. */
  readonly total: string;
}

export interface Statement {
  /** `payee|currency|calendar|period`, with `~2` after the period where it was reopened once and closed again. */
  readonly id: string;
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  readonly period: string;
  /** Carried from the previous statement: zero, negative, or below the minimum. */
  readonly opening: string;
  /** Sum of the lines. */
  readonly total: string;
  /** `opening + total` if that is paid, else zero. */
  readonly payable: string;
  /** `opening + total + forgiven − payable`, carried to the next statement. */
  readonly carried: string;
  /** A debt of the payee that was written off; absent if there is none. */
  readonly forgiven?: string;
  /** By the payout terms of the plans, in order; absent if no plan declares any. */
  readonly parts?: readonly StatementPart[];
  /** The part of the balance that was earned in other currencies, carried lines included; absent if there is none. */
  readonly exchanged?: readonly Exchanged[];
  readonly lines: readonly LedgerLine[];
  /** SHA-256, hex, of the canonical JSON of all the above. */
  readonly hash: string;
}

export interface StatementIssued extends Omit<Statement, 'lines'> {
  readonly lineCount: number;
}

/** A statement that the reopening of its period has withdrawn before anybody approved it. Its id never comes again. */
export interface StatementWithdrawn {
  readonly statement: string;
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  readonly period: string;
  /** What the statement before it carries: the balance now. */
  readonly carried: string;
  /** The period of that statement; absent where there is none. */
  readonly carriedFrom?: string;
}

/** An approved statement that is to be paid. Finance pays each `id` once. */
export interface PayoutDue {
  readonly id: string;
  readonly statement: string;
  readonly payee: string;
  readonly currency: string;
  readonly period: string;
  readonly amount: string;
  /** From the statement. */
  readonly parts?: readonly StatementPart[];
  /** From the statement: what the payer has booked for it in other currencies. */
  readonly exchanged?: readonly Exchanged[];
  readonly approvedBy: string;
}

interface PaymentCommon {
  /** Id of the payout. */
  readonly payout: string;
  /** Day of the payment, or of its failure. */
  readonly on: string;
  /** The highest revision for a payout counts; 0 when absent. */
  readonly revision?: number;
}

/** The whole answer of finance to a payout (topic `payments.inbound`). */
export type Payment =
  | (PaymentCommon & {
      readonly state: 'settled';
      /** The paid amount: all of the payout. */
      readonly amount: string;
      readonly currency: string;
      /** The rate, if the payer paid from another currency. */
      readonly exchange?: PaymentRate;
    })
  | (PaymentCommon & { readonly state: 'failed'; readonly reason: string });

/** One unit of `base` costs `rate` units of `quote`; one of them is the payout's currency, the other the payer's. */
export interface PaymentRate {
  readonly base: string;
  readonly quote: string;
  readonly rate: string;
  readonly source: string;
}

/**
 * What the payer books when an obligation is paid at another rate than it was earned at. The commission does not
 * change.
 */
export interface ExchangeDifference {
  /** The payer's currency. */
  readonly currency: string;
  /** The value of the obligation at the rates at which it was earned. */
  readonly accrued: string;
  /** Its value at the rate of the payment. */
  readonly paid: string;
  /** `paid − accrued`: a loss where it is positive. */
  readonly difference: string;
  /** The part of the obligation that was earned in the payer's currency. The rest has no rate of its own. */
  readonly of: string;
}

/** A payment as it was recorded. */
export type PaymentRecorded = Payment & {
  readonly statement: string;
  readonly payee: string;
  readonly period: string;
  readonly difference?: ExchangeDifference;
};
