/**
 * The plan document as a plan designer writes it, in YAML or JSON. The keys of a component are the stages that its
 * money passes through: credit → measure → gate → rate → limit → returns → hold. Every number is decimal text
 * (`"150000"`, `"4 %"`); it was never a double. `docs/plan-reference.md` explains every key with examples.
 */
import type { Calendar, Over } from '@tantieme/time/calendar/document';
import type { RoundingMode } from '@tantieme/money/rounding';
import type { DealRole, Trigger } from '../deal/deal.js';

export type Basis = 'net' | 'gross' | 'margin' | 'quantity' | 'collected';

/** Channels that a partner can belong to. */
export const CHANNELS = ['retail', 'e-commerce', 'wholesale', 'distributor', 'direct'] as const;

/** A value, a list of which any value will do, or a certification and how many people must hold it. */
export type ConditionValue = string | readonly string[] | { readonly has: string; readonly count?: string };

/** The values of a condition; none for a certification that is given as a map. */
export function valuesOf(condition: ConditionValue | undefined): readonly string[] {
  if (typeof condition === 'string') return [condition];
  return condition === undefined || 'has' in condition ? [] : condition;
}

/** All entries must hold. The keys are `deal.*`, `line.*` and `partner.*`. */
export type Conditions = Readonly<Record<string, ConditionValue>>;

export interface ConditionsDocument {
  readonly where?: Conditions;
  readonly except?: Conditions;
  /** A CEL expression over `deal`, `line` and `partner` that must hold as well; its amounts are exact decimals. */
  readonly expr?: string;
}

/** Which lines are credited, to whom, and on what basis. */
export interface DirectCreditDocument extends ConditionsDocument {
  readonly trigger: Trigger;
  /** Default `seller`. */
  readonly to?: DealRole;
  /** Default `net`. `collected` is the part of the net that the customer has paid; it needs the trigger `paid`. */
  readonly basis?: Basis;
  /** First and last day of the triggers that count, in the plan's time zone: a SPIFF. */
  readonly during?: readonly [string, string];
  /** Who gets the minor units that are left over when a line is split. Default `largest`. */
  readonly remainder?: 'largest' | 'first';
}

/** The credit of another component, narrowed by these conditions. */
export interface SameCreditDocument extends ConditionsDocument {
  readonly same: string;
  readonly during?: readonly [string, string];
}

/**
 * What the partners above a payee earn on the lines of other components. `levels[0]` is the rate of the direct upline.
 */
export interface OverrideCreditDocument extends ConditionsDocument {
  readonly override: readonly string[];
  /** Levels are a share of the line's basis, or of what the child earned on it after limits. */
  readonly of: 'basis' | 'earning';
  readonly levels: readonly string[];
}

/** What the partners above earn if their own rate is higher than every rate below them: the difference. */
export interface SpreadCreditDocument extends ConditionsDocument {
  readonly override: readonly string[];
  readonly of: 'spread';
  /** A partner's rate is the first entry whose conditions it meets; without one it is 0. */
  readonly rates: readonly { readonly where?: Conditions; readonly pay: string }[];
}

export type CreditDocument = DirectCreditDocument | SameCreditDocument | OverrideCreditDocument | SpreadCreditDocument;

/** A tier states only its end: `below` excludes the boundary, `upTo` includes it. The last tier is open. */
export interface TierDocument {
  readonly below?: string;
  readonly upTo?: string;
  readonly pay: string;
}

/** `earn` is the amount for the whole tier, earned in proportion to the part of the tier that was sold. */
export interface InterpolatedTierDocument {
  readonly upTo: string;
  readonly earn: string;
}

/** A band of quota attainment. The last band is open. */
export interface BandDocument {
  readonly upTo?: string;
  readonly times: string;
}

export type FlatPer = 'deal' | 'line' | 'unit';

/** A rule of a matrix: the attributes that a line must have, and the rate. */
export type MatrixRuleDocument = Readonly<Record<string, string>> & { readonly pay: string };

export type RateDocument =
  | { readonly percent: string }
  | { readonly flat: string; readonly per: FlatPer }
  | { readonly marginal: readonly TierDocument[] }
  /** Every line earns the rate of the tier that the whole measurement has reached ("back to the first euro"). */
  | { readonly retroactive: readonly TierDocument[] }
  | { readonly interpolated: readonly InterpolatedTierDocument[] }
  /** An amount for each full step. */
  | { readonly stepped: { readonly every: string; readonly pay: string } }
  /**
   * The rate of the tier that the window before has reached; `frozen` (the default) as it was when that window closed.
   */
  | { readonly lagged: readonly TierDocument[]; readonly as?: 'frozen' | 'live' }
  | { readonly accelerator: { readonly base: string; readonly bands: readonly BandDocument[] } }
  /** The most specific rule wins: the one that names the earliest attribute of `by`, then the next one. */
  | { readonly matrix: { readonly by: readonly string[]; readonly rules: readonly MatrixRuleDocument[] } };

export type MeasureOver = 'deal' | Over | { readonly rollingMonths: string };

export interface MeasureDocument {
  readonly over: MeasureOver;
  /** `team` also counts the lines of everybody below the payee; the payee is not paid for them. Default `own`. */
  readonly of?: 'own' | 'team';
  /** A baseline: only what lies above it is measured. A fixed amount, or the total of the same window of last year. */
  readonly above?: { readonly fixed: string } | { readonly same: 'last-year' };
  /** Quota of a window: an amount, or `fact` if each payee has a quota of their own. */
  readonly quota?: string;
  /** `days` reduces tiers, targets and quota to the share of the window's days that the agreement covers. */
  readonly prorate?: 'days';
}

/** Nothing is earned until the target is met; then everything from the first unit on, or only what lies above it. */
export interface GateDocument {
  /** An amount. */
  readonly target?: string;
  /** A share of the quota. */
  readonly attainment?: string;
  /** A share by which the same window of last year must be exceeded. */
  readonly growth?: string;
  readonly from: 'first' | 'above';
}

/** Exactly one `per…` key is present. */
export interface LimitDocument {
  readonly perDeal?: string;
  readonly perPeriod?: string;
  readonly perQuarter?: string;
  readonly perYear?: string;
  readonly excess: 'forfeited' | 'deferred';
  /** What a return frees under the cap: what it takes back (`returned`, the default), or nothing (`spent`). */
  readonly headroom?: 'returned' | 'spent';
}

/** The share of what the policy would take back, by how soon the return follows the sale. The last band is open. */
export interface ReturnBandDocument {
  /** `30 days` or `7 instalments`. */
  readonly within?: string;
  readonly take: string;
}

export interface ReturnsDocument {
  /**
   * `line` negates what the line earned and leaves the line in the measurement. `average` takes back the returned share
   * of what the measurement earns. `re-rate` rates the measurement as if the line had never been sold. `none` takes
   * nothing.
   */
  readonly policy: 'line' | 'average' | 're-rate' | 'none';
  /** `original`: in the window of the sale. `current`: as a negative line in the window of the return. */
  readonly window?: 'original' | 'current';
  readonly bands?: readonly ReturnBandDocument[];
}

/** Earnings that are held back, and when they are released. Exactly one of `until`, `for` and `schedule` is present. */
export interface HoldDocument {
  /** `paid`: released in proportion to the customer's payments. */
  readonly until?: 'paid';
  /** `30 days`: released that long after the trigger, or after each payment in proportion to it. */
  readonly for?: string;
  readonly after?: 'trigger' | 'payment';
  /** Share of the earning that is held. Default: all of it. */
  readonly part?: string;
  /** Shares of the held part, each released after its own number of days from the trigger. They sum to 1. */
  readonly schedule?: readonly { readonly share: string; readonly after: string }[];
}

/**
 * Months of service are rated by their number since the subscription's start. A prepaid term is spread over its months.
 */
export interface RecurringDocument {
  readonly of: 'line.subscription';
  readonly count: 'service-months';
  /** `upTo` counts months. Months after the last tier earn nothing unless that tier is open. */
  readonly rate: readonly { readonly upTo?: string; readonly pay: string }[];
}

export interface ComponentDocument {
  readonly id: string;
  readonly title?: string;
  /** Components that may pay for the same line as well, so that a line is never paid twice by accident. */
  readonly stacks?: readonly string[];
  readonly credit: CreditDocument;
  readonly measure?: MeasureDocument;
  readonly gate?: GateDocument;
  /** Absent for an override, whose levels are its rates, and with `recurring`. */
  readonly rate?: RateDocument;
  readonly recurring?: RecurringDocument;
  readonly limit?: LimitDocument;
  /** Amount that all payees together can earn over the whole life of the component, in canonical order of the lines. */
  readonly budget?: string;
  /** Default `{ policy: line }`. */
  readonly returns?: ReturnsDocument;
  readonly hold?: HoldDocument | 'as-child';
}

/** Tops the payee up to an amount per window: `max(0, amount × share of days − earned)`. */
export interface GuaranteeDocument {
  readonly amount: string;
  readonly over: Over;
  /** Components whose earnings count. Default: all. */
  readonly of?: readonly string[];
}

/**
 * An advance per period, `max(0, amount − earned)`. A recoverable draw is taken out of later earnings above the amount.
 */
export interface DrawDocument {
  readonly amount: string;
  readonly recoverable: 'true' | 'false';
  /** First day of the advances. Default: from the start. */
  readonly from?: string;
  /** First day without advances. Default: never. */
  readonly until?: string;
  /** Recovery begins with the first period that starts on or after this day. */
  readonly recoverFrom?: string;
}

/** What happens to open amounts when the agreement ends. */
export interface EndsDocument {
  /** `pay-when-paid` (the default) continues to release; with `forfeit`, what is still held lapses. */
  readonly held?: 'pay-when-paid' | 'forfeit';
  readonly deferred?: 'lapse' | 'pay';
  /** The balance of the draw: `claim` (the default) leaves it owed, `forgive` writes it off. */
  readonly draw?: 'claim' | 'forgive';
  readonly negative?: 'claim' | 'forgive';
  /** `90 days`: deals in that time after the end still count. */
  readonly tail?: string;
}

/** How amounts in other currencies are converted to the plan's. */
export interface ExchangeDocument {
  /** The day whose exchange rate is used. Default `trigger`. */
  readonly on?: 'trigger' | 'invoice' | 'period-average' | 'period-end';
  /** Age of the oldest exchange rate that may be used. Default `7 days`. */
  readonly maxAge?: string;
}

export interface PlanDocument {
  readonly plan: string;
  readonly title: string;
  /** A commission (the default) buys a service; a rebate reduces a price and is documented by a credit note. */
  readonly pays?: 'commission' | 'rebate';
  readonly currency: string;
  readonly calendar: Calendar;
  /** Default `half-up`. */
  readonly rounding?: RoundingMode;
  readonly exchange?: ExchangeDocument;
  /** How payouts are documented and taxed. */
  readonly settle?: {
    readonly as?: 'self-billed' | 'invoiced' | 'credit-note' | 'payroll';
    readonly tax?: 'by-partner' | 'none';
    /** Smallest amount that is paid out; less is carried over. Default 0. */
    readonly minimum?: string;
  };
  readonly guarantee?: GuaranteeDocument;
  readonly draw?: DrawDocument;
  readonly ends?: EndsDocument;
  readonly components: readonly ComponentDocument[];
}
