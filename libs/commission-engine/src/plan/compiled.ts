/** A compiled plan document: amounts in minor units, exact rates, defaults filled in. */
import type { Calendar, Over } from '@tantieme/time/calendar/document';
import type { Remainder } from '@tantieme/money/allocation';
import type { Rate } from '@tantieme/money/decimal';
import type { RoundingMode } from '@tantieme/money/rounding';
import type { DealRole, Trigger } from '../deal/deal.js';
import type { Expression } from './expression.js';
import type { Basis, FlatPer, LimitDocument, PlanDocument } from './document.js';

export type ConditionSubject = 'deal' | 'line' | 'partner';

export interface CompiledCondition {
  readonly subject: ConditionSubject;
  readonly name: string;
  readonly anyOf: ReadonlySet<string>;
  /** For `partner.certification`: how many people must hold it. */
  readonly count?: number;
}

export interface CompiledConditions {
  /** All must hold. */
  readonly where: readonly CompiledCondition[];
  /** A line is excepted if all conditions of any group hold. */
  readonly excepts: readonly (readonly CompiledCondition[])[];
  readonly expressions: readonly Expression[];
}

export interface DirectCredit extends CompiledConditions {
  readonly kind: 'direct';
  readonly trigger: Trigger;
  readonly to: DealRole;
  readonly basis: Basis;
  readonly remainder: Remainder;
  /** First and last day of the triggers that count. */
  readonly during: readonly [string, string] | undefined;
}

export interface OverrideCredit extends CompiledConditions {
  readonly kind: 'override';
  readonly override: ReadonlySet<string>;
  readonly of: 'basis' | 'earning' | 'spread';
  /** For a spread: a partner's rate is the first whose conditions it meets. */
  readonly rates: readonly { readonly where: readonly CompiledCondition[]; readonly rate: Rate }[];
}

export interface RateText {
  readonly rate: Rate;
  /** The rate as exact text, for traces. */
  readonly rateText: string;
}

export interface CompiledTier extends RateText {
  /** End of the tier in minor units of the measurement; undefined for an open tier. */
  readonly untilMinor: bigint | undefined;
  /** Whether the end itself belongs to the tier. */
  readonly inclusive: boolean;
}

export type CompiledRate =
  | ({ readonly kind: 'percent' } & RateText)
  | { readonly kind: 'flat'; readonly per: FlatPer; readonly amount: Rate; readonly amountText: string }
  | { readonly kind: 'marginal' | 'retroactive'; readonly tiers: readonly CompiledTier[] }
  | { readonly kind: 'lagged'; readonly tiers: readonly CompiledTier[]; readonly frozen: boolean }
  | { readonly kind: 'stepped'; readonly everyMinor: bigint; readonly payMinor: bigint }
  | {
      readonly kind: 'accelerator';
      readonly base: Rate;
      /** `until` is a share of the quota. */
      readonly bands: readonly ({ readonly until: Rate | undefined } & RateText)[];
    }
  | {
      readonly kind: 'matrix';
      readonly by: readonly MatrixAttribute[];
      readonly rules: readonly (RateText & { readonly values: readonly (string | undefined)[] })[];
    }
  | { readonly kind: 'recurring'; readonly tiers: readonly ({ readonly untilMonth: number | undefined } & RateText)[] }
  | { readonly kind: 'levels'; readonly levels: readonly RateText[] }
  | { readonly kind: 'spread' };

export type MatrixAttribute = 'variant' | 'product' | 'family' | 'category';

export interface CompiledMeasure {
  readonly over: Over | 'deal' | { readonly rollingMonths: number };
  readonly team: boolean;
  readonly above: { readonly fixedMinor: bigint } | 'last-year' | undefined;
  readonly quota: { readonly fixedMinor: bigint } | 'fact' | undefined;
  readonly prorate: boolean;
}

export interface CompiledGate {
  readonly of: 'target' | 'attainment' | 'growth';
  /** An amount in minor units, or a share of the quota or baseline. */
  readonly target: Rate;
  readonly targetText: string;
  readonly from: 'first' | 'above';
}

export interface CompiledLimit {
  readonly per: 'deal' | 'period' | 'quarter' | 'year';
  readonly minor: bigint;
  readonly excess: LimitDocument['excess'];
  readonly headroom: 'returned' | 'spent';
}

export interface CompiledReturns {
  readonly policy: 'line' | 'average' | 're-rate' | 'none';
  readonly window: 'original' | 'current';
  readonly bands:
    | {
        readonly unit: 'days' | 'instalments';
        readonly list: readonly ({ readonly within: number | undefined } & RateText)[];
      }
    | undefined;
}

/** `rate` is the share of the earning that is held. */
export interface CompiledHold extends RateText {
  readonly release:
    | { readonly kind: 'paid'; readonly days: number }
    | { readonly kind: 'schedule'; readonly parts: readonly ({ readonly days: number } & RateText)[] };
}

export interface CompiledComponent {
  readonly id: string;
  readonly title: string;
  readonly stacks: readonly string[];
  readonly credit: DirectCredit | OverrideCredit;
  readonly measure: CompiledMeasure;
  readonly gate: CompiledGate | undefined;
  readonly rate: CompiledRate;
  readonly limit: CompiledLimit | undefined;
  readonly budgetMinor: bigint | undefined;
  readonly returns: CompiledReturns;
  readonly hold: CompiledHold | 'as-child' | undefined;
}

export interface CompiledPlan {
  /** Names the version of the plan among all of all plans; given by the caller. */
  readonly version: string;
  readonly id: string;
  readonly title: string;
  readonly pays: 'commission' | 'rebate';
  readonly currency: string;
  /** Decimals of the currency: 2 for EUR. */
  readonly decimals: number;
  readonly calendar: Calendar;
  /** `monthly@Europe/Paris` */
  readonly calendarKey: string;
  readonly rounding: RoundingMode;
  readonly exchange: {
    readonly on: 'trigger' | 'invoice' | 'period-average' | 'period-end';
    readonly maxAgeDays: number;
  };
  /** Smallest amount that is paid out. */
  readonly minimumMinor: bigint;
  readonly payoutTerms: Pick<NonNullable<PlanDocument['settle']>, 'as' | 'tax'>;
  readonly guarantee:
    { readonly minor: bigint; readonly over: Over; readonly of: ReadonlySet<string> | undefined } | undefined;
  readonly draw:
    | {
        readonly minor: bigint;
        readonly recoverable: boolean;
        readonly from: string | undefined;
        readonly until: string | undefined;
        readonly recoverFrom: string | undefined;
      }
    | undefined;
  readonly ends: {
    readonly held: 'pay-when-paid' | 'forfeit';
    readonly deferred: 'lapse' | 'pay';
    readonly draw: 'claim' | 'forgive';
    readonly negative: 'claim' | 'forgive';
    readonly tailDays: number;
  };
  readonly components: readonly CompiledComponent[];
  readonly componentById: ReadonlyMap<string, CompiledComponent>;
}
