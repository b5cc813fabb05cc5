/**
 * The reference: what a payee earns, from the definitions, clear and slow, and with nothing of the engine but its types.
 * All credited lines of all deals in, every amount out; no state, no order of arrival, no running sum.
 */
import type { CreditLine } from './credit-line.js';
import type { PlanDocument, RateDocument } from './plan-document.js';

export interface CreditedLine {
  readonly source: string;
  readonly deal: string;
  readonly line: CreditLine;
}

/** `numerator ÷ denominator`, never reduced. */
type Fraction = readonly [bigint, bigint];

function fractionOf(text: string): Fraction {
  const [number = '', perCent] = text.split('%').length > 1 ? [text.replace('%', '').trim(), true] : [text];
  const [, sign = '', whole = '0', decimals = ''] = /^(-?)([0-9]+)\.?([0-9]*)$/.exec(number) ?? [];
  const numerator = BigInt(whole + decimals) * (sign === '-' ? -1n : 1n);
  return [numerator, 10n ** BigInt(decimals.length) * (perCent === undefined ? 1n : 100n)];
}

const times = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * c, b * d];
const plus = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * d + c * b, b * d];
const minus = (left: Fraction, [c, d]: Fraction): Fraction => plus(left, [-c, d]);
const isLess = ([a, b]: Fraction, [c, d]: Fraction): boolean => a * d < c * b;

/** Whole units of a fraction by the schoolbook: cut the magnitude, look at what is left, put the sign back. */
export function schoolRound([numerator, denominator]: Fraction, mode: string): bigint {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  let units = magnitude / denominator;
  const rest = (magnitude - units * denominator) * 2n;
  if (mode === 'half-up' && rest >= denominator) units += 1n;
  if (mode === 'half-even' && (rest > denominator || (rest === denominator && units % 2n === 1n))) units += 1n;
  return negative ? -units : units;
}

/** `f` of a marginal rate: the money of each tier, from zero up, each at its rate; a negative measurement at the first. */
function marginalSum(tiers: Extract<RateDocument, { marginal: unknown }>['marginal'], measured: Fraction): Fraction {
  const first = tiers[0];
  if (first === undefined) throw new Error('no tier');
  if (measured[0] < 0n) return times(measured, fractionOf(first.pay));
  let sum: Fraction = [0n, 1n];
  let start: Fraction = [0n, 1n];
  for (const { below, upTo, pay } of tiers) {
    const endText = below ?? upTo;
    const end = endText === undefined || isLess(measured, fractionOf(endText)) ? measured : fractionOf(endText);
    if (isLess(start, end)) sum = plus(sum, times(minus(end, start), fractionOf(pay)));
    if (endText !== undefined) start = fractionOf(endText);
  }
  return sum;
}

/** Where a line stands: date, source, deal, occurrence, line; and then whatever tells it apart. */
function placeOf({ source, deal, line }: CreditedLine): string[] {
  return [
    line.at,
    source,
    deal,
    line.occurrence,
    line.line,
    line.component,
    line.reverses?.occurrence ?? '',
    line.child?.component ?? '',
    line.child?.payee ?? '',
  ];
}

export function comesBefore(left: CreditedLine, right: CreditedLine): boolean {
  const [leftPlace, rightPlace] = [placeOf(left), placeOf(right)];
  for (const [index, text] of leftPlace.entries()) {
    const other = rightPlace[index] ?? '';
    if (text !== other) return text < other;
  }
  return false;
}

/** What was measured before a line: its component's lines in its window that stand before it, return lines left out. */
export function measuredBefore(one: CreditedLine, all: readonly CreditedLine[]): Fraction {
  return all
    .filter(
      (other) =>
        other.line.component === one.line.component &&
        other.line.window === one.line.window &&
        other.line.reverses === undefined &&
        comesBefore(other, one),
    )
    .reduce<Fraction>((sum, other) => plus(sum, fractionOf(other.line.basis)), [0n, 1n]);
}

/** Largest remainders, one unit at a time. */
function partOf(totalMinor: bigint, shares: readonly string[], index: number): bigint {
  const negative = totalMinor < 0n;
  const magnitude = negative ? -totalMinor : totalMinor;
  const exact = shares.map((share): Fraction => times([magnitude, 1n], fractionOf(share)));
  const parts = exact.map(([numerator, denominator]) => numerator / denominator);
  const taken = new Set<number>();
  while (parts.reduce((sum, part) => sum + part, 0n) < magnitude) {
    let best = -1;
    exact.forEach(([numerator, denominator], at) => {
      const [a, b] = best < 0 ? [-1n, 1n] : (exact[best] ?? [0n, 1n]);
      if (!taken.has(at) && (best < 0 || (numerator % denominator) * b > (a % b) * denominator)) best = at;
    });
    taken.add(best);
    parts[best] = (parts[best] ?? 0n) + 1n;
  }
  const part = parts[index] ?? 0n;
  return negative ? -part : part;
}

/** What each line earns, in minor units, in the order given. */
export function referenceAmounts(document: PlanDocument, decimals: number, all: readonly CreditedLine[]): bigint[] {
  const mode = document.rounding ?? 'half-up';
  const minorUnits: Fraction = [10n ** BigInt(decimals), 1n];
  const rounded = (amount: Fraction) => schoolRound(times(amount, minorUnits), mode);

  const earned = (one: CreditedLine): bigint => {
    const { line } = one;
    const component = document.components.find(({ id }) => id === line.component);
    if (component === undefined) throw new Error(`no component ${line.component}`);
    const { reverses } = line;
    if (reverses !== undefined) {
      const original = all.find(
        (other) =>
          other.source === one.source &&
          other.deal === one.deal &&
          other.line.component === line.component &&
          other.line.line === line.line &&
          other.line.occurrence === reverses.occurrence &&
          other.line.child?.payee === line.child?.payee &&
          other.line.child?.component === line.child?.component,
      );
      if (original === undefined) throw new Error('a return of nothing');
      const [ofNumerator, ofDenominator] = fractionOf(reverses.of);
      const taken = (returned: Fraction) =>
        schoolRound(times([earned(original), 1n], times(returned, [ofDenominator, ofNumerator])), mode);
      const before = fractionOf(reverses.returnedBefore);
      return taken(before) - taken(plus(before, fractionOf(reverses.returned)));
    }
    const basis = fractionOf(line.basis);
    if ('override' in component.credit)
      return rounded(
        times(
          basis,
          fractionOf(('levels' in component.credit ? component.credit.levels : [])[(line.level ?? 0) - 1] ?? '0'),
        ),
      );
    const { rate } = component;
    if (rate === undefined) throw new Error('no rate');
    if ('percent' in rate) return rounded(times(basis, fractionOf(rate.percent)));
    if ('flat' in rate) {
      const units = line.quantity ?? (basis[0] < 0n ? '-1' : '1');
      const whole = rounded(times(fractionOf(rate.flat), fractionOf(units)));
      return line.split === undefined ? whole : partOf(whole, line.split.shares, line.split.index);
    }
    if (!('marginal' in rate)) throw new Error('only what this reference knows');
    const before = measuredBefore(one, all);
    return rounded(minus(marginalSum(rate.marginal, plus(before, basis)), marginalSum(rate.marginal, before)));
  };
  return all.map(earned);
}
