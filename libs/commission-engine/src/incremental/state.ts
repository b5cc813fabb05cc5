/**
 * What is held of a payee under a plan: all of its lines with what they earn, and the measurements that they stand in. How the
 * lines of a component depend on each other decides how much has to be looked at when one changes.
 */
import { parseMinor } from '@tantieme/money/amount';
import { NO_PAYEE_TERMS } from '../earn/payee-terms.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import type { BudgetClaim, GrantedLine } from '../earn/budget.js';
import { heldShareOf, isOfEarning, isRerated, isSale, rulesOf } from '../earn/component-earnings.js';
import type { Granted, PlanByHash, Rules } from '../earn/component-earnings.js';
import { lineKey, originalKey, reservedKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { curveOf, dependsOnTotal, isMeasured } from '../plan/curve.js';
import type { Curve } from '../plan/curve.js';

import { EngineError } from '../engine-error.js';
import { MeasuredLines } from '../measure/measured-lines.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import { rateAlone, rateRelease, rateReserve, rateReturn, bandedReturn } from '../rate/rate.js';
import type { MeasuredLine, Rated, Trace } from '../rate/rate.js';

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

/** How the lines of a component depend on each other. */
export type RecalculationMode = 'independent' | 'incremental' | 'full';

const memoizedModes = new WeakMap<CompiledComponent, RecalculationMode>();

/** A memo of a pure function. */
export function recalculationMode({ plan, component }: Rules): RecalculationMode {
  let mode = memoizedModes.get(component);
  if (mode === undefined) memoizedModes.set(component, (mode = modeOf(plan, component)));
  return mode;
}

function modeOf({ ends }: CompiledPlan, component: CompiledComponent): RecalculationMode {
  const { limit, measure, gate, rate, returns, hold } = component;
  // What is held of a line that draws on a budget depends on what it is granted, and what is taken back on what it claims.
  if (limit !== undefined || component.budgetMinor !== undefined) return 'full';
  // What is held then depends on the end of the agreement, or on returns that stand elsewhere.
  if (hold !== undefined && (ends.held === 'forfeit' || returns.window === 'current')) return 'full';
  if (!isMeasured(component)) return 'independent';
  const isSurrounded =
    measure.quota === 'fact' ||
    measure.above === 'last-year' ||
    measure.prorate ||
    typeof measure.over === 'object' ||
    gate?.of === 'growth';
  const isFixed = !dependsOnTotal(component) && !isSurrounded && rate.kind !== 'lagged';
  const isSimple = returns.policy !== 'average' && (returns.bands === undefined || returns.policy === 'line');
  const shares = rate.kind !== 'flat' && rate.kind !== 'matrix';
  return isFixed && isSimple && shares ? 'incremental' : 'full';
}

/** Which lines of a component that is earned as a whole have to be looked at when one changes: those of its deal, of its window, or all. */
export type RecalculationScope = 'deal' | 'window' | 'all';

const memoizedScopes = new WeakMap<CompiledComponent, RecalculationScope>();

/** A memo of a pure function. */
export function recalculationScope(component: CompiledComponent): RecalculationScope {
  let scope = memoizedScopes.get(component);
  if (scope === undefined) memoizedScopes.set(component, (scope = scopeOf(component)));
  return scope;
}

function scopeOf(component: CompiledComponent): RecalculationScope {
  const { limit, measure, gate, rate, returns, hold, budgetMinor } = component;
  if (limit !== undefined && (limit.per !== 'deal' || limit.excess === 'deferred')) return 'all';
  // Returns, reserves and releases are of the deal of their line.
  if (!isMeasured(component)) return 'deal';
  const asksOtherWindows = rate.kind === 'lagged' || measure.above === 'last-year' || gate?.of === 'growth';
  // A deal has lines in several windows: its limit spans them, what is held then depends on returns in others, and what it claims of a
  // budget or which quotas it waits for is said whole.
  const spansWindows =
    limit !== undefined ||
    (hold !== undefined && returns.window === 'current') ||
    budgetMinor !== undefined ||
    measure.quota === 'fact';
  return asksOtherWindows || spansWindows ? 'all' : 'window';
}

const curves = new WeakMap<CompiledComponent, Curve>();

/** The curve of a component of mode `curve`: it depends on nothing but the plan. */
export function fixedCurve(component: CompiledComponent): Curve {
  let curve = curves.get(component);
  if (curve === undefined) {
    curve = curveOf(component, fixedRatingContext(component));
    if (curve === undefined) throw new EngineError('CreditInvalid', `the component ${component.id} has no fixed curve`);
    curves.set(component, curve);
  }
  return curve;
}

export function fixedRatingContext({ measure: { quota } }: CompiledComponent): Parameters<typeof curveOf>[1] {
  return {
    totalMinor: 0n,
    ...(typeof quota === 'object' ? { quota: { numerator: quota.fixedMinor, denominator: 1n } } : {}),
  };
}

/** What the line adds to its measurement, or what an override of earnings is paid on. */
export function measuredBasis(
  line: CreditLine,
  { plan, component }: Rules,
  lines: readonly CreditLine[],
  children: readonly ChildEarning[],
): bigint {
  if (isOfEarning(component)) return childEarningOf(line, plan, children);
  const basisMinor = parseMinor(line.basis, plan.decimals);
  if (!isRerated(component) || !isSale(line, component) || recalculationMode({ plan, component }) === 'full')
    return basisMinor;
  if (!lines.some(({ reverses }) => reverses !== undefined)) return basisMinor;
  const own = lineKey(line);
  return lines.reduce(
    (kept, other) =>
      other.reverses !== undefined && other.component === line.component && originalKey(other, other.reverses) === own
        ? kept + parseMinor(other.basis, plan.decimals)
        : kept,
    basisMinor,
  );
}

function childEarningOf(line: CreditLine, { decimals }: CompiledPlan, children: readonly ChildEarning[]): bigint {
  const { child, reserves, releases } = line;
  if (child === undefined || reserves === true || releases !== undefined) return 0n;
  const { child: _child, ...own } = line;
  const key = lineKey({ ...own, component: child.component });
  const earned = children.find((one) => one.payee === child.payee && one.key === key);
  return earned === undefined ? 0n : parseMinor(earned.amount, decimals);
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

interface Dependent {
  readonly line: CreditLine;
  readonly basisMinor: bigint;
  readonly rules: Rules;
}

/** Amounts of a line's returns, reserve and releases, in the order given. */
export function rateDependents(dependents: readonly Dependent[], originalMinor: bigint): readonly Rated[] {
  const earned = new Map<string, bigint>();
  const rated: Rated[] = [];
  dependents.forEach(({ line, basisMinor, rules }, index) => {
    const { plan, component } = rules;
    const { reverses } = line;
    if (reverses === undefined || line.reserves === true) return;
    const one = isOfEarning(component)
      ? rateAlone(plan, component, line, basisMinor)
      : isRerated(component)
        ? bandedReturn(plan, component, reverses, 0n, originalMinor, 're-rate')
        : rateReturn(plan, component, reverses, originalMinor);
    rated[index] = one;
    earned.set(lineKey(line), one.amountMinor);
  });
  let heldMinor = 0n;
  dependents.forEach(({ line, rules }, index) => {
    if (line.reserves !== true) return;
    const keptMinor = line.reverses === undefined ? originalMinor : (earned.get(reservedKey(line)) ?? 0n);
    const one = rateReserve(rules.plan, heldShareOf(rules, line), keptMinor);
    rated[index] = one;
    heldMinor -= one.amountMinor;
  });
  dependents.forEach(({ line, rules }, index) => {
    if (line.releases !== undefined) rated[index] = rateRelease(rules.plan, line.releases, heldMinor);
  });
  return rated;
}

/** Key of the line that this one depends on, or undefined for one that stands by itself. */
export function dependsOn(line: CreditLine, component: CompiledComponent): string | undefined {
  if (isSale(line, component)) return undefined;
  const about = line.reverses ?? line.releases ?? line;
  return originalKey(line, about);
}

/** The line's own basis: a component that is earned as a whole takes its returns out by itself. */
export function ownBasis({ line, basisMinor }: MeasuredLine, { plan, component }: Rules): bigint {
  return isOfEarning(component) ? basisMinor : parseMinor(line.basis, plan.decimals);
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

/** A source has a name: no deal is named so. */
export const PAYEE_LEVEL_PREFIX = '|';
export const PLAN_WIDE = `${PAYEE_LEVEL_PREFIX}*`;

/** True for the name under which lines of no single deal stand. */
export function isPayeeLevel(deal: string): boolean {
  return deal.startsWith(PAYEE_LEVEL_PREFIX);
}

export function isFullMode(line: CreditLine, plans: PlanByHash): boolean {
  return recalculationMode(rulesOf(line, plans)) === 'full';
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
