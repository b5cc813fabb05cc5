/** A credited line: the part of a deal's line that a payee is credited under a component of a plan. */

/**
 * What a return line reverses: `returned` of `of`, after `returnedBefore` was already returned. Net amounts in the
 * deal's currency, as magnitudes.
 */
export interface Reversal {
  /** Occurrence of the line that it reverses. */
  readonly occurrence: string;
  readonly returnedBefore: string;
  readonly returned: string;
  readonly of: string;
  /** Days, or paid instalments, between the line and its return; present where the component's bands need it. */
  readonly after?: number;
}

/** What a release line releases: the share `done` of `of` of the amount held, after `doneBefore`. */
export interface Release {
  /** Occurrence of the line whose earning is held. */
  readonly occurrence: string;
  readonly doneBefore: string;
  readonly done: string;
  readonly of: string;
}

/** How a basis was converted to the plan's currency. */
export interface Conversion {
  readonly from: string;
  /** The basis before the conversion, in the deal's currency. */
  readonly amount: string;
  /**
   * Units of the plan's currency for one of the deal's: a decimal, or an exact fraction where the inverse was
   * published.
   */
  readonly rate: string;
  /** Day of the rate, or of the last rate of an average. */
  readonly date: string;
  readonly source: string;
  readonly on: 'trigger' | 'invoice' | 'period-average' | 'period-end';
}

/**
 * A line of a deal credited to a payee. Plain JSON; unique within its deal and payee by `lineKey`. Amounts are decimal
 * text with the decimals of the plan's currency.
 */
export interface CreditLine {
  readonly component: string;
  /** Name of the plan's version whose terms apply. */
  readonly planVersion: string;
  /**
   * `booked`, `changed:<id>`, `invoice:<id>`, `payment:<id>`, `sold-through:<id>`, `return:<id>`, `cancelled`, or
   * `released:<n>` for the n-th part of a release schedule.
   */
  readonly occurrence: string;
  /** The deal's line; empty where the component pays the deal as one. */
  readonly line: string;
  /** Instant from which it counts, `2026-03-05T10:00:00.000Z`. */
  readonly at: string;
  /** Period of `at`. */
  readonly period: string;
  /** Measurement window: of the calendar (`2026-Q1`), `deal` or `rolling`. */
  readonly window: string;
  /**
   * The payee's part of the basis; quantities have the currency's decimals too. Return lines have the opposite sign.
   */
  readonly basis: string;
  /** Units of the whole line (not the payee's part), where the rate is per unit. */
  readonly quantity?: string;
  /** Shares of all holders of the role, and the index of the payee's, where a flat amount is split. */
  readonly split?: { readonly shares: readonly string[]; readonly index: number };
  /** Level of an override, from 1. */
  readonly level?: number;
  /**
   * Component and payee of the line that an override is paid on, or that counts towards the payee's team measurement.
   */
  readonly child?: { readonly component: string; readonly payee: string };
  /** Month of service, from 1, of a recurring component. */
  readonly month?: number;
  /** Index of the matrix rule that applies to the line, from 0. */
  readonly rule?: number;
  /** Of a spread: the payee's rate less the highest rate below, exact. */
  readonly spread?: string;
  /** On a reserve or release line: the conversion of the line that it belongs to. */
  readonly converted?: Conversion;
  readonly reverses?: Reversal;
  /**
   * True for the line that holds back what the line of the same occurrence earns, or that frees what a return line
   * takes.
   */
  readonly reserves?: true;
  readonly releases?: Release;
}

/** The fields that identify a line and decide its place among others. */
export interface LinePlace extends Pick<
  CreditLine,
  'component' | 'occurrence' | 'line' | 'at' | 'child' | 'month' | 'reserves'
> {
  readonly reverses?: Pick<Reversal, 'occurrence'>;
  readonly releases?: Pick<Release, 'occurrence'>;
}

/** Identity of a credit line within its deal and payee. */
export function lineKey(line: LinePlace): string {
  let key = baseKey(line, line.occurrence);
  if (line.reverses !== undefined) key += `|<${escaped(line.reverses.occurrence)}`;
  if (line.reserves === true) key += '|=';
  if (line.releases !== undefined) key += `|>${escaped(line.releases.occurrence)}`;
  return key;
}

/** Key of the line that a return or release line refers to. */
export function originalKey(line: CreditLine, { occurrence }: { readonly occurrence: string }): string {
  return baseKey(line, occurrence);
}

/** Key of the line whose earning a reserve line holds back. */
export function reservedKey({ reserves: _reserves, ...line }: CreditLine): string {
  return lineKey(line);
}

function baseKey(line: LinePlace, occurrence: string): string {
  let key = `${line.component}|${occurrence}|${escaped(line.line)}`;
  if (line.month !== undefined) key += `|m${line.month}`;
  if (line.child !== undefined) key += `|^${line.child.component}|${escaped(line.child.payee)}`;
  return key;
}

function escaped(text: string): string {
  return text.includes('|') || text.includes('\\') ? text.replaceAll('\\', '\\\\').replaceAll('|', '\\|') : text;
}

/** Canonical order of the lines of one deal and payee. Total: 0 only for the same line. */
export function compareCreditLines(left: LinePlace, right: LinePlace): number {
  return (
    compareText(left.at, right.at) ||
    compareText(left.occurrence, right.occurrence) ||
    compareText(left.line, right.line) ||
    compareText(left.component, right.component) ||
    compareText(left.reverses?.occurrence ?? '', right.reverses?.occurrence ?? '') ||
    compareText(left.child?.component ?? '', right.child?.component ?? '') ||
    compareText(left.child?.payee ?? '', right.child?.payee ?? '') ||
    (left.month ?? 0) - (right.month ?? 0) ||
    Number(left.reserves ?? false) - Number(right.reserves ?? false) ||
    compareText(left.releases?.occurrence ?? '', right.releases?.occurrence ?? '')
  );
}
import { compareText } from '@tantieme/contracts/compare-text';
