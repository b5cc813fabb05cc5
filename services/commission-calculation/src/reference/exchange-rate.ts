/**
 * Exchange rates as they are published: of a pair of currencies all that is known, in whatever order it came, and the rate of
 * a day. A rate is the last one published on or before the day, with a maximum age; the inverse is an exact fraction.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { DAY_DESCRIPTION, daysBetween, isDay } from '@tantieme/time/day';
import { isCurrency } from '@tantieme/money/currency';
import { addRates, decimalFault, formatRate, parseDecimal, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import type { ExchangeRate } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

/** All that is known of a pair, in both directions, by `identityOfRate`. */
export type RatesOfPair = ReadonlyMap<string, ExchangeRate>;

/** Facts of one pair at the most: two centuries of days, from a handful of sources, are far from it. */
export const RATES_MAX = 500_000;

export interface ExchangeRateTaken {
  readonly type: 'ExchangeRateTaken';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly exchangeRate: ExchangeRate };
}

/** What is published of a date, in one of the two directions. */
export interface PublishedRate {
  /** Decimal text: units of the quote for one of the base; where `inverse`, of the base for one of the quote. */
  readonly rate: string;
  readonly date: string;
  readonly source: string;
  /** Whether it is published the other way round. */
  readonly inverse: boolean;
}

/** What an amount in the base is multiplied by. */
export interface RateFound {
  /** Exact: a decimal, or a fraction (`10/11`), as an inverse mostly is. */
  readonly rate: string;
  /** Day of its publication; of an average, of the last one in it. */
  readonly date: string;
  readonly source: string;
  /** Whether it is published the other way round. */
  readonly inverse: boolean;
}

/** Within the facts of a pair. */
export function identityOfRate({ base, date, source, revision }: ExchangeRate): string {
  return `${base} ${date} ${revision ?? ''} ${source}`;
}

/** No event for a fact that is known. @throws {DomainError} `FactConflict` where its identity is known with another rate */
export function takeExchangeRate(
  exchangeRate: ExchangeRate,
  at: string,
  known: RatesOfPair,
): readonly ExchangeRateTaken[] {
  const before = known.get(identityOfRate(exchangeRate));
  if (before !== undefined) {
    if (before.rate === exchangeRate.rate) return [];
    const { base, quote, date, source } = exchangeRate;
    throw new DomainError(
      'FactConflict',
      `the rate ${base}/${quote} of ${date} from ${source} is known otherwise; a correction has a higher revision`,
      'conflict',
      [{ field: 'rate', reason: `is known as ${before.rate}, not ${exchangeRate.rate}` }],
    );
  }
  if (known.size >= RATES_MAX)
    throw new DomainError('RatesTooMany', `${known.size} rates of this pair are known, the most that is taken`);
  return [{ type: 'ExchangeRateTaken', version: 1, occurredAt: at, data: { exchangeRate } }];
}

/**
 * The fact in its one form: a rate without trailing zeros.
 * @throws {DomainError} `FactInvalid` with every field and reason
 */
export function normalExchangeRate(fact: ExchangeRate): ExchangeRate {
  const { base, quote, date, rate, source, revision } = fact;
  const faults = [
    ...[{ base }, { quote }].flatMap((one) =>
      Object.entries(one)
        .filter(([, code]) => !isCurrency(code))
        .map(([field, code]) => ({ field, reason: `${JSON.stringify(code)} is no ISO 4217 currency` })),
    ),
    ...(base === quote ? [{ field: 'quote', reason: 'is the base itself' }] : []),
    ...(isDay(date) ? [] : [{ field: 'date', reason: `${JSON.stringify(date)} is not ${DAY_DESCRIPTION}` }]),
    ...rateFaults(rate),
  ];
  if (faults.length > 0)
    throw new DomainError(
      'FactInvalid',
      `the rate is not valid: ${faults.map(({ field, reason }) => `${field} ${reason}`).join('; ')}`,
      'invalid',
      faults,
    );
  const exact = formatRate(parseDecimal(rate));
  return { base, quote, date, rate: exact, source, ...(revision === undefined ? {} : { revision }) };
}

function rateFaults(rate: string): readonly { readonly field: string; readonly reason: string }[] {
  const fault = decimalFault(rate) ?? (parseDecimal(rate).numerator > 0n ? undefined : `${rate} is not more than zero`);
  return fault === undefined ? [] : [{ field: 'rate', reason: fault }];
}

/**
 * What counts of each date for one unit of `base` in `quote`, in order of date: of one source the highest revision; of several
 * sources the first in order of text; what is published in this direction before its inverse.
 */
export function ratesInForce(facts: Iterable<ExchangeRate>, base: string, quote: string): readonly PublishedRate[] {
  const ofDates = new Map<string, ExchangeRate>();
  for (const fact of facts) {
    if (!(fact.base === base && fact.quote === quote) && !(fact.base === quote && fact.quote === base)) continue;
    const best = ofDates.get(fact.date);
    if (best === undefined || countsBefore(fact, best, base)) ofDates.set(fact.date, fact);
  }
  return [...ofDates.values()]
    .sort((left, right) => compareText(left.date, right.date))
    .map(({ rate, date, source, base: published }) => ({ rate, date, source, inverse: published !== base }));
}

function countsBefore(fact: ExchangeRate, other: ExchangeRate, base: string): boolean {
  if (fact.base !== other.base) return fact.base === base;
  if (fact.source !== other.source) return fact.source < other.source;
  return (fact.revision ?? -1) > (other.revision ?? -1);
}

/**
 * The last rate published on or before the day, undefined where there is none, or only one that is older. An inverse is an exact
 * fraction: where EUR/USD is 1.1, USD/EUR is 10/11.
 * @param rates in order of date, as `ratesInForce` gives them
 * @param maxAgeDays 0: published on the day itself
 */
export function rateOn(rates: readonly PublishedRate[], day: string, maxAgeDays: number): RateFound | undefined {
  const published = rates[firstFrom(rates, day, 'after') - 1];
  if (published === undefined || daysBetween(published.date, day) > maxAgeDays) return undefined;
  return published.inverse ? { ...published, rate: inverseOf(parseDecimal(published.rate)) } : published;
}

/**
 * The average, exactly, of what is published from one day to before another. Where the pair is published in both directions,
 * of the direction that is asked for; of inverses, the inverse of their average, as central banks publish it.
 */
export function averageOf(rates: readonly PublishedRate[], from: string, until: string): RateFound | undefined {
  const published = rates.slice(firstFrom(rates, from, 'on'), firstFrom(rates, until, 'on'));
  const direct = published.filter(({ inverse }) => !inverse);
  const some = direct.length > 0 ? direct : published;
  const last = some.at(-1);
  if (last === undefined) return undefined;
  const { numerator, denominator } = some.reduce((sum, { rate }) => addRates(sum, parseDecimal(rate)), ZERO);
  const average = { numerator, denominator: denominator * BigInt(some.length) };
  const { date, inverse } = last;
  const source = [...new Set(some.map((one) => one.source))].sort().join(', ');
  return { rate: inverse ? inverseOf(average) : formatRate(average), date, source, inverse };
}

function inverseOf({ numerator, denominator }: Rate): string {
  return formatRate({ numerator: denominator, denominator: numerator });
}

/** Date of the first rate that is published after the day. */
export function nextDate(rates: readonly PublishedRate[], day: string): string | undefined {
  return rates[firstFrom(rates, day, 'after')]?.date;
}

/** Place of the first rate that is published on or after the day, or only after it. */
function firstFrom(rates: readonly PublishedRate[], day: string, where: 'on' | 'after'): number {
  let from = 0;
  let until = rates.length;
  while (from < until) {
    const middle = (from + until) >>> 1;
    const date = rates[middle]?.date ?? '';
    if (date < day || (where === 'after' && date === day)) from = middle + 1;
    else until = middle;
  }
  return from;
}
