import { compareText } from '@tantieme/contracts/compare-text';
/** A credited line: what a payee is credited of a deal's line under a component of a plan. */

/** A return line: it takes back `returned` of `of`, after `returnedBefore` had been taken back. Net amounts, as magnitudes, in the deal's currency. */
export interface Reversal {
  /** Occurrence of the line that it takes back. */
  readonly occurrence: string;
  readonly returnedBefore: string;
  readonly returned: string;
  readonly of: string;
  /** Days, or instalments that were paid, between the line and its return: where the component's bands ask. */
  readonly after?: number;
}

/** A release line: what is held of a line is released in step with `done` of `of`, after `doneBefore`. */
export interface Release {
  /** Occurrence of the line whose earning is held. */
  readonly occurrence: string;
  readonly doneBefore: string;
  readonly done: string;
  readonly of: string;
}

/** How a basis was brought to the plan's currency. */
export interface Conversion {
  readonly from: string;
  /** The basis before, in the deal's currency. */
  readonly amount: string;
  /** So many units of the plan's currency for one of the deal's: a decimal, or an exact fraction where the inverse was published. */
  readonly rate: string;
  /** Day of the rate, or of the last one of an average. */
  readonly date: string;
  readonly source: string;
  readonly on: 'trigger' | 'invoice' | 'period-average' | 'period-end';
}

/**
 * One crediting of one line to one payee; plain JSON. Unique in its deal by `lineKey`. Amounts are decimal text with the
 * plan currency's decimals.
 */
export interface CreditLine {
  readonly component: string;
  readonly planHash: string;
  /** `booked`, `invoice:<id>`, `payment:<id>`, `sold-through:<id>`, `return:<id>`, `cancelled`, `released:<days>`. */
  readonly occurrence: string;
  /** The deal's line; empty where the component pays a deal as one. */
  readonly line: string;
  /** When it counts, `2026-03-05T10:00:00.000Z`. */
  readonly at: string;
  /** Period that it belongs to. */
  readonly period: string;
  /** Measurement window that it is measured in; `deal` and `rolling` for those. */
  readonly window: string;
  /** The payee's part of the basis; of quantities, with the currency's decimals too. Negative in a return line. */
  readonly basis: string;
  /** Units of the line, whole (not the payee's part), where the rate is per unit. */
  readonly quantity?: string;
  /** Shares of all who hold the role, and which of them the payee's is, where a flat amount is to be split. */
  readonly split?: { readonly shares: readonly string[]; readonly index: number };
  /** Level of an override, from 1. */
  readonly level?: number;
  /** The credited line that an override is paid on, or a team's line is measured for. */
  readonly child?: { readonly component: string; readonly payee: string };
  /** Month of service, from 1, of a recurring component. */
  readonly month?: number;
  /** Rule of a matrix that is the most specific for the line, from 0. */
  readonly rule?: number;
  /** Own rate less the highest below, of a spread: exact. */
  readonly spread?: string;
  /** Of what is kept back or released: how the basis of the line that it is of was converted. */
  readonly converted?: Conversion;
  readonly reverses?: Reversal;
  /** True for the line that keeps back what the line of the same occurrence earns, or gives back what a return line takes. */
  readonly reserves?: true;
  readonly releases?: Release;
}

/** What a line is known by, and where it stands among others. */
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

/** Key of the line that a return or release line is about. */
export function originalKey(line: CreditLine, { occurrence }: { readonly occurrence: string }): string {
  return baseKey(line, occurrence);
}

/** Key of the line whose earning a reserve line keeps back. */
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

/** Canonical order of the lines of one deal and payee. Total: 0 only for one and the same line. */
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
