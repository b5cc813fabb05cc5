/** What payouts says to finance (topic `payouts`). Amounts are decimal text with the currency's own decimals. */
import type { LedgerLine } from './ledger.js';

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
  /** `opening + total − payable`, carried to the next statement. */
  readonly carried: string;
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
  readonly approvedBy: string;
}
