/** The canonical order of credited lines. It decides each line's place in its measurement. */
import { compareText } from '@tantieme/contracts/compare-text';
import { compareCreditLines } from '../credit/credit-line.js';
import type { CreditLine, LinePlace } from '../credit/credit-line.js';

/** A credited line of a payee with its deal and what it adds to its measurement. */
export interface MeasuredLine {
  /** `source|id` */
  readonly deal: string;
  readonly line: CreditLine;
  /** In minor units: the line's basis, less its returns where those are re-rated. */
  readonly basisMinor: bigint;
}

/** The fields that decide a line's place among all lines of a payee. */
export interface PlacedLine {
  /** `source|id` */
  readonly deal: string;
  readonly line: LinePlace;
}

/** Canonical order: instant, source, deal, occurrence, line, and then the other fields of a line's identity. */
export function compareLines(left: PlacedLine, right: PlacedLine): number {
  return (
    compareText(left.line.at, right.line.at) ||
    (left.deal === right.deal ? 0 : compareDeals(left.deal, right.deal)) ||
    compareCreditLines(left.line, right.line)
  );
}

/** By source, then id. The joined text would sort deals of source `a b` between those of source `a`. */
function compareDeals(left: string, right: string): number {
  const leftBar = left.indexOf('|');
  const rightBar = right.indexOf('|');
  return compareText(left.slice(0, leftBar), right.slice(0, rightBar)) || compareText(left, right);
}
