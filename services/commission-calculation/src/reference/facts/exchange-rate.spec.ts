import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ExchangeRate } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { parseRate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import { averageOf, normalExchangeRate, rateOn, ratesInForce } from './exchange-rate.js';
import { exchangeRateStream } from '../stream/reference-keys.js';
import { referenceDecider } from '../stream/reference.js';
import { AT, Stream } from '../../testing/world.fixture.js';

const rate = (date: string, text: string, more: Partial<ExchangeRate> = {}): ExchangeRate => ({
  base: 'EUR',
  quote: 'USD',
  date,
  rate: text,
  source: 'ecb',
  ...more,
});

function fieldsOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return error.fields.map(({ field }) => field);
    throw error;
  }
  return [];
}

/** `rate date source`, with `inverse` where it is one. */
const found = (facts: readonly ExchangeRate[], day: string, maxAgeDays = 7, base = 'EUR', quote = 'USD') => {
  const result = rateOn(ratesInForce(facts, base, quote), day, maxAgeDays);
  return result && `${result.rate} ${result.date} ${result.source}${result.inverse ? ' inverse' : ''}`;
};

describe('the rate of a day', () => {
  const week = [rate('2026-03-05', '1.1'), rate('2026-03-06', '1.2'), rate('2026-03-09', '1.3')];

  it.each([
    ['2026-03-04', undefined],
    ['2026-03-05', '1.1 2026-03-05 ecb'],
    ['2026-03-08', '1.2 2026-03-06 ecb'],
    ['2026-03-09', '1.3 2026-03-09 ecb'],
    ['2026-03-16', '1.3 2026-03-09 ecb'],
    ['2026-03-17', undefined],
  ])('is the last one published on or before %s, at most seven days old', (day, expected) => {
    expect(found(week, day)).toBe(expected);
  });

  it('has to be published on the day itself where the maximum age is 0', () => {
    expect(found(week, '2026-03-06', 0)).toBe('1.2 2026-03-06 ecb');
    expect(found(week, '2026-03-07', 0)).toBeUndefined();
  });

  it('is the highest revision of its date; a rate without a revision ranks below all others', () => {
    const corrected = [rate('2026-03-05', '1.3', { revision: 2 }), rate('2026-03-05', '1.2', { revision: 1 })];
    expect(found([...week, ...corrected], '2026-03-05')).toBe('1.3 2026-03-05 ecb');
    expect(found([rate('2026-03-05', '1.4', { revision: 0 }), ...week], '2026-03-05')).toBe('1.4 2026-03-05 ecb');
  });

  it('is the one of the source that is first in text order, whatever the revisions of other sources', () => {
    expect(found([...week, rate('2026-03-05', '1.9', { source: 'bank', revision: 1 })], '2026-03-05')).toBe(
      '1.9 2026-03-05 bank',
    );
    expect(found([...week, rate('2026-03-05', '1.9', { source: 'fed', revision: 9 })], '2026-03-05')).toBe(
      '1.1 2026-03-05 ecb',
    );
  });

  it('is an inverse where only the other direction is published', () => {
    const inverse = rate('2026-03-06', '0.8', { base: 'USD', quote: 'EUR', source: 'a' });
    expect(found([inverse], '2026-03-06')).toBe('1.25 2026-03-06 a inverse');
    expect(found([...week, inverse], '2026-03-06')).toBe('1.2 2026-03-06 ecb');
    expect(found(week, '2026-03-06', 7, 'USD', 'EUR')).toBe('5/6 2026-03-06 ecb inverse');
  });

  it('does not depend on the order of arrival', () => {
    const facts = fc.record({
      date: fc.constantFrom('2026-03-05', '2026-03-06', '2026-03-07'),
      rate: fc.constantFrom('1.1', '1.2', '1.3'),
      source: fc.constantFrom('a', 'b'),
      revision: fc.constantFrom(0, 1, 2),
      base: fc.constantFrom('EUR', 'USD'),
    });
    const sets = fc.uniqueArray(facts, {
      selector: ({ date, source, revision, base }) => `${date} ${source} ${revision} ${base}`,
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        sets.chain((set) => fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length }))),
        ([set, shuffled]) => {
          const both = [set, shuffled].map((list) =>
            list.map((one) => ({ ...one, quote: one.base === 'EUR' ? 'USD' : 'EUR' })),
          );
          for (const [base, quote] of [
            ['EUR', 'USD'],
            ['USD', 'EUR'],
          ] as const)
            expect(ratesInForce(both[0] ?? [], base, quote)).toEqual(ratesInForce(both[1] ?? [], base, quote));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('an inverse', () => {
  it('is an exact fraction: USD 1,000,000 ÷ 1.10 are 909,090.91, not 909,100.00 (semantics.md, Currency)', () => {
    const rates = ratesInForce([rate('2026-03-05', '1.10')], 'USD', 'EUR');
    const result = rateOn(rates, '2026-03-05', 0);
    expect(result).toEqual({ rate: '10/11', date: '2026-03-05', source: 'ecb', inverse: true });
    const { numerator, denominator } = parseRate(result?.rate ?? '');
    expect(divideRounded(100_000_000n * numerator, denominator, 'half-up')).toBe(90_909_091n);
  });
});

describe('the average of some days', () => {
  const days = [
    rate('2026-03-31', '9'),
    rate('2026-04-01', '1.1'),
    rate('2026-04-15', '1.2'),
    rate('2026-04-30', '1.25', { source: 'bank' }),
    rate('2026-05-01', '9'),
  ];
  const average = (facts: readonly ExchangeRate[], base: string, quote: string) =>
    averageOf(ratesInForce(facts, base, quote), '2026-04-01', '2026-05-01');

  it('is exact, over the rates from the first day to before the last', () => {
    expect(average(days, 'EUR', 'USD')).toEqual({
      rate: '71/60',
      date: '2026-04-30',
      source: 'bank, ecb',
      inverse: false,
    });
  });

  it('is the inverse of the average where only the other direction is published', () => {
    expect(average(days, 'USD', 'EUR')).toMatchObject({ rate: '60/71', inverse: true });
  });

  it('uses the requested direction where both are published', () => {
    expect(average([...days, rate('2026-04-02', '0.9', { base: 'USD', quote: 'EUR' })], 'USD', 'EUR')).toMatchObject({
      rate: '0.9',
      inverse: false,
    });
  });

  it('is undefined where nothing is published', () => {
    expect(average([rate('2026-05-01', '1')], 'EUR', 'USD')).toBeUndefined();
  });
});

describe('an exchange rate', () => {
  it('has a normal form without trailing zeros', () => {
    expect(normalExchangeRate(rate('2026-03-05', '1.100'))).toEqual(rate('2026-03-05', '1.1'));
  });

  it.each([
    ['base', { base: 'XXX' }],
    ['quote', { quote: 'EUR' }],
    ['quote', { quote: 'usd' }],
    ['date', { date: '2026-02-30' }],
    ['rate', { rate: '0.00' }],
    ['rate', { rate: '-1' }],
    ['rate', { rate: '1,1' }],
  ])('is refused for an invalid %s', (field, over) => {
    expect(fieldsOf(() => normalExchangeRate(rate('2026-03-05', '1.1', over)))).toEqual([field]);
  });

  it('adds nothing when repeated, and conflicts with another rate of the same identity', () => {
    const stream = new Stream(referenceDecider);
    const record = (exchangeRate: ExchangeRate) => stream.handle({ exchangeRate, at: AT });
    expect(record(rate('2026-03-05', '1.1'))).toHaveLength(1);
    expect(record(rate('2026-03-05', '1.1'))).toEqual([]);
    expect(fieldsOf(() => record(rate('2026-03-05', '1.2')))).toEqual(['rate']);
    expect(record(rate('2026-03-05', '1.2', { revision: 1 }))).toHaveLength(1);
    expect(record(rate('2026-03-05', '1.2', { source: 'bank' }))).toHaveLength(1);
    expect(record(rate('2026-03-05', '0.9', { base: 'USD', quote: 'EUR' }))).toHaveLength(1);
  });

  it('shares a stream with its inverse', () => {
    expect(exchangeRateStream('USD', 'EUR')).toBe('reference-exchange-rate:EUR/USD');
    expect(exchangeRateStream('EUR', 'USD')).toBe('reference-exchange-rate:EUR/USD');
  });
});
