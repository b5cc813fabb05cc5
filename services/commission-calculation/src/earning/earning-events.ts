/** The events of an earning stream, and what they hold. */
import { lineKey } from '@tantieme/commission-engine/credit/credit-line';
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
import { decimalsOf } from '@tantieme/money/currency';
import { parseMinor } from '@tantieme/money/amount';
import { unpackByLine, unpackLines } from '../credit/credit-lines.js';
import type { CreditGroup } from '../credit/credit-lines.js';
import { EARN_ENGINES } from './earn-engines.js';
import type { ChildInput, GrantInput } from './earning-inputs.js';
import type { PostedLine } from './posting.js';

/** What is the same in all versions of a plan. */
export interface PlanConstants {
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

/** Without `openFrom` before the first closing. */
type StoredInput<Input> = Omit<Input, 'openFrom'> & { readonly openFrom?: string };

export function storedInput<Input extends { readonly openFrom: string | null }>({
  openFrom,
  ...input
}: Input): Omit<Input, 'openFrom'> & { readonly openFrom?: string } {
  return openFrom === null ? input : { ...input, openFrom };
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
  /** Lines with a new or changed amount; absent where there are none. Of a credited deal, `amounts` has the lines. */
  readonly rated?: readonly StoredRating[];
  /** Lines of the plan as a whole (deferred amounts, guarantee, draw), where they change. */
  readonly payeeLevel?: readonly PayeeLevelCredit[];
  /** Claims on budgets, where they change. */
  readonly claims?: readonly DealClaims[];
  /** Quotas that pending deals need, where that changes. */
  readonly missingQuotas?: readonly DealMissingQuotas[];
  /** Absent where nobody above is paid on what changes. */
  readonly overridden?: readonly OverriddenDeal[];
  /**
   * Deals whose postings change, the credited deal first, the others in order; absent where there are none. A credited
   * deal with every line in its period of origin is not among them: its postings follow from what it earns.
   */
  readonly deals?: readonly DealPosting[];
  /** Version of the arithmetic (`earn-engines.ts`). */
  readonly engine: number;
}

/** What a credited deal earns. */
interface CreditConclusions {
  /** What each line of the credit earns: by group, in the order of its lines. */
  readonly amounts: readonly (readonly string[])[];
  /** The credited deal's postings do not change. */
  readonly unchanged?: true;
}

interface Concluded<Type extends string, Input, More = unknown> {
  readonly type: Type;
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: PlanConstants & { readonly input: StoredInput<Input> } & Conclusions & More;
}

export type EarningEvent =
  | Concluded<'Earned', CreditInput, CreditConclusions>
  | Concluded<'ChildEarningReceived', ChildInput>
  | Concluded<'GrantReceived', GrantInput>
  | Concluded<'PayeeTermsReceived', PayeeTermsInput>
  | Concluded<'EarningPeriodReopened', ReopenInput>
  | {
      readonly type: 'EarningPeriodClosed';
      readonly version: 1;
      readonly occurredAt: string;
      readonly data: PlanConstants & {
        readonly period: string;
        readonly planVersion: string;
        /** Lines of guarantee and draw, computed by the closing; absent where there are none. */
        readonly rated?: readonly StoredRating[];
        readonly payeeLevel?: readonly PayeeLevelCredit[];
        /** Tiers reached by lagged measurements, by component and window. */
        readonly reachedTiers?: PayeeTerms['reachedTiers'];
        /** Deals whose postings change: lines of earlier periods that were never closed are posted in this one. */
        readonly deals?: readonly DealPosting[];
        readonly entry: ManifestEntry;
        readonly engine: number;
      };
    };

export const EARNING_EVENTS: EventTypes<EarningEvent> = {
  Earned: { version: 1, namesCause: true },
  ChildEarningReceived: { version: 1, namesCause: true },
  GrantReceived: { version: 1, namesCause: true },
  PayeeTermsReceived: { version: 1 },
  EarningPeriodClosed: { version: 1 },
  EarningPeriodReopened: { version: 1 },
};

type Earned = Extract<EarningEvent, { readonly type: 'Earned' }>;

/** What the lines of the credited deal earn, in canonical order. */
export function ratedLines({ data: { input, amounts } }: Earned): readonly RatedLine[] {
  const { deal, groups } = input;
  const texts = unpackByLine(groups, amounts);
  return unpackLines(groups).map((line, index) => ({ deal, key: lineKey(line), amount: texts[index] ?? '' }));
}

/** True where the postings of the credited deal follow from what it earns. */
export function isPostedAsEarned({ data: { input, deals, unchanged } }: Earned): boolean {
  return unchanged !== true && deals?.[0]?.deal !== input.deal;
}

/** All deals whose postings change, with all postings of each. @param engine of the event's version */
export function dealPostings(event: EarningEvent, engine = EARN_ENGINES.of(event.data.engine)): readonly DealPosting[] {
  const { deals = [], currency } = event.data;
  if (event.type !== 'Earned' || !isPostedAsEarned(event)) return deals;
  const decimals = decimalsOf(currency);
  const { deal, groups } = event.data.input;
  const amounts = unpackByLine(groups, event.data.amounts);
  const earned = unpackLines(groups).map((line, index) => ({
    line,
    amountMinor: parseMinor(amounts[index] ?? '', decimals),
  }));
  return [{ deal, lines: engine.postedLines(earned, [], null, decimals) }, ...deals];
}
