/** What payouts says to finance (topic `payouts`). Amounts are decimal text with the currency's own decimals. */
import type { LedgerLine, SettleTerms } from './ledger.js';

/** What of a statement's lines is settled on one kind of terms. */
export interface StatementPart extends SettleTerms {
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
  readonly approvedBy: string;
}
