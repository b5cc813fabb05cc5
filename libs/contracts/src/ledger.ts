/** What commission-calculation (topic `commissions`) and rewards (topic `rewards`) say to those downstream. */

/**
 * `earning` in its own period, `adjustment` in a later one; `clawback` of what came back. `reserve` keeps back what is held,
 * `reserve-release` gives it free. `draw-advance` is paid ahead, and `draw-recovery` taken out of later earnings.
 */
export type LineKind =
  'earning' | 'adjustment' | 'clawback' | 'bonus' | 'reserve' | 'reserve-release' | 'draw-advance' | 'draw-recovery';

/**
 * What of an amount was earned with deals in another currency: `of` in the currency of the amount is worth `amount` in `currency`, at the
 * rates by which the deals were converted.
 */
export interface Exchanged {
  readonly amount: string;
  readonly currency: string;
  readonly of: string;
}

/**
 * The net of all postings of one (open period, period of origin, component, deal, line, kind). Amounts are decimal text
 * with the currency's own decimals. Canonical order: by these six keys.
 */
export interface LedgerLine {
  /** The period that it is posted in, and on whose statement it stands. */
  readonly period: string;
  /** The period that it belongs to. */
  readonly origin: string;
  readonly plan: string;
  /** Component of the plan, or id of the programme. */
  readonly component: string;
  /** `source|id` of the deal. Of no single deal: empty for a bonus, `|<component>` for what a limit deferred, `|*` for guarantee and draw. */
  readonly deal: string;
  /** `occurrence|line` of the deal, where an occurrence is `booked`, `invoice:<id>`, `payment:<id>`, `return:<id>`, `cancelled`. */
  readonly line: string;
  readonly kind: LineKind;
  /** Measured basis behind it, in the plan's currency. */
  readonly basis: string;
  readonly amount: string;
  /** In order of currency; left out where the deal is in the plan's currency. */
  readonly exchanged?: readonly Exchanged[];
}

/** All that one payee has from one deal under one plan, whole, by period: the newest revision replaces the ones before. */
export interface EarningsOfDeal {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  readonly calendar: string;
  readonly deal: string;
  readonly lines: readonly LedgerLine[];
}

/** All that a participant has from one programme in one window, whole. */
export interface BonusOfWindow {
  readonly payee: string;
  readonly programme: string;
  readonly currency: string;
  readonly calendar: string;
  readonly window: string;
  readonly lines: readonly LedgerLine[];
}

/** How a plan is settled, as it says it: finance makes the document and adds the tax. */
export interface PayoutTerms {
  readonly as?: 'self-billed' | 'invoiced' | 'credit-note' | 'payroll';
  /** `by-partner`: as the partner is registered for it; `none`: amounts are paid as they are. */
  readonly tax?: 'by-partner' | 'none';
}

/**
 * What a closed stream holds for the closed period. Streams with no line in it are not listed, but for those whose payee has left and
 * whose plan forgives.
 */
export interface ManifestEntry extends PayoutTerms {
  readonly stream: string;
  readonly payee: string;
  readonly currency: string;
  readonly lines: number;
  /** Smallest amount worth a payment, in the currency: the plan's `payoutTerms.minimum`, "0.00" where none is said. */
  readonly minimum: string;
  /** `forgive`: the payee's agreement has ended, and the plan writes off what is negative then. */
  readonly negative?: 'forgive';
  /** SHA-256, hex, of the canonical JSON of the lines in canonical order: `ledgerLinesHash`. */
  readonly hash: string;
}

/** A page of the manifest of a closed period; complete when `page` 1 … `pages` are there. An empty manifest is one empty page. */
export interface PeriodManifest {
  /** Calendar key: `monthly@Europe/Paris`. */
  readonly calendar: string;
  readonly period: string;
  readonly page: number;
  readonly pages: number;
  readonly entries: readonly ManifestEntry[];
}
