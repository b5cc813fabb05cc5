/** The state of a payee under a plan: all lines with what they earn, and the measurements that they stand in. */
import { parseMinor } from '@tantieme/money/amount';
import type { CreditLine } from '../credit/credit-line.js';
import type { BudgetClaim, GrantedLine } from '../earn/budget.js';
import type { GrantOf } from '../earn/component-earnings.js';
import { NO_PAYEE_TERMS } from '../earn/payee-terms.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { EngineError } from '../engine-error.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { MeasuredLines } from '../measure/measured-lines.js';

/** What a child earns with one line of a deal; the basis of an override of earnings. */
export interface ChildEarning {
  readonly payee: string;
  /** `lineKey` of the child's line. */
  readonly key: string;
  readonly amount: string;
}

/** The whole credit of one deal to this payee under this plan. Without lines, the deal credits nothing any more. */
export interface DealCredit {
  /** `source|id` */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  /** All earnings with the deal of the children whose earnings are overridden; absent where unchanged. */
  readonly children?: readonly ChildEarning[];
  /** All grants of budgets to the deal's lines; absent where unchanged. */
  readonly granted?: readonly GrantedLine[];
}

/** All of a deal's claims on a component's budget, where they change. */
export interface DealClaims {
  readonly deal: string;
  readonly component: string;
  /** In the order of the deal's lines; empty where the deal claims nothing any more. */
  readonly claims: readonly BudgetClaim[];
}

/** A line with what it earns. */
export interface EarnedLine {
  readonly line: CreditLine;
  readonly amountMinor: bigint;
}

/** What a line earns. Plain JSON. How it came about is not stored: `explainLine` recalculates it from the state. */
export interface RatedLine {
  readonly deal: string;
  /** `lineKey` of the line within its deal. */
  readonly key: string;
  readonly amount: string;
}

/** All payee-level lines of one name, where they change: deferred amounts of a component, or guarantees and draws. */
export interface PayeeLevelCredit {
  /** `|<component>`, or `|*` for the whole plan. */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
}

/** All windows of a component whose missing quota keeps the deal pending, where they change. */
export interface DealMissingQuotas {
  readonly deal: string;
  readonly component: string;
  /** In order; empty where none is missing any more. */
  readonly windows: readonly string[];
}

/** A line in the state. */
export interface StateLine extends EarnedLine, MeasuredLine {
  readonly key: string;
  /** Whether it has a place in a measurement with a fixed curve. */
  readonly measured: boolean;
  amountMinor: bigint;
  /** Lines of the same deal that depend on this line: its returns, reserve and releases. */
  dependents: readonly StateLine[];
}

/** What is in memory, where a part of the state is. */
export interface Loaded {
  /** Including deals without lines. */
  readonly deals: Set<string>;
  /** Measurement windows, of all components. */
  readonly windows: Set<string>;
  /** By measurement: the last line of it that is not in memory. Only the sum up to this line is. */
  readonly anchors: Map<string, MeasuredLine>;
}

/** Mutable; only `applyChange` may change it. */
export interface EarnState {
  /** By `measurementKey`: measurements with a fixed curve. */
  readonly measurements: Map<string, MeasuredLines<StateLine>>;
  readonly deals: Map<string, readonly StateLine[]>;
  /** By deal. */
  readonly children: Map<string, readonly ChildEarning[]>;
  /** By deal. */
  readonly granted: Map<string, readonly GrantedLine[]>;
  /** By component and deal: the last claims. */
  readonly claims: Map<string, readonly BudgetClaim[]>;
  /** By component and deal: windows whose quota is missing. */
  readonly missingQuotas: Map<string, readonly string[]>;
  /** What is in memory; undefined where everything is. */
  loaded: Loaded | undefined;
  payeeTerms: PayeeTerms;
  lineCount: number;
  /** Lines of components in full mode: these need all lines in memory. */
  fullModeLineCount: number;
}

export function createEarnState(): EarnState {
  return {
    measurements: new Map(),
    deals: new Map(),
    children: new Map(),
    granted: new Map(),
    claims: new Map(),
    missingQuotas: new Map(),
    loaded: undefined,
    payeeTerms: NO_PAYEE_TERMS,
    lineCount: 0,
    fullModeLineCount: 0,
  };
}

/** True where two lines with the same key earn the same at the same place of the measurement. */
export function isSameLine(left: CreditLine, right: CreditLine): boolean {
  return left === right || comparableText(left) === comparableText(right);
}

function comparableText(line: CreditLine): string {
  const {
    planVersion,
    at,
    period,
    window,
    basis,
    quantity,
    split,
    level,
    rule,
    spread,
    converted,
    reverses,
    releases,
  } = line;
  return JSON.stringify([
    planVersion,
    at,
    period,
    window,
    basis,
    quantity,
    split?.index,
    split?.shares,
    level,
    rule,
    spread,
    converted && [converted.rate, converted.date, converted.source, converted.amount, converted.from],
    reverses && [reverses.returnedBefore, reverses.returned, reverses.of, reverses.after],
    releases && [releases.doneBefore, releases.done, releases.of],
  ]);
}

export function measurementKey({ deal, line }: MeasuredLine): string {
  return line.window === 'deal' ? `${line.component} deal ${deal}` : `${line.component} ${line.window}`;
}

/** What budgets have granted the payee's lines. @param change replaces the grants of its deal */
export function grantedIn(state: EarnState, change?: Pick<DealCredit, 'deal' | 'granted'>): GrantOf {
  return ({ deal, key }) => {
    const granted = (deal === change?.deal ? change.granted : undefined) ?? state.granted.get(deal) ?? [];
    const amount = granted.find((one) => one.key === key)?.amount;
    return amount === undefined ? 0n : minorOf(amount);
  };
}

/** Key of a deal's claims or missing quotas of a component. */
export function dealKeyOf(component: string, deal: string): string {
  return `${component}\n${deal}`;
}

/** Minor units of an amount that the engine wrote itself, with exactly the currency's decimals. */
export function minorOf(text: string): bigint {
  const point = text.indexOf('.');
  return parseMinor(text, point < 0 ? 0 : text.length - point - 1);
}

export function stateLineOf(state: EarnState, deal: string, key: string): StateLine {
  const line = state.deals.get(deal)?.find((one) => one.key === key);
  if (line === undefined) throw new EngineError('CreditInvalid', `deal ${deal} has no line ${key}`);
  return line;
}

/**
 * Measured with 700,000 lines of 300,000 deals read from stored text, 323 MB in all; the estimate is a little higher.
 */
const BYTES_PER_LINE = 420;

const BYTES_PER_DEAL = 220;

/** Estimated memory of the state in bytes. */
export function sizeOfEarnState(state: EarnState): number {
  return 500 + state.lineCount * BYTES_PER_LINE + state.deals.size * BYTES_PER_DEAL;
}
