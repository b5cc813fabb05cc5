/** Rounding, always of the magnitude, so that −x mirrors x: what was earned and what is taken back round alike. */
import type { Rate } from './decimal.js';
import { MoneyError } from './money-error.js';

/** `half-up`: a half away from zero; `half-even`: a half to the even neighbour; `down`: towards zero. */
export type RoundingMode = 'half-up' | 'half-even' | 'down';

export const ROUNDING_MODES: readonly RoundingMode[] = ['half-up', 'half-even', 'down'];

/**
 * `numerator ÷ denominator` as a whole number.
 * @throws {MoneyError} `DivisionByZero`
 */
export function divideRounded(numerator: bigint, denominator: bigint, mode: RoundingMode): bigint {
  if (denominator === 0n) throw new MoneyError('DivisionByZero', 'a division by zero has no result');
  // BigInt division cuts towards zero, and the remainder has the sign of the numerator.
  const cut = numerator / denominator;
  const remainder = numerator % denominator;
  if (remainder === 0n || mode === 'down') return cut;
  const twice = 2n * (remainder < 0n ? -remainder : remainder);
  const whole = denominator < 0n ? -denominator : denominator;
  const away = mode === 'half-up' ? twice >= whole : twice > whole || (twice === whole && cut % 2n !== 0n);
  if (!away) return cut;
  return numerator < 0n === denominator < 0n ? cut + 1n : cut - 1n;
}

/** `minor × rate`, rounded once to whole minor units. */
export function multiply(minor: bigint, rate: Rate, mode: RoundingMode): bigint {
  return divideRounded(minor * rate.numerator, rate.denominator, mode);
}
