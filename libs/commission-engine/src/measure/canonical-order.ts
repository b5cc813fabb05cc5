/** The canonical order of credited lines, which decides a line's place in a measurement. */
import { compareCreditLines } from '../credit/credit-line.js';
import type { CreditLine, LinePlace } from '../credit/credit-line.js';
import { compareText } from '../deal/occurrence.js';

/** A credited line of a payee, with the deal it is of. */
export interface MeasuredLine {
  /** `source|id` */
  readonly deal: string;
  readonly line: CreditLine;
  /** What it adds to the measurement, in minor units: its basis, less what came back of it where a return is re-rated. */
  readonly basisMinor: bigint;
}

/** A line's place among all lines. */
export interface PlacedLine {
  /** `source|id` */
  readonly deal: string;
  readonly line: LinePlace;
}

/** Canonical order of lines: date, source, deal, occurrence, line, and then what else tells them apart. */
export function compareLines(left: PlacedLine, right: PlacedLine): number {
  return (
    compareText(left.line.at, right.line.at) ||
    (left.deal === right.deal ? 0 : compareDeals(left.deal, right.deal)) ||
    compareCreditLines(left.line, right.line)
  );
}

/** By source, then id: not by the joined text, where a source that begins like another could come between its deals. */
function compareDeals(left: string, right: string): number {
  const leftBar = left.indexOf('|');
  const rightBar = right.indexOf('|');
  return compareText(left.slice(0, leftBar), right.slice(0, rightBar)) || compareText(left, right);
}
