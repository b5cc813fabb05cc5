/** What commission-calculation (topic `commissions`) and rewards (topic `rewards`) publish. */
import type { ClosingName } from './closing.js';

/** The id of a period: `2026-03`, `2026-Q1`, `2026-H1`, `2026-W07`, `2026-B04`, `FY2026-P03`, `2026`. */
export const PERIOD_ID = /^(FY)?\d{4}(-([PWB]?\d{2}|Q[1-4]|H[12]))?$/;

/**
 * `earning` in its own period, `adjustment` in a later one, `clawback` for a return. `reserve` holds an amount back and
 * `reserve-release` releases it. `draw-advance` is paid in advance, and `draw-recovery` is taken out of later earnings.
 */
export type LineKind =
  'earning' | 'adjustment' | 'clawback' | 'bonus' | 'reserve' | 'reserve-release' | 'draw-advance' | 'draw-recovery';

/**
 * The part of an amount that was earned with deals in another currency: `of`, in the currency of the whole amount, is
 * worth `amount` in `currency` at the rates at which the deals were converted.
 */
export interface Exchanged {
  readonly amount: string;
  readonly currency: string;
  readonly of: string;
}

/**
 * The net of all postings with the same open period, period of origin, plan, component, deal, line and kind. Amounts
 * are decimal text with the currency's own decimals. Canonical order: by these seven keys.
 */
export interface LedgerLine {
  /** The period that the line is posted in: it is on that period's statement. */
  readonly period: string;
  /** The period that the line belongs to. */
  readonly origin: string;
  readonly plan: string;
  /** Component of the plan, or id of the programme. */
  readonly component: string;
  /**
   * `source|id` of the deal. Without a single deal: empty for a bonus, `|<component>` for what a limit deferred, `|*`
   * for guarantee and draw.
   */
  readonly deal: string;
  /**
   * `occurrence|line` of the deal. An occurrence is `booked`, `invoice:<id>`, `payment:<id>`, `return:<id>` or
   * `cancelled`.
   */
  readonly line: string;
  readonly kind: LineKind;
  /** The measured basis of the amount, in the plan's currency. */
  readonly basis: string;
  readonly amount: string;
  /** In order of currency; absent if the deal is in the plan's currency. */
  readonly exchanged?: readonly Exchanged[];
}

/** Everything that a payee has from a deal under a plan: a newer revision replaces the older ones. */
export interface EarningsOfDeal {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  readonly calendar: string;
  readonly deal: string;
  readonly lines: readonly LedgerLine[];
}

/** Everything that a participant has from a programme in a window. */
export interface BonusOfWindow {
  readonly payee: string;
  readonly programme: string;
  readonly currency: string;
  readonly calendar: string;
  readonly window: string;
  readonly lines: readonly LedgerLine[];
}

/** How the earnings of a plan are paid, as the plan declares it. Finance makes the document and adds the tax. */
export interface PayoutTerms {
  readonly as?: 'self-billed' | 'invoiced' | 'credit-note' | 'payroll';
  /** `by-partner`: by the partner's tax registration; `none`: amounts are paid as they are. */
  readonly tax?: 'by-partner' | 'none';
}

/**
 * What a stream holds for a closed period. Streams without lines in the period are not listed, except those whose payee
 * has left and whose plan forgives debts.
 */
export interface ManifestEntry extends PayoutTerms {
  readonly stream: string;
  readonly payee: string;
  readonly currency: string;
  readonly lines: number;
  /** Smallest amount that is paid, in the currency: the plan's `settle.minimum`, or "0.00". */
  readonly minimum: string;
  /** `forgive`: the payee's agreement has ended, and the plan writes off a negative balance. */
  readonly negative?: 'forgive';
  /** SHA-256, hex, of the canonical JSON of the lines in canonical order: `ledgerLinesHash`. */
  readonly hash: string;
}

/**
 * A page of the manifest of a closed period, which is complete with the pages 1 to `pages`. An empty manifest is one
 * empty page.
 */
export interface PeriodManifest extends ClosingName {
  readonly page: number;
  readonly pages: number;
  readonly entries: readonly ManifestEntry[];
}
