/** Stage 1, credit: which payees a deal credits, with which lines, of what basis. A pure function of deal, plan versions and partners. */
import type { Deal } from './deal.js';
import type { CompiledPlan } from './plan.js';

/** A partner as of a day. */
export interface PartnerAsOf {
  readonly id: string;
  readonly channel: string;
  readonly country: string;
  readonly tier: string | null;
  readonly upline: string | null;
  /** Plans that the partner has agreed to, in force on that day. */
  readonly plans: readonly string[];
}

export interface CreditLookup {
  /** The partner as of a day (`2026-03-05`), or undefined where none is known. */
  partner(id: string, day: string): PartnerAsOf | undefined;
}

export interface PlanVersion {
  /** Day in the plan's time zone; the version takes effect with the first measurement window that starts on or after it. */
  readonly effectiveFrom: string;
  readonly plan: CompiledPlan;
}

/** A return line: it takes back `returned` of `of`, after `returnedBefore` had been taken back. Net amounts, as magnitudes, in the deal's currency. */
export interface Reversal {
  /** Occurrence of the line that it takes back. */
  readonly occurrence: string;
  readonly returnedBefore: string;
  readonly returned: string;
  readonly of: string;
}

/**
 * One crediting of one line to one payee; plain JSON. Unique in its deal by `lineKey`. Amounts are decimal text with the
 * plan currency's decimals.
 */
export interface CreditLine {
  readonly component: string;
  readonly planHash: string;
  /** `booked`, `invoice:<id>`, `payment:<id>`, `sold-through:<id>`, `return:<id>`, `cancelled`. */
  readonly occurrence: string;
  /** The deal's line; empty where the component pays a deal as one. */
  readonly line: string;
  /** When it counts, `2026-03-05T10:00:00.000Z`. */
  readonly at: string;
  /** Period that it belongs to. */
  readonly period: string;
  /** Measurement window that it is measured in; a return line has its original's. */
  readonly window: string;
  /** The payee's part of the basis; of quantities, with the currency's decimals too. Negative in a return line. */
  readonly basis: string;
  /** Units of the line, whole (not the payee's part), where the rate is per unit. */
  readonly quantity?: string;
  /** Shares of all who hold the role, and which of them the payee's is, where a flat amount is to be split. */
  readonly split?: { readonly shares: readonly string[]; readonly index: number };
  /** Level of an override, from 1. */
  readonly level?: number;
  /** The credited line that an override is paid on. */
  readonly child?: { readonly component: string; readonly payee: string };
  readonly reverses?: Reversal;
}

export interface PayeeCredit {
  readonly payee: string;
  /** In canonical order. */
  readonly lines: readonly CreditLine[];
}

export type WaitingCode =
  | 'PartnerMissing'
  | 'PlanMissing'
  | 'PlanNotInForce'
  | 'AgreementMissing'
  | 'ExchangeRateMissing'
  | 'TermsMissing'
  | 'TermsInvalid';

/** Why a deal, or a part of it, is not credited yet. Nothing is guessed. */
export interface Waiting {
  readonly code: WaitingCode;
  /** What is missing: `partner:P1`, `plan:x`, `exchange-rate:EUR/USD`, `deal:crm|D-1`. */
  readonly subject: string;
  readonly message: string;
}

export interface DealCredits {
  /** In order of payee. */
  readonly credits: readonly PayeeCredit[];
  readonly waiting: readonly Waiting[];
}

/**
 * All that one plan credits for a deal. `versions` are all versions of the plan, in any order. A partner of the deal
 * without agreement to the plan on the day is passed over: the caller tells whether any plan applied.
 */
export function creditDeal(deal: Deal, versions: readonly PlanVersion[], lookup: CreditLookup): DealCredits {
  throw new Error(`to come: ${deal.id} ${versions.length} ${typeof lookup}`);
}

/** Identity of a credit line within its deal and payee. */
export function lineKey(line: CreditLine): string {
  throw new Error(`to come: ${line.line}`);
}
