/** Rounding, always by magnitude, so that −x mirrors x: a clawback rounds like its earning. */
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
  if (denominator === 0n) throw new MoneyError('DivisionByZero', 'cannot divide by zero');
  // BigInt division rounds towards zero, and the remainder has the sign of the numerator.
  const truncated = numerator / denominator;
  const remainder = numerator % denominator;
  if (remainder === 0n || mode === 'down') return truncated;
  const twice = 2n * (remainder < 0n ? -remainder : remainder);
  const whole = denominator < 0n ? -denominator : denominator;
  const away = mode === 'half-up' ? twice >= whole : twice > whole || (twice === whole && truncated % 2n !== 0n);
  if (!away) return truncated;
  return numerator < 0n === denominator < 0n ? truncated + 1n : truncated - 1n;
}

/** `minor × rate`, rounded once to whole minor units. */
export function multiply(minor: bigint, rate: Rate, mode: RoundingMode): bigint {
  return divideRounded(minor * rate.numerator, rate.denominator, mode);
}
