import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatInstant, normalInstant, parseInstant } from './instant.js';

const anyInstant = fc
  .integer({ min: Date.UTC(1901, 0, 5), max: Date.UTC(2200, 0, 1) })
  .map((epochMs) => Temporal.Instant.fromEpochMilliseconds(epochMs));

describe('an instant', () => {
  it('is read strictly: a day that does not exist is refused', () => {
    for (const text of [
      '2026-02-30T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-04-31T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:60:00Z',
      '2026-01-01T00:00:60Z',
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-01-01 00:00:00Z',
      '2026-01-01T00:00:00+24:00',
      '1899-12-31T00:00:00Z',
      '3000-01-01T00:00:00Z',
      '',
      'now',
      '2026-01-01T00:00:00.Z',
      '2026-01-01t00:00:00z',
      '1900-01-01T00:00:00+01:00',
      '2999-12-31T23:59:59-01:00',
    ]) {
      expect(() => parseInstant(text)).toThrow(expect.objectContaining({ code: 'InstantInvalid' }));
      expect(normalInstant(text)).toBeUndefined();
    }
  });

  it('has one normal form, in which the order of texts is the order of time', () => {
    expect(formatInstant(parseInstant('2026-03-01T01:02:03+01:00'))).toBe('2026-03-01T00:02:03.000Z');
    expect(formatInstant(parseInstant('2026-02-28T19:02:03.4567-05:00'))).toBe('2026-03-01T00:02:03.456Z');
    expect(formatInstant(parseInstant('2024-02-29T00:00Z'))).toBe('2024-02-29T00:00:00.000Z');
    expect(normalInstant('2024-02-29T00:00:00,5Z')).toBe('2024-02-29T00:00:00.500Z');
    fc.assert(
      fc.property(anyInstant, anyInstant, (left, right) => {
        const [leftText, rightText] = [formatInstant(left.epochMilliseconds), formatInstant(right.epochMilliseconds)];
        expect(parseInstant(leftText)).toBe(left.epochMilliseconds);
        expect(leftText < rightText).toBe(left.epochMilliseconds < right.epochMilliseconds);
      }),
    );
  });

  it('is read and written as Temporal does', () => {
    const offset = fc
      .tuple(fc.constantFrom('+', '-'), fc.integer({ min: 0, max: 23 * 60 + 59 }))
      .map(
        ([sign, minutes]) =>
          `${sign}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`,
      );
    fc.assert(
      fc.property(anyInstant, fc.bigInt({ min: 0n, max: 999_999n }), offset, (instant, nanoseconds, timeZone) => {
        const exact = Temporal.Instant.fromEpochNanoseconds(instant.epochNanoseconds + nanoseconds);
        const text = exact.toString({ timeZone });
        expect(parseInstant(text)).toBe(Temporal.Instant.from(text).epochMilliseconds);
        expect(normalInstant(text)).toBe(exact.toString({ fractionalSecondDigits: 3 }));
      }),
      { numRuns: 3000 },
    );
  });
});
