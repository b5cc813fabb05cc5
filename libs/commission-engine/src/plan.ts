/**
 * A plan: the document that a channel manager writes, and what it is compiled to. All numbers of a document are decimal
 * text (`"150000"`, `"4 %"`): they were never a double.
 */
import { decimalsOf } from '@tantieme/money/currency';
import type { Rate } from '@tantieme/money/decimal';
import type { RoundingMode } from '@tantieme/money/rounding';
import type { Calendar, Over } from './calendar.js';
import type { DealRole } from './deal.js';

export type Trigger = 'booked' | 'invoiced' | 'paid' | 'sold-through';
export type Basis = 'net' | 'gross' | 'margin' | 'quantity';

/** All entries must hold; a list means any of its texts. Keys are `deal.*`, `line.*`, `partner.*`. */
export type Conditions = Readonly<Record<string, string | readonly string[]>>;

/** Which lines, to whom, of what. */
export interface DirectCreditDocument {
  readonly trigger: Trigger;
  /** Default `seller`. */
  readonly to?: DealRole;
  /** Default `net`. */
  readonly basis?: Basis;
  readonly where?: Conditions;
  readonly except?: Conditions;
}

/** What partners above the payee get of other components' lines; `levels[0]` is the direct upline's rate. */
export interface OverrideCreditDocument {
  readonly override: readonly string[];
  readonly of: 'basis';
  readonly levels: readonly string[];
  readonly where?: Conditions;
  readonly except?: Conditions;
}

/** A tier names only where it ends: `below` leaves the boundary to the next tier, `upTo` includes it. The last one is open. */
export interface TierDocument {
  readonly below?: string;
  readonly upTo?: string;
  readonly pay: string;
}

export type RateDocument =
  | { readonly percent: string }
  | { readonly flat: string; readonly per: FlatPer }
  | { readonly marginal: readonly TierDocument[] };

export type FlatPer = 'deal' | 'line' | 'unit';

export interface ComponentDocument {
  readonly id: string;
  readonly title?: string;
  readonly stacks?: readonly string[];
  readonly credit: DirectCreditDocument | OverrideCreditDocument;
  readonly measure?: { readonly over: Over };
  /** Left out for an override: its levels are its rates. */
  readonly rate?: RateDocument;
  readonly returns?: { readonly policy: 'line' };
}

export interface PlanDocument {
  readonly plan: string;
  readonly title: string;
  readonly pays?: 'commission';
  readonly currency: string;
  readonly calendar: Calendar;
  /** Default `half-up`. */
  readonly rounding?: RoundingMode;
  readonly settle?: { readonly minimum?: string };
  readonly components: readonly ComponentDocument[];
}

export type ConditionSubject = 'deal' | 'line' | 'partner';

export interface CompiledCondition {
  readonly subject: ConditionSubject;
  readonly name: string;
  readonly anyOf: ReadonlySet<string>;
}

export interface CompiledConditions {
  readonly where: readonly CompiledCondition[];
  readonly except: readonly CompiledCondition[];
}

export interface DirectCredit extends CompiledConditions {
  readonly kind: 'direct';
  readonly trigger: Trigger;
  readonly to: DealRole;
  readonly basis: Basis;
}

export interface OverrideCredit extends CompiledConditions {
  readonly kind: 'override';
  readonly of: readonly string[];
}

export interface CompiledTier {
  /** Where the tier ends, in minor units of the measurement; undefined for the last, open one. */
  readonly untilMinor: bigint | undefined;
  readonly rate: Rate;
  /** The rate as exact decimal text, for traces. */
  readonly rateText: string;
}

export type CompiledRate =
  | { readonly kind: 'percent'; readonly rate: Rate; readonly rateText: string }
  | { readonly kind: 'flat'; readonly per: FlatPer; readonly amount: Rate; readonly amountText: string }
  | { readonly kind: 'marginal'; readonly tiers: readonly CompiledTier[] }
  | { readonly kind: 'levels'; readonly levels: readonly { readonly rate: Rate; readonly rateText: string }[] };

export interface CompiledComponent {
  readonly id: string;
  readonly title: string;
  readonly credit: DirectCredit | OverrideCredit;
  readonly over: Over;
  readonly rate: CompiledRate;
  readonly returns: 'line';
}

export interface CompiledPlan {
  /** Identity of the document, given by the caller (SHA-256 of its canonical JSON). */
  readonly hash: string;
  readonly id: string;
  readonly title: string;
  readonly currency: string;
  /** Decimals of the currency. */
  readonly decimals: number;
  readonly calendar: Calendar;
  /** `monthly@Europe/Paris` */
  readonly calendarKey: string;
  readonly rounding: RoundingMode;
  /** Smallest amount worth a payment. */
  readonly minimumMinor: bigint;
  readonly components: readonly CompiledComponent[];
  readonly componentById: ReadonlyMap<string, CompiledComponent>;
}

/** What is to be said about a document, and where. `line` and `column` count from 1. */
export interface Finding {
  /** Stable: `TiersNotAscending`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** JSON pointer into the document: `/components/0/rate/marginal/1/below`. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

export interface ParsedPlan {
  /** There where no finding is an error. */
  readonly document?: PlanDocument;
  /** The document compiled, under the hash that was given. */
  readonly plan?: CompiledPlan;
  readonly findings: readonly Finding[];
}

/** A plan document from YAML or JSON text. Never throws: what is wrong is a finding with its place. */
export function parsePlan(text: string, hash = ''): ParsedPlan {
  throw new Error(`to come: ${text.length} ${hash}`);
}

/** @throws {EngineError} `PlanInvalid`, for a document that `parsePlan` did not let through */
export function compilePlan(document: PlanDocument, hash: string): CompiledPlan {
  throw new Error(`to come: ${document.plan} ${hash} ${decimalsOf(document.currency)}`);
}
