import { calendarOf } from '@tantieme/time/calendar/key';
import { windowAt } from '@tantieme/time/calendar/periods';
import { describe, expect, it } from '@jest/globals';
import { divideRounded, ROUNDING_MODES } from '@tantieme/money/rounding';
import fc from 'fast-check';
import { curveOf, difference } from '../plan/curve.js';
import { anyTiers } from '../testing/random-plan.fixture.js';
import { canonicalOrder, rateColumns, windowStarts } from './rate-columns.js';
import { planWith } from '../testing/world.fixture.js';

const CALENDAR = calendarOf('monthly@Europe/Paris');
const [FROM, UNTIL] = [Date.UTC(2025, 11, 31, 22), Date.UTC(2026, 3, 1)];
const STARTS = windowStarts(CALENDAR, 'period', FROM, UNTIL);

const anyRate = fc.oneof(
  anyTiers(2).map((tiers) => ({ marginal: tiers })),
  fc.constant({ stepped: { every: '50', pay: '7' } }),
);

const anyBasis = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -20_000, max: 20_000 }) },
  fc.constantFrom(0, 1, 5_000, 10_000),
);

/** Few instants, so that lines often share one; some at the edge of a window. */
const anyInstant = fc.oneof(
  fc.integer({ min: FROM, max: UNTIL }),
  fc.constantFrom(...STARTS.flatMap((start) => [start, start + 1, Math.max(FROM, start - 1)])),
);

const anyLines = (basis: fc.Arbitrary<number | bigint>) =>
  fc.array(fc.record({ payee: fc.nat(2), atMs: anyInstant, basis }), { maxLength: 40 }).chain((lines) =>
    fc
      .shuffledSubarray(
        lines.map((_, index) => index),
        { minLength: lines.length },
      )
      .map((ranks) => lines.map((line, index) => ({ ...line, rank: ranks[index] ?? 0 }))),
  );

type Line = { payee: number; atMs: number; rank: number; basis: number | bigint };

function columnsOf(lines: readonly Line[], big: boolean) {
  return {
    payee: Int32Array.from(lines, ({ payee }) => payee),
    atMs: Float64Array.from(lines, ({ atMs }) => atMs),
    rank: Int32Array.from(lines, ({ rank }) => rank),
    basisMinor: big ? lines.map(({ basis }) => BigInt(basis)) : Float64Array.from(lines, ({ basis }) => Number(basis)),
  };
}

/** Rates line by line, from the definition. */
function oneByOne(lines: readonly Line[], curve: NonNullable<ReturnType<typeof curveOf>>, mode: 'half-up'): bigint[] {
  const window = ({ payee, atMs }: Line) => `${payee} ${windowAt(CALENDAR, 'period', atMs)}`;
  return lines.map((line) => {
    const before = lines
      .filter((one) => window(one) === window(line) && (one.atMs - line.atMs || one.rank - line.rank) < 0)
      .reduce((sum, { basis }) => sum + BigInt(basis), 0n);
    const { numerator, denominator } = difference(curve, before, BigInt(line.basis));
    return divideRounded(numerator, denominator, mode);
  });
}

function agrees(lines: readonly Line[], rate: object, mode: string, big: boolean): void {
  const component = planWith([`{ id: sales, credit: { trigger: booked }, rate: ${JSON.stringify(rate)} }`])
    .components[0];
  const curve = component && curveOf(component, { totalMinor: 0n });
  if (curve === undefined) throw new Error('a curve');
  const earned = rateColumns(curve, mode as 'half-up', columnsOf(lines, big), STARTS);
  expect(Array.from(earned as Iterable<number | bigint>, BigInt)).toEqual(oneByOne(lines, curve, mode as 'half-up'));
}

describe('rating lines as columns', () => {
  it('earns the same as rating line by line, for any curve, order, sign and rounding', () => {
    fc.assert(fc.property(anyLines(anyBasis), anyRate, fc.constantFrom(...ROUNDING_MODES), fc.boolean(), agrees), {
      numRuns: 2000,
    });
  });

  it('is exact beyond 2^53', () => {
    const huge = fc.bigInt({ min: -(10n ** 21n), max: 10n ** 21n });
    fc.assert(fc.property(anyLines(huge), anyRate, fc.constantFrom(...ROUNDING_MODES), fc.constant(true), agrees), {
      numRuns: 500,
    });
    // Columns of doubles whose products exceed 2^53: detected by the bound, not by the type of the column.
    const large = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    fc.assert(fc.property(anyLines(large), anyRate, fc.constantFrom(...ROUNDING_MODES), fc.constant(false), agrees), {
      numRuns: 500,
    });
  });

  it('keeps the canonical order where instants are too far apart to be packed into one number', () => {
    const columns = columnsOf(
      [
        { payee: 0, atMs: 8e15, rank: 0, basis: 1 },
        { payee: 0, atMs: -8e15, rank: 2, basis: 1 },
        { payee: 0, atMs: -8e15, rank: 1, basis: 1 },
      ],
      false,
    );
    expect([...canonicalOrder(columns)]).toEqual([2, 1, 0]);
  });
});
