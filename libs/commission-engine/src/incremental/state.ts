/**
 * What is held of a payee under a plan: all of its lines with what they earn, and the measurements that they stand in. How the
 * lines of a component depend on each other decides how much has to be looked at when one changes.
 */
import { parseMinor } from '@tantieme/money/amount';
import type { CreditLine } from '../credit/credit-line.js';
import type { BudgetClaim, GrantedLine } from '../earn/budget.js';
import type { Granted } from '../earn/component-earnings.js';
import { NO_PAYEE_TERMS } from '../earn/payee-terms.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { EngineError } from '../engine-error.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { MeasuredLines } from '../measure/measured-lines.js';
import type { Trace } from '../rate/trace.js';

/** What a child earns with one line of a deal, for an override of its earnings. */
export interface ChildEarning {
  readonly payee: string;
  /** `lineKey` of the child's line. */
  readonly key: string;
  readonly amount: string;
}

/** The whole credit of one deal to this payee under this plan; empty lines for a deal that credits nothing any more. */
export interface DealCredit {
  /** `source|id` */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  /** All that the children whose earnings are overridden earn with the deal; left out where that did not change. */
  readonly children?: readonly ChildEarning[];
  /** All that budgets grant of the deal's lines; left out where that did not change. */
  readonly granted?: readonly GrantedLine[];
}

/** What a deal claims of the budget of a component, whole, where it changes. */
export interface DealClaims {
  readonly deal: string;
  readonly component: string;
  /** In the order of the deal's lines; empty for a deal that claims nothing any more. */
  readonly claims: readonly BudgetClaim[];
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

/** The lines of no single deal, whole, where they change: deferred amounts of a component, or guarantee and draw. */
export interface PayeeLevelCredit {
  /** `|<component>`, or `|*` for those of the whole plan. */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
}

/** Windows of a component whose quota is not known, and which a deal waits for, whole, where that changes. */
export interface DealMissingQuotas {
  readonly deal: string;
  readonly component: string;
  /** In order; empty for a deal that waits for none any more. */
  readonly windows: readonly string[];
}

export interface StateLine extends EarnedLine, MeasuredLine {
  readonly key: string;
  /** Stands in a tree of its measurement. */
  readonly measured: boolean;
  amountMinor: bigint;
  /** Lines of the same deal that depend on this line: its returns, reserve and releases. */
  dependents: readonly StateLine[];
}

/** Mutable; changed by `applyChange` alone. */
export interface EarnState {
  /** By component and window: measurements whose curve is fixed. */
  readonly measurements: Map<string, MeasuredLines<StateLine>>;
  readonly deals: Map<string, readonly StateLine[]>;
  /** By deal. */
  readonly children: Map<string, readonly ChildEarning[]>;
  /** By deal. */
  readonly granted: Map<string, readonly GrantedLine[]>;
  /** By component and deal: what was claimed last. */
  readonly claims: Map<string, readonly BudgetClaim[]>;
  /** By component and deal: windows whose quota is waited for. */
  readonly missingQuotas: Map<string, readonly string[]>;
  payeeTerms: PayeeTerms;
  lineCount: number;
  /** Lines of components that are earned as a whole: they need all others in memory. */
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
    payeeTerms: NO_PAYEE_TERMS,
    lineCount: 0,
    fullModeLineCount: 0,
  };
}

/** Two lines of one key that earn alike at one place of the measurement. */
export function isSameLine(left: CreditLine, right: CreditLine): boolean {
  return left === right || comparableText(left) === comparableText(right);
}

function comparableText(line: CreditLine): string {
  const { planHash, at, period, window, basis, quantity, split, level, rule, spread, converted, reverses, releases } =
    line;
  return JSON.stringify([
    planHash,
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

/** What budgets have granted of the lines of a payee. @param change what is granted of its deal from now on. */
export function grantedIn(state: EarnState, change?: Pick<DealCredit, 'deal' | 'granted'>): Granted {
  return ({ deal, key }) => {
    const granted = (deal === change?.deal ? change.granted : undefined) ?? state.granted.get(deal) ?? [];
    const amount = granted.find((one) => one.key === key)?.amount;
    return amount === undefined ? 0n : minorOf(amount);
  };
}

/** Name of what a deal claims of a component's budget, or lacks. */
export function dealKeyOf(component: string, deal: string): string {
  return `${component}\n${deal}`;
}

/** Minor units of a text that the engine wrote itself: it has exactly the currency's decimals. */
export function minorOf(text: string): bigint {
  const point = text.indexOf('.');
  return parseMinor(text, point < 0 ? 0 : text.length - point - 1);
}

export function stateLineOf(state: EarnState, deal: string, key: string): StateLine {
  const held = state.deals.get(deal)?.find((line) => line.key === key);
  if (held === undefined) throw new EngineError('CreditInvalid', `there is no line ${key} of ${deal}`);
  return held;
}

/** Measured with 700,000 lines of 300,000 deals read from stored text: 323 MB in all; a little more is assumed. */
const BYTES_A_LINE = 420;

const BYTES_A_DEAL = 220;

/** Bytes that the state takes in memory, roughly. */
export function sizeOfEarnState(state: EarnState): number {
  return 500 + state.lineCount * BYTES_A_LINE + state.deals.size * BYTES_A_DEAL;
}
