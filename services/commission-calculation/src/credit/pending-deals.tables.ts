/** A deal that cannot be credited, or not completely. */
export interface PendingDealRow {
  /** `source|id` */
  readonly deal: string;
  /** Kind of the missing fact: `PartnerMissing`. */
  readonly code: string;
  /** What is missing: `partner:P1`. */
  readonly subject: string;
  readonly message: string;
  /** Time of the fact for which the deal was credited last. */
  readonly since: string;
}

export interface PendingDealTables {
  commission_pending_deals: PendingDealRow;
}
