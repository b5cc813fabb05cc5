/** Topics of the integration events. Messages with the same key stay in order. */
export const TOPICS = {
  /** `deal-fact`, keyed by `source|deal`: published by internal systems. */
  dealsInbound: 'deals.inbound',
  /** `exchange-rate`, keyed by pair of currencies, and `quota`, keyed by payee: published by internal systems. */
  referencesInbound: 'references.inbound',
  /** `payment`, keyed by payout: the answers of finance. */
  paymentsInbound: 'payments.inbound',
  /** `deal`, keyed by `source|id`. */
  deals: 'deals',
  /** `partner`, keyed by the partner's id. */
  partners: 'partners',
  /** `earnings-of-deal`, keyed by payee; `period-manifest` and `closing-step`, keyed by calendar. */
  commissions: 'commissions',
  /** `bonus-of-window`, keyed by payee; `period-manifest`, keyed by calendar. */
  rewards: 'rewards',
  /** `closing-step`, keyed by calendar: apart from the bonuses, which its reader does not need. */
  rewardsClosings: 'rewards.closings',
  /** `statement-issued`, `statement-withdrawn`, `payout-due` and `payment-recorded`, keyed by payee. */
  payouts: 'payouts',
  /** `closing-step`, keyed by calendar: apart from the statements, which its reader does not need. */
  payoutsClosings: 'payouts.closings',
} as const;
