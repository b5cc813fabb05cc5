/** What crediting looks up: partners and exchange rates, as of a day. */
import type { PartnerAsOf } from './partner.js';

/** A published exchange rate: units of `to` for one unit of `from`. */
export interface ExchangeRateAsOf {
  /** A decimal, or an exact fraction where only the inverse was published. */
  readonly rate: string;
  readonly date: string;
  readonly source: string;
}

export interface CreditLookup {
  /** The partner as of a day (`2026-03-05`), or undefined where the partner is unknown. */
  partner(id: string, day: string): PartnerAsOf | undefined;
  /** The last rate published on or before the day, at most `maxAgeDays` days earlier. */
  exchangeRate?(from: string, to: string, day: string, maxAgeDays: number): ExchangeRateAsOf | undefined;
  /**
   * The average of the rates published from `fromDay` to the day before `untilDay`, or undefined where there are none.
   */
  exchangeAverage?(from: string, to: string, fromDay: string, untilDay: string): ExchangeRateAsOf | undefined;
}
