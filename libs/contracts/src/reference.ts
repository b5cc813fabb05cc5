/** Facts that plans refer to (topic `references.inbound`). They may arrive late, in any order, and more than once. */
import type { Withdrawn } from './deal.js';

/**
 * A published exchange rate: one unit of `base` costs `rate` units of `quote`. Its identity is pair, date, source and
 * revision: the same identity with another rate is a conflict.
 */
export interface ExchangeRate {
  /** ISO 4217 code. */
  readonly base: string;
  /** ISO 4217 code. */
  readonly quote: string;
  /** Day of publication, `2026-03-05`. The rate is valid from then on, until a later one is published. */
  readonly date: string;
  /** Exact decimal text, more than zero. */
  readonly rate: string;
  /** The publisher: `ecb`. */
  readonly source: string;
  /** The highest revision for a date and source counts; a rate without one is below all others. */
  readonly revision?: number;
}

/** Withdraws a rate, as a withdrawn fact of a deal does: it names what identifies the rate, and may come before it. */
export interface WithdrawnExchangeRate extends Omit<ExchangeRate, 'rate'> {
  readonly withdrawn: Withdrawn;
}

export type ExchangeRateFact = ExchangeRate | WithdrawnExchangeRate;

/**
 * What a payee should reach under a component of a plan in a measurement window, on the days from `from` to the day
 * before `until` (open when absent). Its identity is payee, plan, component, `from` and revision: the same identity
 * with other content is a conflict.
 */
export interface Quota {
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
  readonly from: string;
  readonly until?: string;
  /**
   * For a whole window: decimal text without a sign, in the plan's currency or, if the component measures units, in
   * units.
   */
  readonly amount: string;
  /** The highest revision counts on each day, and within one revision the quota with the latest `from`. */
  readonly revision: number;
}

/** Withdraws the quota of a component from a day on, as a withdrawn fact of a deal does; it may come before the quota. */
export interface WithdrawnQuota extends Omit<Quota, 'until' | 'amount'> {
  readonly withdrawn: Withdrawn;
}

export type QuotaFact = Quota | WithdrawnQuota;
