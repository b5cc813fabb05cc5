/** What payouts says to finance (topic `payouts`). Amounts are decimal text with the currency's own decimals. */
import type { Exchanged, LedgerLine, PayoutTerms } from './ledger.js';

/** What of a statement's lines is settled on one kind of terms. */
export interface StatementPart extends PayoutTerms {
  /** Sum of its lines. */
  readonly total: string;
}

export interface Statement {
  /** `payee|currency|calendar|period`. */
  readonly id: string;
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  readonly period: string;
  /** Carried from the statement before; zero or negative, or below the minimum. */
  readonly opening: string;
  /** Sum of the lines. */
  readonly total: string;
  /** `opening + total` where that is to be paid, else zero. */
  readonly payable: string;
  /** `opening + total + forgiven − payable`, carried to the next statement. */
  readonly carried: string;
  /** What the payee owed and need not pay back; left out where that is nothing. */
  readonly forgiven?: string;
  /** By the terms of the plans behind it, in order; left out where no plan says any. */
  readonly parts?: readonly StatementPart[];
  /** What of the balance was earned in other currencies, carried lines included; left out where that is nothing. */
  readonly exchanged?: readonly Exchanged[];
  readonly lines: readonly LedgerLine[];
  /** SHA-256, hex, of the canonical JSON of all the above. */
  readonly hash: string;
}

export interface StatementIssued extends Omit<Statement, 'lines'> {
  readonly lineCount: number;
}

/** An approved statement is to be paid. Finance pays each `id` once. */
export interface PayoutDue {
  readonly id: string;
  readonly statement: string;
  readonly payee: string;
  readonly currency: string;
  readonly period: string;
  readonly amount: string;
  /** Of the statement. */
  readonly parts?: readonly StatementPart[];
  /** Of the statement: what the payer has booked for it in other currencies. */
  readonly exchanged?: readonly Exchanged[];
  readonly approvedBy: string;
}

interface PaymentCommon {
  /** Id of the payout. */
  readonly payout: string;
  /** Day of the payment, or of its failure. */
  readonly on: string;
  /** The highest of a payout counts; 0 where it is left out. */
  readonly revision?: number;
}

/** What finance answers to a payout, whole (topic `payments.inbound`). */
export type Payment =
  | (PaymentCommon & {
      readonly state: 'settled';
      /** What was paid: all of the payout. */
      readonly amount: string;
      readonly currency: string;
      /** Where the payer paid out of another currency: at this rate. */
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

/** What the payer books when an obligation is paid at another rate than it was earned at; the commission stays what it is. */
export interface ExchangeDifference {
  /** The payer's. */
  readonly currency: string;
  /** What the obligation was worth at the rates by which it was earned. */
  readonly accrued: string;
  /** What it was worth at the rate of the payment. */
  readonly paid: string;
  /** `paid − accrued`: a loss where it is positive. */
  readonly difference: string;
  /** What of the obligation was earned in the payer's currency; the rest has no rate of its own. */
  readonly of: string;
}

/** A payment as it was taken. */
export type PaymentRecorded = Payment & {
  readonly statement: string;
  readonly payee: string;
  readonly period: string;
  readonly difference?: ExchangeDifference;
};
