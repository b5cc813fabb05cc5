/**
 * The plan document as a channel manager writes it, in YAML or JSON: a component's keys are the stages that its money goes
 * through (credit → measure → gate → rate → limit → returns → hold). All numbers are decimal text (`"150000"`, `"4 %"`): they
 * were never a double.
 */
import type { RoundingMode } from '@tantieme/money/rounding';
import type { Calendar, Over } from '@tantieme/time/calendar-document';
import type { DealRole, Trigger } from '../deal/deal.js';

export type Basis = 'net' | 'gross' | 'margin' | 'quantity' | 'collected';

/** A text, a list of which any will do, or for `partner.certification` what is held, and how many people hold it. */
export type ConditionValue = string | readonly string[] | { readonly has: string; readonly count?: string };

/** All entries must hold. Keys are `deal.*`, `line.*`, `partner.*`. */
export type Conditions = Readonly<Record<string, ConditionValue>>;

export interface ConditionsDocument {
  readonly where?: Conditions;
  readonly except?: Conditions;
  /** A CEL expression over `deal`, `line` and `partner` that must hold as well; amounts are exact decimals there. */
  readonly expr?: string;
}

/** Which lines, to whom, of what. */
export interface DirectCreditDocument extends ConditionsDocument {
  readonly trigger: Trigger;
  /** Default `seller`. */
  readonly to?: DealRole;
  /** Default `net`. `collected` is what was received of the net, and goes with the trigger `paid`. */
  readonly basis?: Basis;
  /** First and last day (of the plan's time zone) of the triggers that count: a SPIFF. */
  readonly during?: readonly [string, string];
  /** Who gets the units that are left over when a line is shared. Default `largest`. */
  readonly remainder?: 'largest' | 'first';
}

/** What another component credits, where these conditions hold too. */
export interface SameCreditDocument extends ConditionsDocument {
  readonly same: string;
  readonly during?: readonly [string, string];
}

/** What partners above the payee get of other components' lines; `levels[0]` is the direct upline's rate. */
export interface OverrideCreditDocument extends ConditionsDocument {
  readonly override: readonly string[];
  /** Of the line's basis, or of what the child earned with it, after limits. */
  readonly of: 'basis' | 'earning';
  readonly levels: readonly string[];
}

/** What partners above get by the difference of their rate to the highest below them, if it is one. */
export interface SpreadCreditDocument extends ConditionsDocument {
  readonly override: readonly string[];
  readonly of: 'spread';
  /** The first entry whose conditions a partner meets is its rate; one who meets none has 0. */
  readonly rates: readonly { readonly where?: Conditions; readonly pay: string }[];
}

export type CreditDocument = DirectCreditDocument | SameCreditDocument | OverrideCreditDocument | SpreadCreditDocument;

/** A tier names only where it ends: `below` leaves the boundary to the next tier, `upTo` includes it. The last one is open. */
export interface TierDocument {
  readonly below?: string;
  readonly upTo?: string;
  readonly pay: string;
}

/** `earn` is the whole money of the tier, earned in proportion to the way through it. */
export interface InterpolatedTierDocument {
  readonly upTo: string;
  readonly earn: string;
}

/** A band of quota attainment; the last one is open. */
export interface BandDocument {
  readonly upTo?: string;
  readonly times: string;
}

export type FlatPer = 'deal' | 'line' | 'unit';

/** A rule of a matrix: values of attributes that a line must have, and the rate. */
export type MatrixRuleDocument = Readonly<Record<string, string>> & { readonly pay: string };

export type RateDocument =
  | { readonly percent: string }
  | { readonly flat: string; readonly per: FlatPer }
  | { readonly marginal: readonly TierDocument[] }
  /** Every line earns the rate that the whole measurement has reached ("back to the first euro"). */
  | { readonly retroactive: readonly TierDocument[] }
  | { readonly interpolated: readonly InterpolatedTierDocument[] }
  /** So much for each full step. */
  | { readonly stepped: { readonly every: string; readonly pay: string } }
  /** The rate that the measurement of the window before has reached; `frozen` (the default): as it was at its closing. */
  | { readonly lagged: readonly TierDocument[]; readonly as?: 'frozen' | 'live' }
  | { readonly accelerator: { readonly base: string; readonly bands: readonly BandDocument[] } }
  /** The most specific rule wins: the one that names the earliest attribute of `by`, then the next. */
  | { readonly matrix: { readonly by: readonly string[]; readonly rules: readonly MatrixRuleDocument[] } };

export type MeasureOver = 'deal' | Over | { readonly rollingMonths: string };

export interface MeasureDocument {
  readonly over: MeasureOver;
  /** `team`: also what everybody below the payee is credited, whose lines count but are not paid to it. Default `own`. */
  readonly of?: 'own' | 'team';
  /** Only what lies above is measured: a fixed amount, or what the same window of last year held. */
  readonly above?: { readonly fixed: string } | { readonly same: 'last-year' };
  /** Quota of a window: an amount, or `fact` where each payee has its own. */
  readonly quota?: string;
  /** `days`: tiers, targets and quota shrink to the share of the window's days that the agreement covers. */
  readonly prorate?: 'days';
}

/** Nothing is earned until the target is met; then all from the first on, or only what lies above. */
export interface GateDocument {
  /** An amount. */
  readonly target?: string;
  /** Share of the quota. */
  readonly attainment?: string;
  /** Growth over the same window of last year. */
  readonly growth?: string;
  readonly from: 'first' | 'above';
}

/** Exactly one of the `per…` is there. */
export interface LimitDocument {
  readonly perDeal?: string;
  readonly perPeriod?: string;
  readonly perQuarter?: string;
  readonly perYear?: string;
  readonly excess: 'forfeited' | 'deferred';
  /** What a return gives back to the cap: what it takes (`returned`, the default), or nothing (`spent`). */
  readonly headroom?: 'returned' | 'spent';
}

/** Share of what the policy would take, for a return within so many days or paid instalments; the last one is open. */
export interface ReturnBandDocument {
  /** `30 days` or `7 instalments`. */
  readonly within?: string;
  readonly take: string;
}

export interface ReturnsDocument {
  /**
   * `line`: its own lines are negated, and it keeps its place in the measurement. `average`: the returned share of what the
   * measurement earns. `re-rate`: as if never sold. `none`: nothing is taken back.
   */
  readonly policy: 'line' | 'average' | 're-rate' | 'none';
  /** `original`: in the measurement that it was sold in. `current`: a negative line where it happened. */
  readonly window?: 'original' | 'current';
  readonly bands?: readonly ReturnBandDocument[];
}

/** What is earned is kept back and released. */
export interface HoldDocument {
  /** `paid`: released in step with the customer's payments. */
  readonly until?: 'paid';
  /** `30 days`: released so long after the trigger, or after each payment in step with them. */
  readonly for?: string;
  readonly after?: 'trigger' | 'payment';
  /** Share of the earning that is held. Default all. */
  readonly part?: string;
  /** Shares of the held part, each released so long after the trigger; they sum to 1. */
  readonly schedule?: readonly { readonly share: string; readonly after: string }[];
}

/** Months of service are paid by their number since the subscription's start; a prepaid term is spread over its months. */
export interface RecurringDocument {
  readonly of: 'line.subscription';
  readonly count: 'service-months';
  /** `upTo` counts months; after the last closed tier nothing is paid unless an open one says so. */
  readonly rate: readonly { readonly upTo?: string; readonly pay: string }[];
}

export interface ComponentDocument {
  readonly id: string;
  readonly title?: string;
  /** Components that may pay the same line as well: paying a line twice is said, never an accident. */
  readonly stacks?: readonly string[];
  readonly credit: CreditDocument;
  readonly measure?: MeasureDocument;
  readonly gate?: GateDocument;
  /** Left out for an override (its levels are its rates), and where `recurring` says it. */
  readonly rate?: RateDocument;
  readonly recurring?: RecurringDocument;
  readonly limit?: LimitDocument;
  /** Money that all payees draw on in canonical order, for the whole time of the component. */
  readonly budget?: string;
  /** Default `{ policy: line }`. */
  readonly returns?: ReturnsDocument;
  readonly hold?: HoldDocument | 'as-child';
}

/** Tops the payee up to so much a window: `max(0, amount × share of days − earned)`. */
export interface GuaranteeDocument {
  readonly amount: string;
  readonly over: Over;
  /** Components that count; default all. */
  readonly of?: readonly string[];
}

/** An advance of so much a period: `max(0, amount − earned)`; a recoverable one is taken out of later earnings above it. */
export interface DrawDocument {
  readonly amount: string;
  readonly recoverable: 'true' | 'false';
  /** First day (inclusive) and last day (exclusive) of the advances; default: always. */
  readonly from?: string;
  readonly until?: string;
  /** Nothing is recovered before the period that starts on or after this day. */
  readonly recoverFrom?: string;
}

/** What becomes of amounts when the agreement ends. */
export interface EndsDocument {
  /** `pay-when-paid` (default): releases go on; `forfeit`: what is not released yet lapses. */
  readonly held?: 'pay-when-paid' | 'forfeit';
  readonly deferred?: 'lapse' | 'pay';
  /** The draw's balance: `claim` (default) leaves it owed, `forgive` writes it off. */
  readonly draw?: 'claim' | 'forgive';
  readonly negative?: 'claim' | 'forgive';
  /** Deals of so many days after the end still count: `90 days`. */
  readonly tail?: string;
}

/** How amounts of other currencies are brought to the plan's. */
export interface ExchangeDocument {
  /** Day whose rate counts. Default `trigger`. */
  readonly on?: 'trigger' | 'invoice' | 'period-average' | 'period-end';
  /** Oldest rate that may be used: `7 days`, the default. */
  readonly maxAge?: string;
}

export interface PlanDocument {
  readonly plan: string;
  readonly title: string;
  /** A service bought (default), or a reduction of price that a credit note documents. */
  readonly pays?: 'commission' | 'rebate';
  readonly currency: string;
  readonly calendar: Calendar;
  /** Default `half-up`. */
  readonly rounding?: RoundingMode;
  readonly exchange?: ExchangeDocument;
  readonly settle?: {
    readonly as?: 'self-billed' | 'invoiced' | 'credit-note' | 'payroll';
    readonly tax?: 'by-partner' | 'none';
    /** Smallest amount worth a payment. */
    readonly minimum?: string;
  };
  readonly guarantee?: GuaranteeDocument;
  readonly draw?: DrawDocument;
  readonly ends?: EndsDocument;
  readonly components: readonly ComponentDocument[];
}
