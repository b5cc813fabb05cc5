/** Stage 4, earn: all lines of one payee under one plan, and what a credit of a deal changes among them. */
import type { CreditLine } from './credit.js';
import type { CompiledPlan } from './plan.js';
import type { Trace } from './rate.js';

/** The whole credit of one deal to this payee under this plan; empty lines for a deal that credits nothing any more. */
export interface DealCredit {
  /** `source|id` */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
}

/** A line with what it earns. */
export interface EarnedLine {
  readonly line: CreditLine;
  readonly amountMinor: bigint;
}

/** A line whose amount is new or changed; JSON-ready, kept in the event. */
export interface RatedLine {
  readonly deal: string;
  /** `lineKey` of the line within its deal. */
  readonly key: string;
  readonly amount: string;
  readonly trace: Trace;
}

export interface Change {
  /** False where the credit says what the state holds already: nothing to store. */
  readonly changed: boolean;
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  /** Lines that are new, or earn another amount than before: of this deal and of others in its windows. */
  readonly rated: readonly RatedLine[];
  /** The deals that change, with all their lines after the change: this one first, the others in order of key. */
  readonly deals: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[];
}

/** Plans by the hash of their document. @throws {EngineError} `PlanUnknown` */
export interface PlanByHash {
  plan(hash: string): CompiledPlan;
}

/** Mutable; changed by `applyChange` alone. */
export interface EarnState {
  readonly deals: Map<string, readonly EarnedLine[]>;
}

export function createEarnState(): EarnState {
  return { deals: new Map() };
}

/** What the credit changes. Pure: the state is not touched. */
export function planCredit(state: EarnState, credit: DealCredit, plans: PlanByHash): Change {
  throw new Error(`to come: ${state.deals.size} ${credit.deal} ${typeof plans}`);
}

/** Brings the state to after the change, also from a stored event: no plan is needed. */
export function applyChange(state: EarnState, change: Pick<Change, 'deal' | 'lines' | 'rated'>): void {
  throw new Error(`to come: ${state.deals.size} ${change.deal}`);
}

/** All lines of a deal, in the order of its credit. */
export function linesOfDeal(state: EarnState, deal: string): readonly EarnedLine[] {
  return state.deals.get(deal) ?? [];
}

/** How a line's amount comes about now, recomputed from the state's sums. Undefined where there is no such line. */
export function explainLine(state: EarnState, deal: string, key: string, plans: PlanByHash): Trace | undefined {
  throw new Error(`to come: ${state.deals.size} ${deal} ${key} ${typeof plans}`);
}

/** Bytes that the state takes in memory, roughly. */
export function sizeOfEarnState(state: EarnState): number {
  return 200 + state.deals.size * 1000;
}
