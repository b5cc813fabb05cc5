/**
 * Published exchange rates of a pair of currencies, in any order of arrival, and the rate of a day: the last one
 * published on or before it, up to a maximum age. An inverse is an exact fraction.
 */
import { DAY_DESCRIPTION, daysBetween, isDay } from '@tantieme/time/day';
import { compareText } from '@tantieme/contracts/compare-text';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { isCurrency } from '@tantieme/money/currency';
import { addRates, decimalFault, formatRate, parseDecimal, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import type { ExchangeRate, ExchangeRateFact } from '@tantieme/contracts/reference';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { RATES_MAX } from '../../limits.js';
import { isWithdrawal, notWithdrawn, withdrawalSuffix } from './withdrawal.js';

/** All facts of a pair, in both directions, by `identityOfRate`. */
export type RatesOfPair = ReadonlyMap<string, ExchangeRateFact>;

export interface ExchangeRateRecorded {
  readonly type: 'ExchangeRateRecorded';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly exchangeRate: ExchangeRateFact };
}

/** The rate published for a date, in one of the two directions. */
export interface PublishedRate {
  /**
   * Decimal text: units of the quote per unit of the base; where `inverse`, units of the base per unit of the quote.
   */
  readonly rate: string;
  readonly date: string;
  readonly source: string;
  /** True where only the other direction is published. */
  readonly inverse: boolean;
}

/** The factor by which an amount in the base is multiplied. */
export interface FoundRate {
  /** Exact: a decimal, or a fraction (`10/11`), as most inverses are. */
  readonly rate: string;
  /** Day of publication; of an average, the last day in it. */
  readonly date: string;
  readonly source: string;
  /** True where only the other direction is published. */
  readonly inverse: boolean;
}

/** Identity of a rate among the facts of its pair. */
export function identityOfRate(fact: ExchangeRateFact): string {
  return rateIdentity(fact, withdrawalSuffix(fact));
}

function rateIdentity({ base, date, source, revision }: ExchangeRateFact, suffix = ''): string {
  return `${base} ${date} ${revision ?? ''}${suffix} ${source}`;
}

/** What all revisions of a rate have in common. */
export function rateKey({ base, date, source }: ExchangeRateFact): string {
  return `${base} ${date} ${source}`;
}

/** No event for a repeated fact. @throws {DomainError} `FactConflict` where the same identity has another rate */
export function recordExchangeRate(
  exchangeRate: ExchangeRateFact,
  at: string,
  known: RatesOfPair,
): readonly ExchangeRateRecorded[] {
  const before = known.get(identityOfRate(exchangeRate));
  if (before !== undefined) {
    if (isWithdrawal(exchangeRate) || isWithdrawal(before) || before.rate === exchangeRate.rate) return [];
    const { base, quote, date, source } = exchangeRate;
    throw new DomainError(
      'FactConflict',
      `${source} published another ${base}/${quote} rate for ${date}; send a correction with a higher revision`,
      'conflict',
      [{ field: 'rate', reason: `is recorded as ${before.rate}, not ${exchangeRate.rate}` }],
    );
  }
  // What is recorded can always be withdrawn.
  const isKnown = isWithdrawal(exchangeRate) && known.has(rateIdentity(exchangeRate));
  if (known.size >= RATES_MAX && !isKnown)
    throw new DomainError('RatesTooMany', `the pair has ${known.size} rates, the most that a pair can have`);
  return [{ type: 'ExchangeRateRecorded', version: 1, occurredAt: at, data: { exchangeRate } }];
}

/**
 * The fact in its normal form: a rate without trailing zeros.
 * @throws {DomainError} `FactInvalid` with every field and reason
 */
export function normalExchangeRate<Fact extends ExchangeRateFact>(fact: Fact): Fact;
export function normalExchangeRate(fact: ExchangeRateFact): ExchangeRateFact {
  const { base, quote, date, source, revision } = fact;
  const faults = [
    ...[{ base }, { quote }].flatMap((one) =>
      Object.entries(one)
        .filter(([, code]) => !isCurrency(code))
        .map(([field, code]) => ({
          field,
          reason: `${JSON.stringify(code)} is not an ISO 4217 currency code, such as EUR`,
        })),
    ),
    ...(base === quote ? [{ field: 'quote', reason: 'is the same as base' }] : []),
    ...(isDay(date) ? [] : [{ field: 'date', reason: `${JSON.stringify(date)} is not ${DAY_DESCRIPTION}` }]),
    ...(isWithdrawal(fact) ? [] : rateFaults(fact.rate)),
  ];
  if (faults.length > 0)
    throw new DomainError(
      'FactInvalid',
      `the rate is not valid: ${faults.map(({ field, reason }) => `${field} ${reason}`).join('; ')}`,
      'invalid',
      faults,
    );
  // The content that a withdrawal repeats does not count.
  if (isWithdrawal(fact)) return omitUndefined({ base, quote, date, source, revision, withdrawn: fact.withdrawn });
  const exact = formatRate(parseDecimal(fact.rate));
  return omitUndefined({ base, quote, date, rate: exact, source, revision });
}

function rateFaults(rate: string): readonly { readonly field: string; readonly reason: string }[] {
  const fault =
    decimalFault(rate) ?? (parseDecimal(rate).numerator > 0n ? undefined : `${rate} is not greater than zero`);
  return fault === undefined ? [] : [{ field: 'rate', reason: fault }];
}

/**
 * The rate in force for each date, from `base` to `quote`, in order of date: of one source the highest revision that is
 * not withdrawn; of several sources the first in text order; a rate published in this direction before an inverse.
 */
export function ratesInForce(facts: Iterable<ExchangeRateFact>, base: string, quote: string): readonly PublishedRate[] {
  const ofDates = new Map<string, ExchangeRate>();
  for (const fact of notWithdrawn(facts, rateKey)) {
    if (!(fact.base === base && fact.quote === quote) && !(fact.base === quote && fact.quote === base)) continue;
    const best = ofDates.get(fact.date);
    if (best === undefined || takesPrecedence(fact, best, base)) ofDates.set(fact.date, fact);
  }
  return [...ofDates.values()]
    .sort((left, right) => compareText(left.date, right.date))
    .map(({ rate, date, source, base: published }) => ({ rate, date, source, inverse: published !== base }));
}

function takesPrecedence(fact: ExchangeRate, other: ExchangeRate, base: string): boolean {
  if (fact.base !== other.base) return fact.base === base;
  if (fact.source !== other.source) return fact.source < other.source;
  return (fact.revision ?? -1) > (other.revision ?? -1);
}

/**
 * The last rate published on or before the day; undefined where there is none, or only an older one. An inverse is an
 * exact fraction: where EUR/USD is 1.1, USD/EUR is 10/11.
 * @param rates in order of date, from `ratesInForce`
 * @param maxAgeDays largest age of the rate; 0 for one published on the day itself
 */
export function rateOn(rates: readonly PublishedRate[], day: string, maxAgeDays: number): FoundRate | undefined {
  const published = rates[indexFrom(rates, day, 'after') - 1];
  if (published === undefined || daysBetween(published.date, day) > maxAgeDays) return undefined;
  return published.inverse ? { ...published, rate: inverseOf(parseDecimal(published.rate)) } : published;
}

/**
 * The exact average of the rates published from one day to before another: of the requested direction where it is
 * published, otherwise the inverse of the average of the other direction, as central banks publish it.
 */
export function averageOf(rates: readonly PublishedRate[], from: string, until: string): FoundRate | undefined {
  const published = rates.slice(indexFrom(rates, from, 'on'), indexFrom(rates, until, 'on'));
  const direct = published.filter(({ inverse }) => !inverse);
  const averaged = direct.length > 0 ? direct : published;
  const last = averaged.at(-1);
  if (last === undefined) return undefined;
  const { numerator, denominator } = averaged.reduce((sum, { rate }) => addRates(sum, parseDecimal(rate)), ZERO);
  const average = { numerator, denominator: denominator * BigInt(averaged.length) };
  const { date, inverse } = last;
  const source = [...new Set(averaged.map((one) => one.source))].sort().join(', ');
  return { rate: inverse ? inverseOf(average) : formatRate(average), date, source, inverse };
}

function inverseOf({ numerator, denominator }: Rate): string {
  return formatRate({ numerator: denominator, denominator: numerator });
}

/** Date of the first rate published after the day. */
export function nextDate(rates: readonly PublishedRate[], day: string): string | undefined {
  return rates[indexFrom(rates, day, 'after')]?.date;
}

/** Index of the first rate published on or after the day, or only after it. */
function indexFrom(rates: readonly PublishedRate[], day: string, where: 'on' | 'after'): number {
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
