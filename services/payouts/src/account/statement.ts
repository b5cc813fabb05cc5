/**
 * A statement: what one payee is told, for one currency and period. Its bytes are a function of the lines alone: no id,
 * position or time of arrival is in it, so that any order of arrival ends in the same document.
 */
import { sortLedgerLines, withSortedKeys } from '@tantieme/contracts/ledger-hash';
import type { Exchanged, LedgerLine } from '@tantieme/contracts/ledger';
import type { Statement, StatementIssued, StatementPart } from '@tantieme/contracts/payout';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { formatAmount, parseAmount } from '@tantieme/money/amount';

import { sumExchanged } from '../account/exchange.js';

/** `payee|currency`: what an account is named by. */
export function accountName(payee: string, currency: string): string {
  return `${payee}|${currency}`;
}

/** `payee|currency|calendar|period`. */
export function statementId(payee: string, currency: string, calendar: string, period: string): string {
  return `${payee}|${currency}|${calendar}|${period}`;
}

/** What a statement is named by. */
export interface StatementName {
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  readonly period: string;
}

/** The parts of a statement's id, or undefined where the text is none. Only the payee may hold a bar. */
export function parseStatementId(id: string): StatementName | undefined {
  const match = /^(.+)\|([A-Z]{3})\|([^|]+)\|([^|]+)$/.exec(id);
  if (match === null) return undefined;
  const [, payee = '', currency = '', calendar = '', period = ''] = match;
  return { payee, currency, calendar, period };
}

export interface Settled {
  readonly payableMinor: bigint;
  readonly carriedMinor: bigint;
  readonly forgivenMinor: bigint;
}

/**
 * What a balance pays: all of it where it reaches max(minimum, 0) and is worth something, else nothing; the rest is
 * carried (semantics.md, "Negative balance": KRW −1,323,000, then 1,890,000 earned, pays 567,000). What is negative is
 * written off where the terms forgive.
 */
export function settle(
  openingMinor: bigint,
  totalMinor: bigint,
  { minimumMinor, forgives }: Pick<AccountTerms, 'minimumMinor' | 'forgives'>,
): Settled {
  const balanceMinor = openingMinor + totalMinor;
  const none = { payableMinor: 0n, carriedMinor: 0n, forgivenMinor: 0n };
  if (balanceMinor < 0n && forgives) return { ...none, forgivenMinor: -balanceMinor };
  const isPaid = balanceMinor > 0n && balanceMinor >= minimumMinor;
  return isPaid ? { ...none, payableMinor: balanceMinor } : { ...none, carriedMinor: balanceMinor };
}

/** What the plans behind a statement say of its settlement. */
export interface AccountTerms {
  /** Smallest balance worth a payment. */
  readonly minimumMinor: bigint;
  /** The payee has left, and need not pay back what is negative. */
  readonly forgives: boolean;
  readonly parts: readonly StatementPart[];
}

export interface StatementParts extends StatementName {
  readonly openingMinor: bigint;
  /** What of the opening was earned in other currencies. */
  readonly openingExchanged: readonly Exchanged[];
  readonly terms: AccountTerms;
  /** In any order. */
  readonly lines: readonly LedgerLine[];
}

/** The statement of these lines. @throws {MoneyError} where an amount is none of the currency. */
export function composeStatement(parts: StatementParts): Statement {
  const { payee, currency, calendar, period, openingMinor, openingExchanged, terms } = parts;
  let totalMinor = 0n;
  for (const line of parts.lines) totalMinor += parseAmount(line.amount, currency);
  const { payableMinor, carriedMinor, forgivenMinor } = settle(openingMinor, totalMinor, terms);
  const ofLines = parts.lines.flatMap(({ exchanged: ofLine = [] }) => ofLine);
  const exchanged = sumExchanged([...openingExchanged, ...ofLines], currency);
  // Keys in the order of their code units, here and in the lines: what the serialiser writes is the canonical text.
  const content = {
    calendar,
    carried: formatAmount(carriedMinor, currency),
    currency,
    ...(exchanged.length === 0 ? {} : { exchanged }),
    ...(forgivenMinor === 0n ? {} : { forgiven: formatAmount(forgivenMinor, currency) }),
    id: statementId(payee, currency, calendar, period),
    lines: sortLedgerLines(parts.lines).map(withSortedKeys),
    opening: formatAmount(openingMinor, currency),
    ...(terms.parts.length === 0 ? {} : { parts: terms.parts }),
    payable: formatAmount(payableMinor, currency),
    payee,
    period,
    total: formatAmount(totalMinor, currency),
  };
  return { ...content, hash: sha256(JSON.stringify(content)) };
}

/** The statement as it is announced: the lines are counted instead of told. */
export function withoutLines(statement: Statement): StatementIssued {
  const { lines, ...rest } = statement;
  return { ...rest, lineCount: lines.length };
}

/** The one and only bytes of a statement: two statements are equal where these are. */
export function statementDocument(statement: Statement): string {
  return canonicalJson(statement);
}
