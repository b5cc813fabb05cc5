import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allocate } from './allocation.js';
import type { Remainder } from './allocation.js';
import { parseRate } from './decimal.js';
import type { Rate } from './decimal.js';

const shares = (...texts: string[]) => texts.map(parseRate);

/** Shares that sum to 1, from whole weights. */
const anyShares = fc
  .array(fc.bigInt({ min: 0n, max: 1000n }), { minLength: 1, maxLength: 8 })
  .filter((weights) => weights.some((weight) => weight > 0n))
  .map((weights): Rate[] => {
    const denominator = weights.reduce((sum, weight) => sum + weight, 0n);
    return weights.map((numerator) => ({ numerator, denominator }));
  });
const anyRemainder = fc.constantFrom<Remainder>('largest', 'first');

describe('a split', () => {
  it('of 15 at 80/8/12 is 12/1/2: the rest goes to the largest remainder (semantics, "Split": own)', () => {
    expect(allocate(15n, shares('80 %', '8 %', '12 %'), 'largest')).toEqual([12n, 1n, 2n]);
  });

  it('of 15 at 80/8/12 is 13/1/1 if the rest goes to the first (semantics, "Split": Numscript)', () => {
    expect(allocate(15n, shares('80 %', '8 %', '12 %'), 'first')).toEqual([13n, 1n, 1n]);
  });

  it('gives a tie to the part declared first', () => {
    expect(allocate(100_001n, shares('0.5', '0.5'), 'largest')).toEqual([50_001n, 50_000n]);
    expect(allocate(100n, shares('1/3', '1/3', '1/3'), 'largest')).toEqual([34n, 33n, 33n]);
    expect(allocate(101n, shares('1/3', '1/3', '1/3'), 'largest')).toEqual([34n, 34n, 33n]);
  });

  it('gives nothing to a share of zero', () => {
    expect(allocate(1n, shares('0', '1/3', '2/3'), 'first')).toEqual([0n, 1n, 0n]);
    expect(allocate(1n, shares('0', '0.5', '0.5'), 'largest')).toEqual([0n, 1n, 0n]);
  });

  it('refuses shares that do not sum to 1', () => {
    for (const bad of [shares('0.6', '0.5'), shares('0.5'), [], shares('1.5', '-0.5'), shares('0.33', '0.33', '0.33')])
      expect(() => allocate(100n, bad, 'largest')).toThrow(expect.objectContaining({ code: 'SharesInvalid' }));
  });

  it('sums to the whole, with no part off by a unit, or by more than one if the rest goes to the first', () => {
    fc.assert(
      fc.property(fc.bigInt(), anyShares, anyRemainder, (total, some, remainder) => {
        const parts = allocate(total, some, remainder);
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(total);
        parts.forEach((part, index) => {
          const share = some[index];
          if (share === undefined) throw new Error('a part without a share');
          const error = part * share.denominator - total * share.numerator;
          const unitsOff = error < 0n ? -error : error;
          expect(remainder === 'largest' ? unitsOff < share.denominator : unitsOff <= share.denominator).toBe(true);
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('of a negative amount mirrors that of the positive one', () => {
    fc.assert(
      fc.property(fc.bigInt(), anyShares, anyRemainder, (total, some, remainder) => {
        expect(allocate(-total, some, remainder)).toEqual(allocate(total, some, remainder).map((part) => -part));
      }),
    );
  });
});
