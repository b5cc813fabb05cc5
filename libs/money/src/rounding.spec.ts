import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRate } from './decimal.js';
import { divideRounded, multiply, ROUNDING_MODES } from './rounding.js';

describe('rounding', () => {
  it.each([
    [7n, '20 %', 1n],
    [3n, '20 %', 1n],
    [500n, '2.9 %', 15n],
  ])('%s ¢ at %s is %s ¢, half-up (semantics, "flat, percent, per unit": dub)', (minor, rate, result) => {
    expect(multiply(minor, parseRate(rate), 'half-up')).toBe(result);
  });

  it('500 ¢ at 2.9 % is 14 ¢, half-even (semantics, "flat, percent, per unit": own)', () => {
    expect(multiply(500n, parseRate('2.9 %'), 'half-even')).toBe(14n);
  });

  it.each([
    ['half-up', [1n, 2n, 3n, -1n, -2n, -3n]],
    ['half-even', [0n, 2n, 2n, 0n, -2n, -2n]],
    ['down', [0n, 1n, 2n, 0n, -1n, -2n]],
  ] as const)('%s rounds halves by magnitude', (mode, expected) => {
    expect([1n, 3n, 5n, -1n, -3n, -5n].map((half) => divideRounded(half, 2n, mode))).toEqual(expected);
  });

  it('mirrors for any sign of numerator and denominator', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.bigInt().filter((value) => value !== 0n),
        fc.constantFrom(...ROUNDING_MODES),
        (numerator, denominator, mode) => {
          const result = divideRounded(numerator, denominator, mode);
          expect(divideRounded(-numerator, denominator, mode)).toBe(-result);
          expect(divideRounded(numerator, -denominator, mode)).toBe(-result);
        },
      ),
    );
  });

  it('is off by at most half a unit, or by less than one for "down"', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.bigInt({ min: 1n }),
        fc.constantFrom(...ROUNDING_MODES),
        (numerator, denominator, mode) => {
          const error = divideRounded(numerator, denominator, mode) * denominator - numerator;
          const magnitude = error < 0n ? -error : error;
          if (mode === 'down') expect(magnitude < denominator).toBe(true);
          else expect(2n * magnitude <= denominator).toBe(true);
        },
      ),
    );
  });

  it('refuses to divide by zero', () => {
    expect(() => divideRounded(1n, 0n, 'half-up')).toThrow(expect.objectContaining({ code: 'DivisionByZero' }));
  });
});
