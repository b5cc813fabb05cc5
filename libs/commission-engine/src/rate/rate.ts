/** Stages 2 and 3, measure and rate: what a credited line earns at its place in the measurement. */
import { allocate } from '@tantieme/money/allocation';
import type { Remainder } from '@tantieme/money/allocation';
import { formatMinor } from '@tantieme/money/amount';
import { ONE, addRates, formatRate, parseDecimal, parseRate, powerOfTen } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import type { RoundingMode } from '@tantieme/money/rounding';
import type { CreditLine, Release, Reversal } from '../credit/credit-line.js';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledPlan, CompiledRate, RateText } from '../plan/compiled.js';
import { difference, portionsOf } from '../plan/curve.js';
import type { Curve, RatingContext } from '../plan/curve.js';
import type { Trace, TracedContext } from './trace.js';

type FlatRate = Extract<CompiledRate, { kind: 'flat' }>;

export interface Rated {
  readonly amountMinor: bigint;
  /** Made on demand. */
  readonly trace: () => Trace;
}

/**
 * What a line earns independently of other lines, rounded once.
 * @throws {EngineError} `CreditInvalid` where the line does not fit its component
 */
export function rateAlone(
  plan: CompiledPlan,
  component: CompiledComponent,
  line: CreditLine,
  basisMinor: bigint,
): Rated {
  const { rate } = component;
  switch (rate.kind) {
    case 'percent':
      return rateShare(plan, line, basisMinor, rate, { rate: 'percent' });
    case 'matrix': {
      const rule = rate.rules[line.rule ?? -1];
      if (rule === undefined || line.rule === undefined) throw unfit(component, `no rule ${line.rule}`);
      return rateShare(plan, line, basisMinor, rule, { rate: 'matrix', rule: line.rule });
    }
    case 'spread': {
      const spread = parseRate(line.spread ?? '0');
      return rateShare(plan, line, basisMinor, { rate: spread, rateText: line.spread ?? '0' }, { rate: 'spread' });
    }
    case 'recurring': {
      const month = line.month ?? 0;
      const tier = rate.tiers.find(({ untilMonth }) => untilMonth === undefined || month <= untilMonth) ?? NOTHING;
      return rateShare(plan, line, basisMinor, tier, { rate: 'recurring', month });
    }
    case 'levels': {
      const level = rate.levels[(line.level ?? 0) - 1];
      if (level === undefined || line.level === undefined) throw unfit(component, `no level ${line.level}`);
      const { amountMinor, rounding } = rounded(plan, basisMinor * level.rate.numerator, level.rate.denominator);
      const [number, percent] = [line.level, level.rateText];
      const basis = formatMinor(basisMinor, plan.decimals);
      return { amountMinor, trace: () => ({ rate: 'level', level: number, basis, percent, ...rounding() }) };
    }
    case 'flat':
      return rateFlat(
        plan,
        rate,
        line,
        basisMinor,
        component.credit.kind === 'direct' ? component.credit.remainder : 'largest',
      );
    default:
      throw unfit(component, `a ${rate.kind} rate, which needs a measurement`);
  }
}

const NOTHING: RateText = { rate: { numerator: 0n, denominator: 1n }, rateText: '0' };

function unfit({ id }: CompiledComponent, what: string): EngineError {
  return new EngineError('CreditInvalid', `component ${id} has ${what}`);
}

function rateShare(
  plan: CompiledPlan,
  line: CreditLine,
  basisMinor: bigint,
  { rate, rateText }: RateText,
  how: { rate: 'percent' | 'matrix' | 'spread' | 'recurring'; rule?: number; month?: number },
): Rated {
  const { amountMinor, rounding } = rounded(plan, basisMinor * rate.numerator, rate.denominator);
  const { rate: kind, ...which } = how;
  return {
    amountMinor,
    trace: () => ({ rate: kind, basis: line.basis, percent: rateText, ...which, ...rounding() }),
  };
}

/** Rounds once, with the exact amount for the trace where rounding changed it. */
function rounded(
  plan: CompiledPlan,
  numerator: bigint,
  denominator: bigint,
): { readonly amountMinor: bigint; readonly rounding: () => { rounding: RoundingMode; unrounded?: string } } {
  if (numerator % denominator === 0n)
    return { amountMinor: numerator / denominator, rounding: () => ({ rounding: plan.rounding }) };
  return {
    amountMinor: divideRounded(numerator, denominator, plan.rounding),
    rounding: () => ({ rounding: plan.rounding, unrounded: exactAmount(numerator, denominator, plan) }),
  };
}

/** `numerator ÷ denominator` minor units as exact text in currency units. */
function exactAmount(numerator: bigint, denominator: bigint, { decimals }: CompiledPlan): string {
  return formatRate({ numerator, denominator: denominator * powerOfTen(decimals) });
}

/**
 * A flat amount per deal, line or unit. It is rounded as a whole and then shared, so that the holders' parts sum to it.
 * A deal or line with a negative basis earns the negative amount; with units, the sign of the quantity decides.
 */
function rateFlat(
  plan: CompiledPlan,
  rate: FlatRate,
  line: CreditLine,
  basisMinor: bigint,
  remainder: Remainder,
): Rated {
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
      : (allocate(whole.amountMinor, split.shares.map(parseRate), remainder)[split.index] ?? 0n);
  return {
    amountMinor,
    trace: () => ({
      rate: 'flat',
      per: rate.per,
      amount: rate.amountText,
      ...(line.quantity === undefined ? {} : { quantity: line.quantity }),
      ...(split === undefined ? {} : { share: split.shares[split.index] ?? '0' }),
      ...whole.rounding(),
    }),
  };
}

/**
 * What a line adds to its measurement: `f(c + d) − f(c)`. The portions are exact; their sum is rounded once.
 * @param curve undefined where a gate bars everything
 */
export function rateMeasured(
  plan: CompiledPlan,
  component: CompiledComponent,
  curve: Curve | undefined,
  context: RatingContext,
  basisMinor: bigint,
  beforeMinor: bigint,
): Rated {
  const money = (minor: bigint) => formatMinor(minor, plan.decimals);
  if (curve === undefined) return barred(plan, component, context);
  const { numerator, denominator } = difference(curve, beforeMinor, basisMinor);
  const { amountMinor, rounding } = rounded(plan, numerator, denominator);
  return {
    amountMinor,
    trace: () => {
      const place = { before: money(beforeMinor), basis: money(basisMinor) };
      const tracedContext = tracedContextOf(plan, component, context);
      const { rate } = component;
      if (curve.kind === 'steps')
        return {
          rate: 'stepped',
          ...place,
          every: exactAmount(curve.every, curve.scale, plan),
          pay: money(curve.payMinor),
          ...tracedContext,
          ...rounding(),
        };
      const portions = portionsOf(curve, beforeMinor, basisMinor).map(({ tier, rate: share, amount }) => ({
        ...(tier === undefined ? {} : { tier }),
        amount: amountText(amount, plan),
        rate: formatRate(share),
        earned: exactAmount(amount.numerator * share.numerator, amount.denominator * share.denominator, plan),
      }));
      const kind =
        rate.kind === 'retroactive' || rate.kind === 'lagged' || rate.kind === 'accelerator' || rate.kind === 'marginal'
          ? rate.kind
          : 'percent-measured';
      return { rate: kind, ...place, portions, ...tracedContext, ...rounding() };
    },
  };
}

/** A line that earns nothing because the gate's target is not met. */
export function barred(plan: CompiledPlan, component: CompiledComponent, context: RatingContext): Rated {
  return {
    amountMinor: 0n,
    trace: () => ({
      rate: 'barred',
      target: component.gate?.targetText ?? '0',
      ...tracedContextOf(plan, component, context),
      total: formatMinor(context.totalMinor, plan.decimals),
    }),
  };
}

/** Money with all its decimals, or exact text where it is not a whole number of minor units. */
function amountText({ numerator, denominator }: Rate, plan: CompiledPlan): string {
  return numerator % denominator === 0n
    ? formatMinor(numerator / denominator, plan.decimals)
    : exactAmount(numerator, denominator, plan);
}

function tracedContextOf(plan: CompiledPlan, { rate, gate }: CompiledComponent, context: RatingContext): TracedContext {
  const { totalMinor, quota, baselineMinor, share } = context;
  const needsTotal = rate.kind === 'retroactive' || gate?.from === 'first';
  return {
    ...(needsTotal ? { total: formatMinor(totalMinor, plan.decimals) } : {}),
    ...(quota === undefined ? {} : { quota: amountText(quota, plan) }),
    ...(baselineMinor === undefined ? {} : { baseline: formatMinor(baselineMinor, plan.decimals) }),
    ...(share === undefined ? {} : { share: formatRate(share) }),
  };
}

// ── Lines that depend on another: returns, reserves and releases
// ────────────────────────────────────────────────────────

/**
 * A return line under the policy `line`: its share of what the original earned, rounded cumulatively, so that the lines
 * of a whole return sum to the original, negated, to the minor unit. The original keeps its place in the measurement.
 */
export function rateReturn(
  plan: CompiledPlan,
  component: CompiledComponent,
  reversal: Reversal,
  earnedMinor: bigint,
): Rated {
  const before = parseDecimal(reversal.returnedBefore);
  const now = addRates(before, parseDecimal(reversal.returned));
  const of = parseDecimal(reversal.of);
  const returnedUpTo = ({ numerator, denominator }: Rate) =>
    divideRounded(earnedMinor * numerator * of.denominator, denominator * of.numerator, plan.rounding);
  return bandedReturn(plan, component, reversal, returnedUpTo(before) - returnedUpTo(now), earnedMinor);
}

/**
 * A return line: the share of `policyMinor`, what the policy takes, that the return's band takes. Negative where money
 * is taken.
 */
export function bandedReturn(
  plan: CompiledPlan,
  component: CompiledComponent,
  reversal: Reversal,
  policyMinor: bigint,
  earnedMinor: bigint,
  policy?: 'average' | 're-rate',
): Rated {
  const band = bandOf(component, reversal);
  const amountMinor =
    band === undefined
      ? policyMinor
      : divideRounded(policyMinor * band.rate.numerator, band.rate.denominator, plan.rounding);
  return {
    amountMinor,
    trace: () => ({
      rate: 'return',
      ...(policy === undefined ? {} : { policy }),
      occurrence: reversal.occurrence,
      earned: formatMinor(earnedMinor, plan.decimals),
      returnedBefore: reversal.returnedBefore,
      returned: reversal.returned,
      of: reversal.of,
      ...(band === undefined ? {} : { band: band.rateText }),
      rounding: plan.rounding,
    }),
  };
}

/**
 * The band of a return; undefined where the component has none and all is taken. After the last band, nothing is taken.
 */
export function bandOf({ returns: { bands } }: CompiledComponent, { after = 0 }: Reversal): RateText | undefined {
  if (bands === undefined) return undefined;
  return bands.list.find(({ within }) => within === undefined || after <= within) ?? NOTHING;
}

/** A reserve line: the held share of what its line earns, negated. */
export function rateReserve(plan: CompiledPlan, held: RateText, earnedMinor: bigint): Rated {
  const { amountMinor, rounding } = rounded(plan, -earnedMinor * held.rate.numerator, held.rate.denominator);
  const earned = formatMinor(earnedMinor, plan.decimals);
  return { amountMinor, trace: () => ({ rate: 'reserve', earned, held: held.rateText, ...rounding() }) };
}

/** A release line: its part of the held amount, rounded cumulatively, `round(held × done ÷ of) − released before`. */
export function rateRelease(plan: CompiledPlan, release: Release, heldMinor: bigint): Rated {
  const before = parseRate(release.doneBefore);
  const now = addRates(before, parseRate(release.done));
  const of = parseRate(release.of);
  const releasedUpTo = ({ numerator, denominator }: Rate) =>
    divideRounded(heldMinor * numerator * of.denominator, denominator * of.numerator, plan.rounding);
  return {
    amountMinor: releasedUpTo(now) - releasedUpTo(before),
    trace: () => ({
      rate: 'release',
      occurrence: release.occurrence,
      held: formatMinor(heldMinor, plan.decimals),
      doneBefore: release.doneBefore,
      done: release.done,
      of: release.of,
      rounding: plan.rounding,
    }),
  };
}
