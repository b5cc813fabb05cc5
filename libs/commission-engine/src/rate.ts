/** Stages 2 and 3, measure and rate: what a credited line earns. Pure functions over lines in canonical order. */
import type { CompiledComponent, CompiledPlan } from './plan.js';
import type { CreditLine } from './credit.js';

/** A credited line of a payee, with the deal it is of. */
export interface MeasuredLine {
  /** `source|id` */
  readonly deal: string;
  readonly line: CreditLine;
  /** `line.basis` in minor units. */
  readonly basisMinor: bigint;
}

export interface TracePortion {
  /** Tier of the rate, from 0. */
  readonly tier: number;
  /** Part of the basis that lies in the tier. */
  readonly amount: string;
  readonly rate: string;
  /** Exact, before rounding. */
  readonly earned: string;
}

/** How an amount came about; JSON-ready, amounts in the plan's currency. `unrounded` is there where rounding changed something. */
export type Trace =
  | {
      readonly rate: 'percent';
      readonly basis: string;
      readonly percent: string;
      readonly rounding: string;
      readonly unrounded?: string;
    }
  | {
      readonly rate: 'flat';
      readonly per: string;
      readonly amount: string;
      readonly quantity?: string;
      readonly share?: string;
      readonly rounding: string;
      readonly unrounded?: string;
    }
  | {
      readonly rate: 'marginal';
      /** Measured before the line (c), and what the line adds (d). */
      readonly before: string;
      readonly basis: string;
      readonly portions: readonly TracePortion[];
      readonly rounding: string;
      readonly unrounded?: string;
    }
  | {
      readonly rate: 'level';
      readonly level: number;
      readonly basis: string;
      readonly percent: string;
      readonly rounding: string;
      readonly unrounded?: string;
    }
  | {
      readonly rate: 'return';
      readonly occurrence: string;
      /** What the line that is taken back earned. */
      readonly earned: string;
      readonly returnedBefore: string;
      readonly returned: string;
      readonly of: string;
      readonly rounding: string;
    };

export interface Rated {
  readonly amountMinor: bigint;
  readonly trace: Trace;
}

/** Canonical order of lines: date, source, deal, occurrence, line, and then what else tells them apart. */
export function compareLines(left: MeasuredLine, right: MeasuredLine): number {
  throw new Error(`to come: ${left.deal} ${right.deal}`);
}

/**
 * Rates `lines` (one payee × component × window, canonical order, no return lines) from index `from` on, where the
 * measurement held `beforeMinor` before that line. One result for each line from there on.
 */
export function rateLines(
  plan: CompiledPlan,
  component: CompiledComponent,
  lines: readonly MeasuredLine[],
  from: number,
  beforeMinor: bigint,
): readonly Rated[] {
  throw new Error(`to come: ${plan.id} ${component.id} ${lines.length} ${from} ${beforeMinor}`);
}
