/**
 * A statement: what one payee earned in one currency and period, and what of it is paid. Its bytes are a function of
 * the lines alone: it holds no event id, position or time of arrival, so any order of arrival gives the same document.
 */
import { sortLedgerLines, withSortedKeys } from '@tantieme/contracts/ledger-hash';
import type { Exchanged, LedgerLine } from '@tantieme/contracts/ledger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Statement, StatementIssued, StatementPart } from '@tantieme/contracts/payout';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { sha256 } from '@tantieme/event-store/sha256';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { formatAmount, parseAmount } from '@tantieme/money/amount';

import { sumExchanged } from './exchange.js';

export interface StatementName {
  readonly payee: string;
  readonly currency: string;
  readonly calendar: string;
  readonly period: string;
  /** Number of the closing of the period that issued it. */
  readonly closing: number;
}

/** `payee|currency|calendar|period`, with `~2` after the period for its second closing. */
export function statementId({ payee, currency, calendar, period, closing }: StatementName): string {
  return `${payee}|${currency}|${calendar}|${period}${closing === 1 ? '' : `~${closing}`}`;
}

/** The parts of a statement's id; undefined if the text is not one. Only the payee may contain a bar. */
export function parseStatementId(id: string): StatementName | undefined {
  const match = /^(.+)\|([A-Z]{3})\|([^|]+)\|([^|~]+)(?:~([2-9]|[1-9]\d+))?$/.exec(id);
  if (match === null) return undefined;
  const [, payee = '', currency = '', calendar = '', period = '', closing = '1'] = match;
  return { payee, currency, calendar, period, closing: Number(closing) };
}

export function statementUnknown(id: string): DomainError {
  return new DomainError(
    'StatementUnknown',
    `there is no statement ${id}; GET /statements lists the ids of all statements`,
    'not-found',
  );
}

export function statementWithdrawn(id: string): DomainError {
  return new DomainError(
    'StatementWithdrawn',
    `${id} is withdrawn, because its period was reopened; GET /statements lists the statement that replaces it`,
    'conflict',
  );
}

/** True for an amount of zero, with any number of decimals. */
export function isZero(amount: string): boolean {
  return /^[0.]*$/.test(amount);
}

/** The terms that the plans behind a statement set for it. */
export interface StatementTerms {
  /** The smallest balance that is paid. */
  readonly minimumMinor: bigint;
  /** The payee has left and need not pay back a negative balance. */
  readonly forgives: boolean;
  readonly parts: readonly StatementPart[];
}

/** What becomes of a balance: at most one of the three is not zero. */
export interface BalanceOutcome {
  readonly payableMinor: bigint;
  readonly carriedMinor: bigint;
  readonly forgivenMinor: bigint;
}

/**
 * Pays the whole balance if it is positive and reaches the minimum, and carries it otherwise (semantics.md, "Negative
 * balance": KRW −1,323,000, then 1,890,000 earned, pays 567,000). A negative balance is written off if the terms
 * forgive it.
 */
export function balanceOutcome(
  openingMinor: bigint,
  totalMinor: bigint,
  { minimumMinor, forgives }: Pick<StatementTerms, 'minimumMinor' | 'forgives'>,
): BalanceOutcome {
  const balanceMinor = openingMinor + totalMinor;
  const none = { payableMinor: 0n, carriedMinor: 0n, forgivenMinor: 0n };
  if (balanceMinor < 0n && forgives) return { ...none, forgivenMinor: -balanceMinor };
  const isPaid = balanceMinor > 0n && balanceMinor >= minimumMinor;
  return isPaid ? { ...none, payableMinor: balanceMinor } : { ...none, carriedMinor: balanceMinor };
}

export interface StatementParts extends StatementName {
  readonly openingMinor: bigint;
  /** The part of the opening that was earned in other currencies. */
  readonly openingExchanged: readonly Exchanged[];
  readonly terms: StatementTerms;
  /** In any order. */
  readonly lines: readonly LedgerLine[];
}

/** @throws {MoneyError} if an amount has more decimals than the currency */
export function composeStatement(parts: StatementParts): Statement {
  const { payee, currency, calendar, period, closing, openingMinor, openingExchanged, terms } = parts;
  let totalMinor = 0n;
  for (const line of parts.lines) totalMinor += parseAmount(line.amount, currency);
  const { payableMinor, carriedMinor, forgivenMinor } = balanceOutcome(openingMinor, totalMinor, terms);
  const ofLines = parts.lines.flatMap(({ exchanged: ofLine = [] }) => ofLine);
  const exchanged = sumExchanged([...openingExchanged, ...ofLines], currency);
  // Keys in order of code units, here and in the lines, so that JSON.stringify writes the canonical JSON.
  const content = omitUndefined({
    calendar,
    carried: formatAmount(carriedMinor, currency),
    currency,
    exchanged: exchanged.length === 0 ? undefined : exchanged,
    forgiven: forgivenMinor === 0n ? undefined : formatAmount(forgivenMinor, currency),
    id: statementId({ payee, currency, calendar, period, closing }),
    lines: sortLedgerLines(parts.lines).map(withSortedKeys),
    opening: formatAmount(openingMinor, currency),
    parts: terms.parts.length === 0 ? undefined : terms.parts,
    payable: formatAmount(payableMinor, currency),
    payee,
    period,
    total: formatAmount(totalMinor, currency),
  });
  return { ...content, hash: sha256(JSON.stringify(content)) };
}

/** The statement as it is stored and published: with the number of its lines instead of the lines. */
export function withoutLines(statement: Statement): StatementIssued {
  const { lines, ...rest } = statement;
  return { ...rest, lineCount: lines.length };
}

/** The canonical bytes of a statement: two statements are equal if and only if these are. */
export function statementDocument(statement: Statement): string {
  return canonicalJson(statement);
}
