/** Topics of the integration events. What a topic is keyed by keeps its order. */
export const TOPICS = {
  /** `deal-fact`, keyed by `source|deal`: what internal services publish. */
  dealsInbound: 'deals.inbound',
  /** `exchange-rate`, keyed by pair of currencies, and `quota`, keyed by payee: what internal services publish. */
  referencesInbound: 'references.inbound',
  /** `payment`, keyed by payout: what finance answers. */
  paymentsInbound: 'payments.inbound',
  /** `deal`, keyed by `source|id`. */
  deals: 'deals',
  /** `partner`, keyed by the partner's id. */
  partners: 'partners',
  /** `earnings-of-deal`, keyed by payee; `period-manifest`, keyed by calendar. */
  commissions: 'commissions',
  /** `bonus-of-window`, keyed by payee; `period-manifest`, keyed by calendar. */
  rewards: 'rewards',
  /** `statement-issued`, `payout-due` and `payment-recorded`, keyed by payee. */
  payouts: 'payouts',
} as const;
