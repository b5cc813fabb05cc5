import type { UncreditedCode } from '@tantieme/commission-engine/credit/uncredited';

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

export interface TouchingRow extends PendingDealRow {
  /** The deal's earliest instant, in UTC: it may touch periods that end later. */
  readonly touches_from: string;
  /** `|monthly@Europe/Paris|`: the calendars it may touch; empty for all. */
  readonly touches_calendars: string;
}

/** What no closing waits for any longer. */
export interface WaivedRow {
  readonly deal: string;
  readonly code: string;
  readonly subject: string;
  readonly reason: string;
  readonly by: string;
  readonly confirmed_by: string;
  readonly at: string;
}

/** Why a deal is credited to nobody. */
export interface UncreditedRow extends PendingDealRow {
  readonly code: UncreditedCode;
}

export interface PendingDealTables {
  commission_pending_deals: TouchingRow;
  commission_waived: WaivedRow;
  commission_uncredited_deals: UncreditedRow;
}
