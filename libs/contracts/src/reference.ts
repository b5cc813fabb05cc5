/** Facts that plans refer to (topic `references.inbound`). They may come late, in any order, and more than once. */

/**
 * A published exchange rate: one unit of `base` costs `rate` units of `quote`. Its identity is pair, date, source and revision:
 * the same identity with another rate is a conflict.
 */
export interface ExchangeRate {
  /** ISO 4217 code. */
  readonly base: string;
  /** ISO 4217 code. */
  readonly quote: string;
  /** Day of publication, `2026-03-05`: it counts from then on, until a later one is published. */
  readonly date: string;
  /** Exact decimal text, more than zero. */
  readonly rate: string;
  /** Who publishes it: `ecb`. */
  readonly source: string;
  /** Of one date and source the highest counts; one without is below all that have one. */
  readonly revision?: number;
}

/**
 * What a payee is to reach under a component of a plan, a measurement window, on the days from `from` to the day before `until`
 * (open if left out). Its identity is payee, plan, component, `from` and revision: the same identity with other content is a conflict.
 */
export interface Quota {
  readonly payee: string;
  readonly plan: string;
  readonly component: string;
  readonly from: string;
  readonly until?: string;
  /** For a whole window: decimal text without a sign, in the plan's currency, or units where the component measures units. */
  readonly amount: string;
  /** Of the quotas of one day the highest revision counts; of one revision that with the latest `from`. */
  readonly revision: number;
}
