/** The events of an earning stream, and what they hold. */
import type { Agreement, PayeeTerms, Quota } from '@tantieme/commission-engine/earn/payee-terms';
import type {
  PayeeLevelCredit,
  ChildEarning,
  DealClaims,
  DealMissingQuotas,
  RatedLine,
} from '@tantieme/commission-engine/incremental/state';
import type { ManifestEntry } from '@tantieme/contracts/ledger';
import type { EventTypes } from '@tantieme/event-sourcing/decide/decider';
import type { CreditGroup } from '../credit/credit-lines.js';
import type { ChildInput, GrantInput } from './earning-inputs.js';
import type { PostedLine } from './posting.js';

/** The payee and plan of a stream; the same in all its events. */
export interface PayeePlan {
  readonly payee: string;
  readonly plan: string;
  readonly currency: string;
  /** `monthly@Europe/Paris` */
  readonly calendar: string;
}

/** All postings of one deal, in canonical order. */
export interface DealPosting {
  readonly deal: string;
  readonly lines: readonly PostedLine[];
}

export interface CreditInput {
  readonly deal: string;
  /** Crediting number of the deal: the highest counts. */
  readonly number: number;
  /** The whole credit; empty for a deal that no longer credits anything. */
  readonly groups: readonly CreditGroup[];
  /** First open period of the calendar; null before the first closing. */
  readonly openFrom: string | null;
  /**
   * Payees above, in text order, who are paid an override on what this one earns with the deal; absent where there are
   * none.
   */
  readonly above?: readonly string[];
}

/** All current terms of the payee under the plan. */
export interface PayeeTermsInput {
  readonly agreements: readonly Agreement[];
  readonly quotas: readonly Quota[];
  readonly openFrom: string | null;
}

/** The closing of a period is void; nothing is final from it on. */
export interface ReopenInput {
  readonly period: string;
  /** First open period of the calendar now; null where no period is closed. */
  readonly openFrom: string | null;
}

/** Without `deal`, the line belongs to the credited deal itself. */
export type StoredRating = Omit<RatedLine, 'deal'> & { readonly deal?: string };

/** All that the payee earns with a deal, for the payees above who are paid an override on it. */
export interface OverriddenDeal {
  readonly deal: string;
  readonly to: readonly string[];
  readonly earned: readonly Omit<ChildEarning, 'payee'>[];
}

/** The changes that follow from an input. */
export interface Conclusions {
  /** Lines with a new or changed amount. */
  readonly rated: readonly StoredRating[];
  /** Lines of the plan as a whole (deferred amounts, guarantee, draw), where they change. */
  readonly payeeLevel?: readonly PayeeLevelCredit[];
  /** Claims on budgets, where they change. */
  readonly claims?: readonly DealClaims[];
  /** Quotas that pending deals need, where that changes. */
  readonly missingQuotas?: readonly DealMissingQuotas[];
  /** Absent where nobody above is paid on what changes. */
  readonly overridden?: readonly OverriddenDeal[];
  /** Deals whose postings change, the credited deal first, the others in order. */
  readonly deals: readonly DealPosting[];
  /** Version of the arithmetic (`earn-engines.ts`). */
  readonly engine: number;
}

interface Concluded<Type extends string, Input> {
  readonly type: Type;
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly payeePlan: PayeePlan; readonly input: Input } & Conclusions;
}

export type EarningEvent =
  | Concluded<'Earned', CreditInput>
  | Concluded<'ChildEarningReceived', ChildInput>
  | Concluded<'GrantReceived', GrantInput>
  | Concluded<'PayeeTermsReceived', PayeeTermsInput>
  | Concluded<'EarningPeriodReopened', ReopenInput>
  | {
      readonly type: 'EarningPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: {
        readonly payeePlan: PayeePlan;
        readonly period: string;
        readonly planHash: string;
        /** Lines of guarantee and draw, computed by the closing; absent where there are none. */
        readonly rated?: readonly StoredRating[];
        readonly payeeLevel?: readonly PayeeLevelCredit[];
        /** Tiers reached by lagged measurements, by component and window. */
        readonly reachedTiers?: PayeeTerms['reachedTiers'];
        /** Deals whose postings change: lines of earlier periods that were never closed are posted in this one. */
        readonly deals: readonly DealPosting[];
        readonly entry: ManifestEntry;
        readonly engine: number;
      };
    };

export const EARNING_EVENTS: EventTypes<EarningEvent> = {
  Earned: { version: 1 },
  ChildEarningReceived: { version: 1 },
  GrantReceived: { version: 1 },
  PayeeTermsReceived: { version: 1 },
  EarningPeriodClosed: { version: 1 },
  EarningPeriodReopened: { version: 1 },
};
