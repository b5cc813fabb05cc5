/** What a line earns in a measurement, for the reference: `f(c + d) − f(c)`, with `f` written out rate by rate. */
import type { PayeeTerms } from '../earn/payee-terms.js';
import type { CreditLine } from '../credit/credit-line.js';
import {
  dividedBy,
  fractionOf,
  fullSteps,
  isLess,
  least,
  minus,
  most,
  NOTHING,
  plus,
  times,
  whole,
} from './fractions.fixture.js';
import type { Fraction } from './fractions.fixture.js';
import type { ComponentDocument } from '../plan/document.js';
import { sameWindowLastYear, quotaOf, shareOfDays, windowBefore } from './reference-calendar.fixture.js';

/** Amounts in currency units, or in units of a quantity. */
export interface RatingContext {
  /** Total of the measurement. */
  readonly total: Fraction;
  /** Total of the same window of last year. */
  readonly lastYear: Fraction;
  /** Undefined where it is missing, or not used. */
  readonly quota: Fraction | undefined;
  /** Share of the window's days, by which tiers, targets and quota are prorated. */
  readonly share: Fraction;
  /** Tier that the previous window reached. */
  readonly laggedTier: number;
}

/** A tier with its end and its rate. */
interface Tier {
  readonly end: Fraction | undefined;
  readonly inclusive: boolean;
  readonly rate: Fraction;
}

const MEASURED = ['marginal', 'retroactive', 'interpolated', 'stepped', 'lagged', 'accelerator'];

/** True for a component whose lines earn by their place in a measurement. */
export function isMeasured({ credit, rate, gate, measure }: ComponentDocument): boolean {
  if ('override' in credit || rate === undefined) return false;
  return MEASURED.some((kind) => kind in rate) || gate !== undefined || measure?.above !== undefined;
}

/** @param totalOf total of the component's measurement in another window */
export function ratingContextOf(
  component: ComponentDocument,
  window: string,
  total: Fraction,
  totalOf: (window: string) => Fraction,
  payeeTerms: PayeeTerms,
): RatingContext {
  const { measure, rate } = component;
  const isCalendar = /^[0-9]/.test(window);
  const share = measure?.prorate === undefined || !isCalendar ? whole(1) : shareOfDays(payeeTerms, window);
  const declared = measure?.quota;
  const quota =
    declared === undefined || !isCalendar
      ? undefined
      : declared === 'fact'
        ? quotaOf(payeeTerms, component.id, window)
        : fractionOf(declared);
  const context = {
    total,
    lastYear: isCalendar ? totalOf(sameWindowLastYear(window)) : NOTHING,
    quota: quota === undefined ? undefined : times(quota, share),
    share,
    laggedTier: 0,
  };
  if (rate === undefined || !('lagged' in rate)) return context;
  const before = windowBefore(window);
  const recorded = rate.as === 'live' ? undefined : payeeTerms.reachedTiers[`${component.id} ${before}`];
  if (recorded !== undefined) return { ...context, laggedTier: recorded };
  const { lagged: _lagged, as: _as, ...others } = rate;
  const then = ratingContextOf(
    { ...component, rate: { ...others, percent: '0' } },
    before,
    totalOf(before),
    totalOf,
    payeeTerms,
  );
  return {
    ...context,
    laggedTier: tierOf(tiersOf(rate.lagged, then.share), aboveBaseline(component, then.total, then)),
  };
}

function tiersOf(
  tiers: readonly { readonly below?: string; readonly upTo?: string; readonly pay: string }[],
  share: Fraction,
): readonly Tier[] {
  return tiers.map(({ below, upTo, pay }) => {
    const end = below ?? upTo;
    return {
      end: end === undefined ? undefined : times(fractionOf(end), share),
      inclusive: upTo !== undefined,
      rate: fractionOf(pay),
    };
  });
}

function tierOf(tiers: readonly Tier[], total: Fraction): number {
  return tiers.findIndex(
    ({ end, inclusive }) => end === undefined || isLess(total, end) || (inclusive && !isLess(end, total)),
  );
}

/**
 * The sum over the tiers from zero up, each part at its rate. A negative measurement earns at the first tier's rate.
 */
function throughTiers(tiers: readonly Tier[], measured: Fraction): Fraction {
  if (isLess(measured, NOTHING)) return times(measured, tiers[0]?.rate ?? NOTHING);
  let start = NOTHING;
  let sum = NOTHING;
  for (const { end, rate } of tiers) {
    const upTo = end === undefined ? measured : least(measured, end);
    if (isLess(start, upTo)) sum = plus(sum, times(minus(upTo, start), rate));
    if (end !== undefined) start = most(start, end);
  }
  return sum;
}

/** True where rate or gate need a quota that is missing. */
export function isQuotaMissing({ rate, gate }: ComponentDocument, { quota }: RatingContext): boolean {
  return quota === undefined && (gate?.attainment !== undefined || (rate !== undefined && 'accelerator' in rate));
}

function baselineOf({ measure }: ComponentDocument, { lastYear }: RatingContext): Fraction | undefined {
  const above = measure?.above;
  if (above === undefined) return undefined;
  return 'fixed' in above ? fractionOf(above.fixed) : most(NOTHING, lastYear);
}

function aboveBaseline(component: ComponentDocument, measured: Fraction, context: RatingContext): Fraction {
  const baseline = baselineOf(component, context);
  return baseline === undefined ? measured : most(NOTHING, minus(measured, baseline));
}

/** What the measurement has to reach to pass the gate, baseline included; undefined without a gate. */
function targetOf(component: ComponentDocument, context: RatingContext): Fraction | undefined {
  const { gate } = component;
  if (gate === undefined) return undefined;
  if (gate.growth !== undefined) return times(most(NOTHING, context.lastYear), plus(whole(1), fractionOf(gate.growth)));
  const measured =
    gate.target !== undefined
      ? times(fractionOf(gate.target), context.share)
      : times(fractionOf(gate.attainment ?? '0'), context.quota ?? NOTHING);
  return plus(measured, baselineOf(component, context) ?? NOTHING);
}

/** True where a gate with `from: first` is not met. */
export function isBarred(component: ComponentDocument, context: RatingContext): boolean {
  if (component.gate?.from === 'above') return false;
  const target = targetOf(component, context);
  return target !== undefined && isLess(context.total, target);
}

/** What the line earns on top of `before`, exact, in currency units. */
export function earnedAt(
  component: ComponentDocument,
  line: CreditLine,
  basis: Fraction,
  before: Fraction,
  context: RatingContext,
): Fraction {
  if (isBarred(component, context)) return NOTHING;
  const floor = component.gate?.from === 'above' ? targetOf(component, context) : undefined;
  const { rate } = component;
  const value = (position: Fraction): Fraction => {
    if (floor === undefined) return valueOf(component, line, aboveBaseline(component, position, context), context);
    // Steps count from the start of what is paid; tiers keep their place in the measurement.
    const start = most(floor, baselineOf(component, context) ?? floor);
    const at = most(position, start);
    const isStepped = rate !== undefined && 'stepped' in rate;
    return valueOf(component, line, isStepped ? minus(at, start) : aboveBaseline(component, at, context), context);
  };
  return minus(value(plus(before, basis)), value(before));
}

function valueOf(component: ComponentDocument, line: CreditLine, measured: Fraction, context: RatingContext): Fraction {
  const { rate } = component;
  const { share, quota = NOTHING } = context;
  if (rate === undefined) throw new Error('no rate');
  if ('percent' in rate) return times(measured, fractionOf(rate.percent));
  if ('marginal' in rate) return throughTiers(tiersOf(rate.marginal, share), measured);
  if ('retroactive' in rate) {
    const tiers = tiersOf(rate.retroactive, share);
    const reached = tiers[tierOf(tiers, aboveBaseline(component, context.total, context))];
    return times(measured, reached?.rate ?? NOTHING);
  }
  if ('lagged' in rate) return times(measured, fractionOf(rate.lagged[context.laggedTier]?.pay ?? '0'));
  if ('interpolated' in rate) {
    const ends = rate.interpolated.map(({ upTo }) => fractionOf(upTo));
    const tiers = rate.interpolated.map(({ earn }, at) => ({
      end: times(ends[at] ?? NOTHING, share),
      inclusive: true,
      rate: dividedBy(fractionOf(earn), minus(ends[at] ?? NOTHING, ends[at - 1] ?? NOTHING)),
    }));
    return throughTiers([...tiers, { end: undefined, inclusive: true, rate: NOTHING }], measured);
  }
  if ('stepped' in rate && share[0] === 0n) return NOTHING;
  if ('stepped' in rate)
    return times(
      whole(fullSteps(measured, times(fractionOf(rate.stepped.every), share))),
      fractionOf(rate.stepped.pay),
    );
  if ('accelerator' in rate) {
    const base = fractionOf(rate.accelerator.base);
    const bands = rate.accelerator.bands.map(({ upTo, times: multiplier }) => ({
      end: upTo === undefined ? undefined : times(fractionOf(upTo), quota),
      inclusive: true,
      rate: times(base, fractionOf(multiplier)),
    }));
    return throughTiers(bands, measured);
  }
  if ('matrix' in rate) return times(measured, fractionOf(rate.matrix.rules[line.rule ?? -1]?.pay ?? '0'));
  throw new Error('a flat amount is not rated over a measurement');
}
