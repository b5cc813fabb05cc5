/** Exact fractions for the reference, written by the schoolbook and without the money library. */

/** Numerator and denominator; the denominator is positive. */
export type Fraction = readonly [bigint, bigint];

export const NOTHING: Fraction = [0n, 1n];

export const whole = (number: bigint | number): Fraction => [BigInt(number), 1n];

/** Reads `4 %`, `0.125`, `-3` or `1/3`. */
export function fractionOf(text: string): Fraction {
  const [numerator, denominator] = text.split('/');
  if (denominator !== undefined) return dividedBy(fractionOf(numerator ?? ''), fractionOf(denominator));
  const isPerCent = text.endsWith('%');
  const number = isPerCent ? text.slice(0, -1).trim() : text;
  const [, sign = '', units = '0', decimals = ''] = /^(-?)([0-9]+)\.?([0-9]*)$/.exec(number) ?? [];
  const signed = BigInt(units + decimals) * (sign === '-' ? -1n : 1n);
  return reduced([signed, 10n ** BigInt(decimals.length) * (isPerCent ? 100n : 1n)]);
}

export const times = ([a, b]: Fraction, [c, d]: Fraction): Fraction => reduced([a * c, b * d]);
export const plus = ([a, b]: Fraction, [c, d]: Fraction): Fraction => reduced([a * d + c * b, b * d]);
export const negated = ([a, b]: Fraction): Fraction => [-a, b];
export const minus = (left: Fraction, right: Fraction): Fraction => plus(left, negated(right));
export const dividedBy = (left: Fraction, [c, d]: Fraction): Fraction => times(left, c < 0n ? [-d, -c] : [d, c]);
export const isLess = ([a, b]: Fraction, [c, d]: Fraction): boolean => a * d < c * b;
export const least = (left: Fraction, right: Fraction): Fraction => (isLess(right, left) ? right : left);
export const most = (left: Fraction, right: Fraction): Fraction => (isLess(left, right) ? right : left);
export const sumOf = (fractions: readonly Fraction[]): Fraction => fractions.reduce(plus, NOTHING);

function reduced([numerator, denominator]: Fraction): Fraction {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? NOTHING : [numerator / a, denominator / a];
}

/** Rounds to whole units by the schoolbook: truncate the magnitude, look at the rest, put the sign back. */
export function schoolRound([numerator, denominator]: Fraction, mode: string): bigint {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  let units = magnitude / denominator;
  const rest = (magnitude - units * denominator) * 2n;
  if (mode === 'half-up' && rest >= denominator) units += 1n;
  if (mode === 'half-even' && (rest > denominator || (rest === denominator && units % 2n === 1n))) units += 1n;
  return negative ? -units : units;
}

/** Number of full steps, truncated towards zero. */
export function fullSteps(position: Fraction, step: Fraction): bigint {
  return schoolRound(dividedBy(position, step), 'down');
}

/**
 * A holder's part by largest remainders, one unit at a time, ties to the first; with `first`, from the first share on.
 */
export function partOf(total: bigint, shares: readonly string[], index: number, remainder: string): bigint {
  const magnitude = total < 0n ? -total : total;
  const exact = shares.map((share) => times(whole(magnitude), fractionOf(share)));
  const parts = exact.map((share) => schoolRound(share, 'down'));
  const remainders = exact.map((share, at) => minus(share, whole(parts[at] ?? 0n)));
  const open = shares.flatMap((share, at) => (fractionOf(share)[0] > 0n ? [at] : []));
  const order =
    remainder === 'first'
      ? open
      : open.sort((left, right) => {
          const [a, b] = [remainders[left] ?? NOTHING, remainders[right] ?? NOTHING];
          return isLess(b, a) ? -1 : isLess(a, b) ? 1 : left - right;
        });
  let undistributed = magnitude - parts.reduce((sum, part) => sum + part, 0n);
  for (const at of order) {
    if (undistributed === 0n) break;
    parts[at] = (parts[at] ?? 0n) + 1n;
    undistributed -= 1n;
  }
  const part = parts[index] ?? 0n;
  return total < 0n ? -part : part;
}
