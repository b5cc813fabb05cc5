/**
 * What a measurement earns, as a curve `f`: a line that adds `d` to a measurement of `c` earns `f(c + d) − f(c)`. Every
 * rate over a measurement is such a curve. Which one depends on the measurement's context (total, quota, baseline,
 * previous window), so one rule covers marginal, retroactive, interpolated, stepped, lagged and accelerated rates,
 * gates and growth.
 */
import { addRates, compareRates, multiplyRates, ONE, subtractRates, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledTier } from './compiled.js';

/** What a rate may depend on besides the line's place in its measurement. Amounts in minor units of the measurement. */
export interface RatingContext {
  /** Total of the measurement. */
  readonly totalMinor: bigint;
  /** Total of the same window of last year, where the component needs it. */
  readonly baselineMinor?: bigint | undefined;
  /** Quota of the window, exact. */
  readonly quota?: Rate | undefined;
  /** Share of the window's days that the agreement covers, where the component prorates. */
  readonly share?: Rate | undefined;
  /** For a lagged rate: tier that the previous window reached, from 0. */
  readonly laggedTier?: number | undefined;
}

/**
 * Piecewise linear and continuous, `f(0) = 0`. Positions are minor units × `scale`; values are minor units ×
 * `denominator`.
 */
export interface LinearCurve {
  readonly kind: 'linear';
  readonly scale: bigint;
  readonly denominator: bigint;
  readonly pieces: readonly LinearPiece[];
}

export interface LinearPiece {
  /** Position at which the piece ends; undefined for the last. */
  readonly end: bigint | undefined;
  /** Value at the end of the piece; of no meaning for the last. */
  readonly valueAtEnd: bigint;
  /** Value per unit of position. */
  readonly slope: bigint;
  /** Tier or band of the rate, from 0; undefined below a baseline or gate, where nothing is earned. */
  readonly tier: number | undefined;
  readonly rate: Rate;
}

/** Pays `payMinor` for each full step. */
export interface StepCurve {
  readonly kind: 'steps';
  readonly scale: bigint;
  /**
   * Position at which the first step begins; at or below it nothing is earned. Undefined: zero, and mirrored below
   * zero.
   */
  readonly from: bigint | undefined;
  /** Length of a step. 0 where the agreement covers no day of the window: no step is ever full. */
  readonly every: bigint;
  readonly payMinor: bigint;
}

export type Curve = LinearCurve | StepCurve;

/** True for a component whose lines are rated by their place in a measurement or by its context. */
export function isMeasured({ rate, gate, measure }: CompiledComponent): boolean {
  switch (rate.kind) {
    case 'marginal':
    case 'retroactive':
    case 'lagged':
    case 'stepped':
    case 'accelerator':
      return true;
    default:
      return gate !== undefined || measure.above !== undefined;
  }
}

/** True where the curve itself depends on the measurement's total: one more line may change what all others earn. */
export function dependsOnTotal({ rate, gate }: CompiledComponent): boolean {
  return rate.kind === 'retroactive' || gate?.from === 'first';
}

/** True where a gate that pays from the first unit has not reached its target: nothing is earned. */
export function isBarred(component: CompiledComponent, context: RatingContext): boolean {
  if (component.gate?.from !== 'first') return false;
  return compareRates({ numerator: context.totalMinor, denominator: 1n }, gateTarget(component, context)) < 0;
}

interface Piece {
  readonly until: Rate | undefined;
  readonly slope: Rate;
  readonly tier: number | undefined;
}

/**
 * The curve of a component; undefined where a gate bars everything.
 * @param rule index of the line's matrix rule, where a matrix decides the rate
 * @throws {EngineError} `CreditInvalid` where the context lacks what the component needs
 */
export function curveOf(component: CompiledComponent, context: RatingContext, rule?: number): Curve | undefined {
  if (isBarred(component, context)) return undefined;
  const baseline = baselineOf(component, context);
  const from = component.gate?.from === 'above' ? gateTarget(component, context) : undefined;
  const floor = from === undefined || (baseline !== undefined && compareRates(baseline, from) > 0) ? baseline : from;
  const { rate } = component;
  if (rate.kind === 'stepped') {
    const share = context.share ?? ONE;
    const { denominator } = floor ?? ONE;
    return {
      kind: 'steps',
      scale: denominator * share.denominator,
      from: floor === undefined ? undefined : floor.numerator * share.denominator,
      every: rate.everyMinor * share.numerator * denominator,
      payMinor: rate.payMinor,
    };
  }
  return linearCurve(clipped(shifted(piecesOf(component, context, baseline, rule), baseline), floor));
}

function piecesOf(
  component: CompiledComponent,
  context: RatingContext,
  baseline: Rate | undefined,
  rule: number | undefined,
): readonly Piece[] {
  const { rate, id } = component;
  const open = (slope: Rate, tier = 0): readonly Piece[] => [{ until: undefined, slope, tier }];
  switch (rate.kind) {
    case 'percent':
      return open(rate.rate);
    case 'matrix':
      return open(rate.rules[rule ?? -1]?.rate ?? ZERO, rule);
    case 'marginal':
      return rate.tiers.map(({ untilMinor, rate: slope }, tier) => ({
        until: untilMinor === undefined ? undefined : prorated({ numerator: untilMinor, denominator: 1n }, context),
        slope,
        tier,
      }));
    case 'retroactive': {
      const tier = tierReached(rate.tiers, measuredAbove(context.totalMinor, baseline), context.share);
      return open(rate.tiers[tier]?.rate ?? ZERO, tier);
    }
    case 'lagged': {
      if (context.laggedTier === undefined) throw missing(id, 'the tier of the previous window');
      return open(rate.tiers[context.laggedTier]?.rate ?? ZERO, context.laggedTier);
    }
    case 'accelerator': {
      const quota = quotaOf(component, context);
      return rate.bands.map(({ until, rate: multiple }, tier) => ({
        until: until === undefined ? undefined : multiplyRates(quota, until),
        slope: multiplyRates(rate.base, multiple),
        tier,
      }));
    }
    default:
      throw missing(id, 'a rate over a measurement');
  }
}

/** The part of a measurement's total that counts: all of it, or what lies above the baseline. */
export function countedTotal(component: CompiledComponent, context: RatingContext): Rate {
  return measuredAbove(context.totalMinor, baselineOf(component, context));
}

/** Index of the tier that a total reaches. With `upTo`, the boundary belongs to the tier; with `below`, to the next. */
export function tierReached(tiers: readonly CompiledTier[], total: Rate, share: Rate = ONE): number {
  for (const [index, { untilMinor, inclusive }] of tiers.entries()) {
    if (untilMinor === undefined) return index;
    const order = compareRates(total, multiplyRates({ numerator: untilMinor, denominator: 1n }, share));
    if (order < 0 || (inclusive && order === 0)) return index;
  }
  return tiers.length - 1;
}

function measuredAbove(totalMinor: bigint, baseline: Rate | undefined): Rate {
  const total = { numerator: totalMinor, denominator: 1n };
  if (baseline === undefined) return total;
  return compareRates(total, baseline) > 0 ? subtractRates(total, baseline) : ZERO;
}

function baselineOf({ id, measure }: CompiledComponent, context: RatingContext): Rate | undefined {
  if (measure.above === undefined) return undefined;
  if (measure.above !== 'last-year') return { numerator: measure.above.fixedMinor, denominator: 1n };
  if (context.baselineMinor === undefined) throw missing(id, 'what last year held');
  return lastYear(context.baselineMinor);
}

/** A negative total of last year counts as zero. */
function lastYear(baselineMinor: bigint): Rate {
  return { numerator: baselineMinor > 0n ? baselineMinor : 0n, denominator: 1n };
}

function gateTarget(component: CompiledComponent, context: RatingContext): Rate {
  const { gate, id } = component;
  if (gate === undefined) return ZERO;
  const baseline = baselineOf(component, context) ?? ZERO;
  switch (gate.of) {
    case 'target':
      return addRates(baseline, prorated(gate.target, context));
    case 'attainment':
      return addRates(baseline, multiplyRates(quotaOf(component, context), gate.target));
    case 'growth': {
      if (context.baselineMinor === undefined) throw missing(id, 'what last year held');
      return multiplyRates(lastYear(context.baselineMinor), addRates(ONE, gate.target));
    }
    default:
      return gate.of satisfies never;
  }
}

function quotaOf({ id }: CompiledComponent, context: RatingContext): Rate {
  if (context.quota === undefined) throw missing(id, 'a quota');
  return prorated(context.quota, context);
}

function prorated(amount: Rate, { share }: RatingContext): Rate {
  return share === undefined ? amount : multiplyRates(amount, share);
}

function missing(component: string, what: string): EngineError {
  return new EngineError('CreditInvalid', `component ${component} needs ${what}, which is missing`);
}

function shifted(pieces: readonly Piece[], by: Rate | undefined): readonly Piece[] {
  if (by === undefined || by.numerator === 0n) return pieces;
  return pieces.map((piece) => ({
    ...piece,
    until: piece.until === undefined ? undefined : addRates(piece.until, by),
  }));
}

/** The pieces with nothing earned below the floor. */
function clipped(pieces: readonly Piece[], floor: Rate | undefined): readonly Piece[] {
  if (floor === undefined) return pieces;
  const above = pieces.filter(({ until }) => until === undefined || compareRates(until, floor) > 0);
  return [{ until: floor, slope: ZERO, tier: undefined }, ...above];
}

function linearCurve(pieces: readonly Piece[]): LinearCurve {
  const scale = commonMultiple(pieces.map(({ until }) => until?.denominator ?? 1n));
  const perUnit = commonMultiple(pieces.map(({ slope }) => slope.denominator));
  const denominator = scale * perUnit;
  let start = 0n;
  let value = 0n;
  return {
    kind: 'linear',
    scale,
    denominator,
    pieces: pieces.map(({ until, slope: rate, tier }) => {
      const slope = rate.numerator * (perUnit / rate.denominator);
      const end = until === undefined ? undefined : until.numerator * (scale / until.denominator);
      if (end !== undefined) {
        value += (end - start) * slope;
        start = end;
      }
      return { end, valueAtEnd: value, slope, tier, rate };
    }),
  };
}

/** What `basisMinor` earns on top of `beforeMinor`, exact, as a fraction of minor units. */
export function difference(
  curve: Curve,
  beforeMinor: bigint,
  basisMinor: bigint,
): { readonly numerator: bigint; readonly denominator: bigint } {
  const { scale } = curve;
  const before = beforeMinor * scale;
  const after = before + basisMinor * scale;
  if (curve.kind === 'steps')
    return { numerator: (stepsAt(curve, after) - stepsAt(curve, before)) * curve.payMinor, denominator: 1n };
  const index = pieceAt(curve, before);
  const piece = curve.pieces[index];
  // Fast path: most lines lie within one piece.
  if (piece !== undefined && index === pieceAt(curve, after))
    return { numerator: (after - before) * piece.slope, denominator: curve.denominator };
  return { numerator: valueAt(curve, after) - valueAt(curve, before), denominator: curve.denominator };
}

/** Index of the piece that contains a position; a boundary belongs to the piece that it ends. */
function pieceAt({ pieces }: LinearCurve, position: bigint): number {
  const last = pieces.length - 1;
  for (let index = 0; index < last; index++) {
    const end = pieces[index]?.end;
    if (end === undefined || position <= end) return index;
  }
  return last;
}

function valueAt(curve: LinearCurve, position: bigint): bigint {
  const index = pieceAt(curve, position);
  const piece = curve.pieces[index];
  if (piece === undefined) return 0n;
  if (index === 0) return position * piece.slope;
  const before = curve.pieces[index - 1];
  return (before?.valueAtEnd ?? 0n) + (position - (before?.end ?? 0n)) * piece.slope;
}

/** Full steps at a position. Negative measurements mirror positive ones. */
function stepsAt({ from, every }: StepCurve, position: bigint): bigint {
  if (every === 0n) return 0n;
  if (from === undefined) return position / every;
  return position <= from ? 0n : (position - from) / every;
}

/** True where a line of this basis certainly earns the same from both positions, without rating it. */
export function earnsTheSame(curve: Curve, basisMinor: bigint, leftMinor: bigint, rightMinor: bigint): boolean {
  if (curve.kind === 'steps') return false;
  const minMinor = leftMinor < rightMinor ? leftMinor : rightMinor;
  const maxMinor = leftMinor < rightMinor ? rightMinor : leftMinor;
  const low = (basisMinor < 0n ? minMinor + basisMinor : minMinor) * curve.scale;
  const high = (basisMinor < 0n ? maxMinor : maxMinor + basisMinor) * curve.scale;
  return withinOnePiece(curve, low, high);
}

/** True where the curve has no bend between two scaled positions. */
export function withinOnePiece(curve: LinearCurve, low: bigint, high: bigint): boolean {
  for (const { end } of curve.pieces) {
    if (end === undefined || high <= end) return true;
    if (low < end) return false;
  }
  return true;
}

/** The parts of a line in each piece, in order: exact minor units of the measurement, with the rate of each. */
export function portionsOf(
  curve: LinearCurve,
  beforeMinor: bigint,
  basisMinor: bigint,
): readonly { readonly tier: number | undefined; readonly rate: Rate; readonly amount: Rate }[] {
  const before = beforeMinor * curve.scale;
  const after = before + basisMinor * curve.scale;
  const [low, high] = after < before ? [after, before] : [before, after];
  const portions: { tier: number | undefined; rate: Rate; amount: Rate }[] = [];
  let start = low;
  for (const { end, tier, rate } of curve.pieces) {
    if (end !== undefined && end <= low) continue;
    const to = end !== undefined && end < high ? end : high;
    if (to <= start) break;
    const amount = after < before ? start - to : to - start;
    portions.push({ tier, rate, amount: { numerator: amount, denominator: curve.scale } });
    start = to;
  }
  return portions;
}

function commonMultiple(numbers: readonly bigint[]): bigint {
  return numbers.reduce((multiple, number) => {
    let [left, right] = [multiple, number];
    while (right !== 0n) [left, right] = [right, left % right];
    return (multiple / left) * number;
  }, 1n);
}
