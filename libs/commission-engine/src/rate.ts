/** Stages 2 and 3, measure and rate: what a credited line earns. Pure functions over lines in canonical order. */
import { allocate } from '@tantieme/money/allocation';
import { formatMinor } from '@tantieme/money/amount';
import { addRates, formatRate, ONE, parseDecimal, parseRate, powerOfTen } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import type { RoundingMode } from '@tantieme/money/rounding';
import { compareCreditLines } from './credit.js';
import type { CreditLine, Reversal } from './credit.js';
import { EngineError } from './engine-error.js';
import { compareText } from './occurrence.js';
import type { CompiledComponent, CompiledPlan, CompiledRate } from './plan.js';

type FlatRate = Extract<CompiledRate, { kind: 'flat' }>;
type MarginalRate = Extract<CompiledRate, { kind: 'marginal' }>;

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

/** True for a component whose lines are rated by what was measured before them. */
export function isMeasured({ rate }: CompiledComponent): boolean {
  return rate.kind === 'marginal';
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
  const rated: Rated[] = [];
  let sumMinor = beforeMinor;
  for (let index = from; index < lines.length; index++) {
    const line = lines[index];
    if (line === undefined) break;
    rated.push(rateLine(plan, component, line.line, line.basisMinor, sumMinor));
    sumMinor += line.basisMinor;
  }
  return rated;
}

/**
 * What one line earns, rounded once, and how it came about.
 * @throws {EngineError} `CreditInvalid` where the line does not fit its component
 */
export function rateLine(
  plan: CompiledPlan,
  component: CompiledComponent,
  line: CreditLine,
  basisMinor: bigint,
  beforeMinor: bigint,
): Rated {
  const { rate } = component;
  switch (rate.kind) {
    case 'percent': {
      const { amountMinor, rounding } = rounded(plan, basisMinor * rate.rate.numerator, rate.rate.denominator);
      return { amountMinor, trace: { rate: 'percent', basis: line.basis, percent: rate.rateText, ...rounding } };
    }
    case 'levels': {
      const level = rate.levels[(line.level ?? 0) - 1];
      if (level === undefined || line.level === undefined)
        throw new EngineError('CreditInvalid', `the component ${component.id} has no level ${line.level}`);
      const { amountMinor, rounding } = rounded(plan, basisMinor * level.rate.numerator, level.rate.denominator);
      return {
        amountMinor,
        trace: { rate: 'level', level: line.level, basis: line.basis, percent: level.rateText, ...rounding },
      };
    }
    case 'flat':
      return rateFlat(plan, rate, line, basisMinor);
    case 'marginal':
      return rateMarginal(plan, rate, line, basisMinor, beforeMinor);
    default:
      return rate satisfies never;
  }
}

/** One stated rounding, and the exact amount where it changed something. */
function rounded(
  plan: CompiledPlan,
  numerator: bigint,
  denominator: bigint,
): {
  readonly amountMinor: bigint;
  readonly rounding: { readonly rounding: RoundingMode; readonly unrounded?: string };
} {
  if (numerator % denominator === 0n)
    return { amountMinor: numerator / denominator, rounding: { rounding: plan.rounding } };
  return {
    amountMinor: divideRounded(numerator, denominator, plan.rounding),
    rounding: { rounding: plan.rounding, unrounded: exactAmount(numerator, denominator, plan) },
  };
}

/** `numerator ÷ denominator` minor units as exact text in currency units. */
function exactAmount(numerator: bigint, denominator: bigint, { decimals }: CompiledPlan): string {
  return formatRate({ numerator, denominator: denominator * powerOfTen(decimals) });
}

/**
 * A flat amount per deal, line or unit. It is rounded whole and then shared, so that the holders' parts sum to it. A deal
 * or line of a negative basis takes the amount back; of units, their own sign decides.
 */
function rateFlat(plan: CompiledPlan, rate: FlatRate, line: CreditLine, basisMinor: bigint): Rated {
  const quantity = line.quantity === undefined ? ONE : parseDecimal(line.quantity);
  const sign = line.quantity === undefined && basisMinor < 0n ? -1n : 1n;
  const whole = rounded(
    plan,
    sign * rate.amount.numerator * quantity.numerator * powerOfTen(plan.decimals),
    rate.amount.denominator * quantity.denominator,
  );
  const { split } = line;
  const amountMinor =
    split === undefined
      ? whole.amountMinor
      : (allocate(whole.amountMinor, split.shares.map(parseRate), 'largest')[split.index] ?? 0n);
  return {
    amountMinor,
    trace: {
      rate: 'flat',
      per: rate.per,
      amount: rate.amountText,
      ...(line.quantity === undefined ? {} : { quantity: line.quantity }),
      ...(split === undefined ? {} : { share: split.shares[split.index] ?? '0' }),
      ...whole.rounding,
    },
  };
}

/**
 * `f(c + d) − f(c)`, `f` piecewise linear ("step", "graduated"); of a negative measurement `f` uses the first tier's rate.
 * The portions are exact; their sum is rounded once.
 */
function rateMarginal(
  plan: CompiledPlan,
  rate: MarginalRate,
  line: CreditLine,
  basisMinor: bigint,
  beforeMinor: bigint,
): Rated {
  const low = basisMinor < 0n ? beforeMinor + basisMinor : beforeMinor;
  const high = basisMinor < 0n ? beforeMinor : beforeMinor + basisMinor;
  const portions: TracePortion[] = [];
  let numerator = 0n;
  for (let index = tierAt(rate, low); index < rate.tiers.length; index++) {
    const tier = rate.tiers[index];
    if (tier === undefined) break;
    const start = index === 0 ? low : (rate.tiers[index - 1]?.untilMinor ?? low);
    const from = start > low ? start : low;
    if (from >= high) break;
    const to = tier.untilMinor !== undefined && tier.untilMinor < high ? tier.untilMinor : high;
    const amountMinor = basisMinor < 0n ? from - to : to - from;
    const earned = amountMinor * tier.numerator;
    numerator += earned;
    portions.push({
      tier: index,
      amount: formatMinor(amountMinor, plan.decimals),
      rate: tier.rateText,
      earned: exactAmount(earned, rate.denominator, plan),
    });
  }
  const { amountMinor, rounding } = rounded(plan, numerator, rate.denominator);
  const before = formatMinor(beforeMinor, plan.decimals);
  return { amountMinor, trace: { rate: 'marginal', before, basis: line.basis, portions, ...rounding } };
}

/** The tier that money just above `minor` lies in. */
function tierAt({ tiers }: MarginalRate, minor: bigint): number {
  for (let index = 0; index < tiers.length; index++) {
    const until = tiers[index]?.untilMinor;
    if (until === undefined || minor < until) return index;
  }
  return tiers.length - 1;
}

/**
 * True where a line of a measured component earns the same at both places of the measurement, told without rating it: it
 * lies within one and the same tier.
 */
export function earnsTheSame(
  { rate }: CompiledComponent,
  basisMinor: bigint,
  leftBeforeMinor: bigint,
  rightBeforeMinor: bigint,
): boolean {
  if (rate.kind !== 'marginal') return true;
  const tier = tierAt(rate, basisMinor < 0n ? leftBeforeMinor + basisMinor : leftBeforeMinor);
  if (tier !== tierAt(rate, basisMinor < 0n ? rightBeforeMinor + basisMinor : rightBeforeMinor)) return false;
  const until = rate.tiers[tier]?.untilMinor;
  if (until === undefined) return true;
  const most = leftBeforeMinor > rightBeforeMinor ? leftBeforeMinor : rightBeforeMinor;
  return (basisMinor < 0n ? most : most + basisMinor) <= until;
}

/**
 * What a return line takes of what its original earned: its part, cumulatively rounded, so that the lines of a whole return
 * sum to the original, negated, to the minor unit. The line policy: it keeps its place in the measurement.
 */
export function rateReturn(plan: CompiledPlan, reversal: Reversal, earnedMinor: bigint): Rated {
  const before = parseDecimal(reversal.returnedBefore);
  const now = addRates(before, parseDecimal(reversal.returned));
  const of = parseDecimal(reversal.of);
  const taken = ({ numerator, denominator }: Rate) =>
    divideRounded(earnedMinor * numerator * of.denominator, denominator * of.numerator, plan.rounding);
  return {
    amountMinor: taken(before) - taken(now),
    trace: {
      rate: 'return',
      occurrence: reversal.occurrence,
      earned: formatMinor(earnedMinor, plan.decimals),
      returnedBefore: reversal.returnedBefore,
      returned: reversal.returned,
      of: reversal.of,
      rounding: plan.rounding,
    },
  };
}
