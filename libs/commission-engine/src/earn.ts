/**
 * Stage 4, earn: all lines of one payee under one plan, and what a change of a deal's credit, of what a child earns, or of
 * what is known of the payee changes among them. A line that stands alone costs itself; one in a measurement whose curve is
 * fixed costs O(log n) and the lines that really change. A component whose lines depend on each other in other ways (a rate
 * that depends on the total or on another window, a limit, an average) is earned anew as a whole.
 */
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { NEW_ACCOUNT } from './account.js';
import type { Account } from './account.js';
import { settleAccount } from './account-earnings.js';
import type { PeriodEarning } from './account-earnings.js';
import { lastPeriodOfWindow, periodBounds, windowOfPeriod } from './calendar.js';
import {
  earnComponent,
  heldShareOf,
  isOfEarning,
  isRerated,
  isSale,
  isTeams,
  ofTeam,
  rulesOf,
} from './component-earnings.js';
import type { AccountLine, ComponentLine, PlanByHash, Rules } from './component-earnings.js';
import { lineKey, originalKey } from './credit-line.js';
import type { CreditLine } from './credit-line.js';
import { curveOf, dependsOnTotal, earnsTheSame, isMeasured, tierReached } from './curve.js';
import type { Curve } from './curve.js';
import { EngineError } from './engine-error.js';
import { formatInstant, parseInstant } from './instant.js';
import { MeasuredLines } from './measured-lines.js';
import { compareText } from './occurrence.js';
import type { CompiledComponent, CompiledPlan } from './plan.js';
import { compareLines, rateAlone, rateMeasured, rateRelease, rateReserve, rateReturn, takenBack } from './rate.js';
import type { MeasuredLine, Rated, Trace } from './rate.js';

export type { PlanByHash } from './component-earnings.js';

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
export interface AccountCredit {
  /** `|<component>`, or `|*` for those of the whole plan. */
  readonly deal: string;
  readonly lines: readonly CreditLine[];
}

export interface Change {
  /** False where the credit says what the state holds already: nothing to store. */
  readonly changed: boolean;
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  readonly children?: readonly ChildEarning[];
  readonly account: readonly AccountCredit[];
  /**
   * Lines that are new or say something else, or earn another amount than before: of this deal in the order of its lines,
   * then of the others in order of deal and key. A line that only moved within its tier earns the same and is not here.
   */
  readonly rated: readonly RatedLine[];
  /** The deals that change, with all their lines after the change: this one first, the others in order of key. */
  readonly deals: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[];
}

interface HeldLine extends EarnedLine, MeasuredLine {
  readonly key: string;
  /** Stands in a tree of its measurement. */
  readonly measured: boolean;
  amountMinor: bigint;
  /** Lines of the same deal that depend on this line: its returns, reserve and releases. */
  dependents: readonly HeldLine[];
}

/** Mutable; changed by `applyChange` alone. */
export interface EarnState {
  /** By component and window: measurements whose curve is fixed. */
  readonly measurements: Map<string, MeasuredLines<HeldLine>>;
  readonly deals: Map<string, readonly HeldLine[]>;
  /** By deal. */
  readonly children: Map<string, readonly ChildEarning[]>;
  account: Account;
  lineCount: number;
  /** Lines of components that are earned as a whole: they need all others in memory. */
  wholeCount: number;
}

export function createEarnState(): EarnState {
  return {
    measurements: new Map(),
    deals: new Map(),
    children: new Map(),
    account: NEW_ACCOUNT,
    lineCount: 0,
    wholeCount: 0,
  };
}

/** How the lines of a component depend on each other. */
type Mode = 'alone' | 'curve' | 'whole';

const modes = new WeakMap<CompiledComponent, Mode>();

/** A memo of a pure function. */
function modeOf({ plan, component }: Rules): Mode {
  let mode = modes.get(component);
  if (mode === undefined) modes.set(component, (mode = judgeMode(plan, component)));
  return mode;
}

function judgeMode({ ends }: CompiledPlan, component: CompiledComponent): Mode {
  const { limit, measure, gate, rate, returns, hold } = component;
  if (limit !== undefined) return 'whole';
  // What is held then depends on the end of the agreement, or on returns that stand elsewhere.
  if (hold !== undefined && (ends.held === 'forfeit' || returns.window === 'current')) return 'whole';
  if (!isMeasured(component)) return 'alone';
  const isSurrounded =
    measure.quota === 'fact' ||
    measure.above === 'last-year' ||
    measure.prorate ||
    typeof measure.over === 'object' ||
    gate?.of === 'growth';
  const isFixed = !dependsOnTotal(component) && !isSurrounded && rate.kind !== 'lagged';
  const isSimple = returns.policy !== 'average' && (returns.bands === undefined || returns.policy === 'line');
  const shares = rate.kind !== 'flat' && rate.kind !== 'matrix';
  return isFixed && isSimple && shares ? 'curve' : 'whole';
}

const curves = new WeakMap<CompiledComponent, Curve>();

/** The curve of a component of mode `curve`: it depends on nothing but the plan. */
function fixedCurve(component: CompiledComponent): Curve {
  let curve = curves.get(component);
  if (curve === undefined) {
    curve = curveOf(component, fixedSurroundings(component));
    if (curve === undefined) throw new EngineError('CreditInvalid', `the component ${component.id} has no fixed curve`);
    curves.set(component, curve);
  }
  return curve;
}

function fixedSurroundings({ measure: { quota } }: CompiledComponent): Parameters<typeof curveOf>[1] {
  return {
    totalMinor: 0n,
    ...(typeof quota === 'object' ? { quota: { numerator: quota.fixedMinor, denominator: 1n } } : {}),
  };
}

/** A line of the credit in hand, with what is known of it. */
interface Draft extends MeasuredLine {
  readonly key: string;
  readonly rules: Rules;
  readonly mode: Mode;
  /** The line that the state holds under this key. */
  readonly held: HeldLine | undefined;
  /** Whether it says the same as the held one. */
  readonly same: boolean;
  rated: Rated | undefined;
}

/** A held line that earns something else now. */
interface Shift {
  readonly held: HeldLine;
  readonly rated: Rated;
}

/**
 * What the credit changes. Pure: the state is not touched.
 * @throws {EngineError} `PlanUnknown`, `CreditInvalid`
 */
export function planCredit(state: EarnState, credit: DealCredit, plans: PlanByHash): Change {
  const before = state.deals.get(credit.deal) ?? [];
  const drafts = draftsOf(state, credit, before, plans);
  const byKey = draftsByKey(credit.deal, drafts);
  if (drafts.length === before.length && drafts.every(({ same }) => same))
    return { ...NOTHING_CHANGES, changed: credit.children !== undefined, ...credit };

  const gone = before.filter(({ key }) => byKey.get(key)?.same !== true);
  const whole = wholeComponents(drafts, gone, plans);
  const shifts = measure(state, drafts, gone, plans);
  const shiftByLine = shifts.length === 0 ? undefined : new Map(shifts.map((shift) => [shift.held, shift]));
  for (const draft of drafts) {
    if (draft.mode === 'whole' || draft.rated !== undefined || !isSale(draft.line, draft.rules.component)) continue;
    if (draft.same && draft.held !== undefined) draft.rated = shiftByLine?.get(draft.held)?.rated;
    else if (draft.mode === 'alone')
      draft.rated = isTeams(draft.line, draft.rules.component)
        ? ofTeam()
        : rateAlone(draft.rules.plan, draft.rules.component, draft.line, draft.basisMinor);
  }
  rateDependentsOf(drafts, byKey);
  const elsewhere = shiftsElsewhere(credit.deal, shifts, plans);
  const results = whole.size === 0 ? NONE_WHOLE : earnWhole(state, credit.deal, drafts, whole, state.account, plans);
  return changeOf(state, credit, drafts, [...elsewhere, ...results.shifts], results.account, state.account, plans);
}

/** What new facts about the payee change. Pure. @throws {EngineError} `PlanUnknown`, `CreditInvalid` */
export function planAccount(state: EarnState, account: Account, plans: PlanByHash): Change {
  const held = [...state.deals.values()].flat();
  const whole = wholeComponents([], held, plans);
  const results = whole.size === 0 ? NONE_WHOLE : earnWhole(state, '', [], whole, account, plans);
  return changeOf(state, { deal: '', lines: [] }, [], results.shifts, results.account, account, plans);
}

const NOTHING_CHANGES = { account: [], rated: [], deals: [] } as const;

/** @throws {EngineError} `CreditInvalid` where two lines have one key */
function draftsByKey(deal: string, drafts: readonly Draft[]): ReadonlyMap<string, Draft> {
  const byKey = new Map<string, Draft>();
  for (const draft of drafts) byKey.set(draft.key, draft);
  if (byKey.size !== drafts.length)
    throw new EngineError('CreditInvalid', `the credit of ${deal} has two lines of one identity`);
  return byKey;
}

function draftsOf(state: EarnState, credit: DealCredit, before: readonly HeldLine[], plans: PlanByHash): Draft[] {
  const heldByKey = before.length === 0 ? undefined : new Map(before.map((held) => [held.key, held]));
  const { deal, lines } = credit;
  const children = credit.children ?? state.children.get(deal) ?? [];
  return lines.map((line) => {
    const rules = rulesOf(line, plans);
    const key = lineKey(line);
    const held = heldByKey?.get(key);
    const basisMinor = measuredBasis(line, rules, lines, children);
    const same = held !== undefined && held.basisMinor === basisMinor && isSameLine(held.line, line);
    return { deal, key, line, basisMinor, rules, mode: modeOf(rules), held, same, rated: undefined };
  });
}

/** What the line adds to its measurement, or what an override of earnings is paid on. */
function measuredBasis(
  line: CreditLine,
  { plan, component }: Rules,
  lines: readonly CreditLine[],
  children: readonly ChildEarning[],
): bigint {
  if (isOfEarning(component)) return childEarningOf(line, plan, children);
  const basisMinor = parseMinor(line.basis, plan.decimals);
  if (!isRerated(component) || !isSale(line, component) || modeOf({ plan, component }) === 'whole') return basisMinor;
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
function isSameLine(left: CreditLine, right: CreditLine): boolean {
  return left === right || sameText(left) === sameText(right);
}

function sameText(line: CreditLine): string {
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

// ── Measurements whose curve is fixed ───────────────────────────────────────────────────────────────────────────────

function measurementKey({ deal, line }: MeasuredLine): string {
  return line.window === 'deal' ? `${line.component} deal ${deal}` : `${line.component} ${line.window}`;
}

function inMeasurement({ mode, line, rules }: Draft): boolean {
  return mode === 'curve' && isSale(line, rules.component);
}

interface Touched {
  readonly key: string;
  readonly joining: Draft[];
  readonly leaving: Set<HeldLine>;
}

/** Rates the drafts that join a measurement, and finds the held lines that earn something else because of what joins and leaves. */
function measure(
  state: EarnState,
  drafts: readonly Draft[],
  gone: readonly HeldLine[],
  plans: PlanByHash,
): readonly Shift[] {
  if (gone.length === 0 && !drafts.some((draft) => inMeasurement(draft) && !draft.same)) return [];
  const touched = new Map<string, Touched>();
  const touch = (line: MeasuredLine): Touched => {
    const key = measurementKey(line);
    let found = touched.get(key);
    if (found === undefined) {
      found = { key, joining: [], leaving: new Set() };
      touched.set(key, found);
    }
    return found;
  };
  for (const draft of drafts) if (inMeasurement(draft) && !draft.same) touch(draft).joining.push(draft);
  for (const held of gone) if (held.measured) touch(held).leaving.add(held);
  return [...touched.values()].flatMap((one) => measureOne(state.measurements.get(one.key), one, plans));
}

/**
 * Goes from one line that joins or leaves to the next; between them every line's place moves by the same amount, and the tree
 * names those that may earn something else for it. A deal in order only sees the end of the tree.
 */
function measureOne(
  measurement: MeasuredLines<HeldLine> | undefined,
  { joining, leaving }: Touched,
  plans: PlanByHash,
): Shift[] {
  const steps: (Draft | HeldLine)[] = [...joining, ...leaving].sort(
    // Of one place, what joins comes first: what leaves there does not stand before it.
    (left, right) => compareLines(left, right) || Number('rated' in right) - Number('rated' in left),
  );
  const shifts: Shift[] = [];
  let byMinor = 0n;
  steps.forEach((step, index) => {
    if ('rated' in step) {
      const { plan, component } = step.rules;
      const beforeMinor = (measurement?.sumBefore(step) ?? 0n) + byMinor;
      const around = fixedSurroundings(component);
      step.rated = isTeams(step.line, component)
        ? ofTeam()
        : rateMeasured(plan, component, fixedCurve(component), around, step.basisMinor, beforeMinor);
      byMinor += step.basisMinor;
    } else byMinor -= step.basisMinor;
    const next = steps[index + 1];
    if (byMinor === 0n || measurement === undefined) return;
    const component = 'rated' in step ? step.rules.component : rulesOf(step.line, plans).component;
    measurement.shifted(fixedCurve(component), byMinor, step, next, (held, thenMinor) => {
      if (leaving.has(held)) return;
      const rated = rateShifted(held, thenMinor, thenMinor + byMinor, plans);
      if (rated !== undefined) shifts.push({ held, rated });
    });
  });
  return shifts;
}

/** What a held line earns at its new place of the measurement, where that is something else. */
function rateShifted(held: HeldLine, thenMinor: bigint, nowMinor: bigint, plans: PlanByHash): Rated | undefined {
  const { plan, component } = rulesOf(held.line, plans);
  const curve = fixedCurve(component);
  if (isTeams(held.line, component) || earnsTheSame(curve, held.basisMinor, thenMinor, nowMinor)) return undefined;
  const rated = rateMeasured(plan, component, curve, fixedSurroundings(component), held.basisMinor, nowMinor);
  return rated.amountMinor === held.amountMinor ? undefined : rated;
}

// ── What hangs on a line ────────────────────────────────────────────────────────────────────────────────────────────

interface Dependent {
  readonly line: CreditLine;
  readonly basisMinor: bigint;
  readonly rules: Rules;
}

/** Amounts of a line's returns, reserve and releases, in the order given. */
function rateDependents(dependents: readonly Dependent[], originalMinor: bigint): readonly Rated[] {
  let netMinor = originalMinor;
  const rated: Rated[] = [];
  dependents.forEach(({ line, basisMinor, rules }, index) => {
    const { plan, component } = rules;
    const { reverses } = line;
    if (reverses === undefined) return;
    const one = isOfEarning(component)
      ? rateAlone(plan, component, line, basisMinor)
      : isRerated(component)
        ? takenBack(plan, component, reverses, 0n, originalMinor, 're-rate')
        : rateReturn(plan, component, reverses, originalMinor);
    rated[index] = one;
    netMinor += one.amountMinor;
  });
  let heldMinor = 0n;
  dependents.forEach(({ line, rules }, index) => {
    if (line.reserves !== true) return;
    const one = rateReserve(rules.plan, heldShareOf(rules, line), netMinor);
    rated[index] = one;
    heldMinor = -one.amountMinor;
  });
  dependents.forEach(({ line, rules }, index) => {
    if (line.releases !== undefined) rated[index] = rateRelease(rules.plan, line.releases, heldMinor);
  });
  return rated;
}

/** Key of the line that this one depends on, or undefined for one that stands by itself. */
function dependsOn(line: CreditLine, component: CompiledComponent): string | undefined {
  if (isSale(line, component)) return undefined;
  const about = line.reverses ?? line.releases ?? line;
  return originalKey(line, about);
}

function rateDependentsOf(drafts: readonly Draft[], byKey: ReadonlyMap<string, Draft>): void {
  const hanging = new Map<Draft, Draft[]>();
  for (const draft of drafts) {
    if (draft.mode === 'whole') continue;
    const key = dependsOn(draft.line, draft.rules.component);
    if (key === undefined) continue;
    const original = byKey.get(key);
    if (original === undefined)
      throw new EngineError('CreditInvalid', `${draft.key} of ${draft.deal} is about a line that is not there`);
    const list = hanging.get(original);
    if (list === undefined) hanging.set(original, [draft]);
    else list.push(draft);
  }
  for (const [original, dependents] of hanging) {
    const amountMinor = original.rated?.amountMinor ?? original.held?.amountMinor ?? 0n;
    rateDependents(dependents, amountMinor).forEach((rated, index) => {
      const draft = dependents[index];
      if (draft !== undefined && (!draft.same || rated.amountMinor !== draft.held?.amountMinor)) draft.rated = rated;
    });
  }
}

/** The shifts of other deals' lines, with those of the lines that hang on them. */
function shiftsElsewhere(deal: string, shifts: readonly Shift[], plans: PlanByHash): readonly Shift[] {
  const elsewhere = shifts.filter(({ held }) => held.deal !== deal);
  return elsewhere.flatMap((shift) => {
    const { held, rated } = shift;
    if (held.dependents.length === 0) return [shift];
    const dependents = held.dependents.map(({ line, basisMinor }) => ({
      line,
      basisMinor,
      rules: rulesOf(line, plans),
    }));
    const again = rateDependents(dependents, rated.amountMinor).flatMap((one, index): Shift[] => {
      const line = held.dependents[index];
      return line === undefined || one.amountMinor === line.amountMinor ? [] : [{ held: line, rated: one }];
    });
    return [shift, ...again];
  });
}

// ── Components that are earned as a whole ───────────────────────────────────────────────────────────────────────────

interface WholeResults {
  readonly shifts: readonly Shift[];
  /** By component. */
  readonly account: ReadonlyMap<string, readonly AccountLine[]>;
}

const NONE_WHOLE: WholeResults = { shifts: [], account: new Map() };

function wholeComponents(drafts: readonly Draft[], gone: readonly HeldLine[], plans: PlanByHash): ReadonlySet<string> {
  const whole = new Set<string>();
  for (const { mode, line } of drafts) if (mode === 'whole') whole.add(line.component);
  for (const { line, deal } of gone) if (!isAccountDeal(deal) && isWhole(line, plans)) whole.add(line.component);
  return whole;
}

/** Earns components from all of their lines, sets the amounts of the drafts among them, and finds what differs elsewhere. */
function earnWhole(
  state: EarnState,
  deal: string,
  drafts: readonly Draft[],
  components: ReadonlySet<string>,
  account: Account,
  plans: PlanByHash,
): WholeResults {
  const deferred = new Map<string, readonly AccountLine[]>();
  const shifts: Shift[] = [];
  for (const component of components) {
    const lines: (ComponentLine & ({ readonly held: HeldLine } | { readonly draft: Draft }))[] = [];
    for (const draft of drafts)
      if (draft.line.component === component)
        lines.push({ deal, key: draft.key, line: draft.line, basisMinor: wholeBasis(draft, draft.rules), draft });
    for (const [of, held] of state.deals)
      if (of !== deal && !isAccountDeal(of))
        for (const line of held)
          if (line.line.component === component)
            lines.push({
              deal: of,
              key: line.key,
              line: line.line,
              basisMinor: wholeBasis(line, rulesOf(line.line, plans)),
              held: line,
            });
    const { rated, deferred: ofComponent } = earnComponent(lines, account, plans);
    deferred.set(component, ofComponent);
    lines.forEach((line, index) => {
      const now = rated[index];
      if (now === undefined) return;
      if ('draft' in line) {
        if (!line.draft.same || now.amountMinor !== line.draft.held?.amountMinor) line.draft.rated = now;
      } else if (now.amountMinor !== line.held.amountMinor) shifts.push({ held: line.held, rated: now });
    });
  }
  return { shifts, account: deferred };
}

/** The line's own basis: a component that is earned as a whole takes its returns out by itself. */
function wholeBasis({ line, basisMinor }: MeasuredLine, { plan, component }: Rules): bigint {
  return isOfEarning(component) ? basisMinor : parseMinor(line.basis, plan.decimals);
}

// ── Lines of no single deal ─────────────────────────────────────────────────────────────────────────────────────────

/** A source has a name: no deal is named so. */
const ACCOUNT_PREFIX = '|';
const PLAN_WIDE = `${ACCOUNT_PREFIX}*`;

/** True for the name under which lines of no single deal stand. */
export function isAccountDeal(deal: string): boolean {
  return deal.startsWith(ACCOUNT_PREFIX);
}

interface AccountDraft {
  readonly deal: string;
  readonly lines: readonly { readonly line: CreditLine; readonly key: string; readonly of: AccountLine }[];
}

function accountDraft(deal: string, lines: readonly AccountLine[], plans: PlanByHash): AccountDraft {
  return {
    deal,
    lines: lines.map((of) => {
      const plan = plans.plan(of.planHash);
      const line: CreditLine = {
        component: of.component === '' ? (of.kind === 'guarantee' ? 'guarantee' : 'draw') : of.component,
        planHash: of.planHash,
        occurrence: of.kind,
        line: '',
        at: formatInstant(parseInstant(periodBounds(plan.calendar, of.period).until) - 1),
        period: of.period,
        window: of.period,
        basis: formatMinor(0n, plan.decimals),
      };
      return { line, key: `${lineKey(line)}|${of.period}`, of };
    }),
  };
}

/** Guarantee and draw, where the plan has them and a period is settled. */
function settle(
  state: EarnState,
  deal: string,
  now: readonly EarnedLine[],
  amounts: ReadonlyMap<EarnedLine, bigint>,
  deferred: readonly AccountDraft[],
  account: Account,
  plans: PlanByHash,
): AccountDraft | undefined {
  const applies = account.settled.some(({ planHash }) => {
    const { guarantee, draw } = plans.plan(planHash);
    return guarantee !== undefined || draw !== undefined;
  });
  if (!applies && !state.deals.has(PLAN_WIDE)) return undefined;
  const earnings: PeriodEarning[] = [];
  const add = ({ line }: EarnedLine, amountMinor: bigint): void => {
    if (line.reserves !== true && line.releases === undefined)
      earnings.push({ component: line.component, period: line.period, amountMinor });
  };
  const replaced = new Set(deferred.map((one) => one.deal));
  for (const line of now) add(line, line.amountMinor);
  for (const [of, held] of state.deals)
    if (of !== deal && of !== PLAN_WIDE && !replaced.has(of))
      for (const line of held) add(line, amounts.get(line) ?? line.amountMinor);
  for (const { lines } of deferred)
    for (const { line, of } of lines)
      earnings.push({ component: line.component, period: line.period, amountMinor: of.amountMinor });
  return accountDraft(PLAN_WIDE, settleAccount(earnings, account, plans), plans);
}

// ── The change ──────────────────────────────────────────────────────────────────────────────────────────────────────

function changeOf(
  state: EarnState,
  credit: DealCredit,
  drafts: readonly Draft[],
  elsewhere: readonly Shift[],
  deferred: ReadonlyMap<string, readonly AccountLine[]>,
  account: Account,
  plans: PlanByHash,
): Change {
  const rated: RatedLine[] = [];
  const own: EarnedLine[] = [];
  for (const { deal, key, line, rules, rated: now, held } of drafts) {
    if (now !== undefined)
      rated.push({ deal, key, amount: formatMinor(now.amountMinor, rules.plan.decimals), trace: now.trace() });
    own.push({ line, amountMinor: now?.amountMinor ?? held?.amountMinor ?? 0n });
  }
  const amounts = new Map<EarnedLine, bigint>(elsewhere.map(({ held, rated: now }) => [held, now.amountMinor]));
  const accountDrafts = [...deferred]
    .map(([component, lines]) => accountDraft(`${ACCOUNT_PREFIX}${component}`, lines, plans))
    .filter(({ deal, lines }) => lines.length > 0 || state.deals.has(deal));
  const settled = settle(state, credit.deal, own, amounts, accountDrafts, account, plans);
  if (settled !== undefined) accountDrafts.push(settled);
  const sorted = elsewhere
    .slice()
    .sort((left, right) => compareText(left.held.deal, right.held.deal) || compareText(left.held.key, right.held.key));
  for (const { held, rated: now } of sorted) {
    const { decimals } = plans.plan(held.line.planHash);
    rated.push({ deal: held.deal, key: held.key, amount: formatMinor(now.amountMinor, decimals), trace: now.trace() });
  }
  const accountCredits: AccountCredit[] = [];
  const accountDeals: { deal: string; lines: readonly EarnedLine[] }[] = [];
  for (const { deal, lines } of accountDrafts) {
    const before = new Map((state.deals.get(deal) ?? []).map((held) => [held.key, held]));
    const isSame =
      before.size === lines.length &&
      lines.every(({ key, of, line }) => {
        const held = before.get(key);
        return held?.amountMinor === of.amountMinor && held.line.planHash === line.planHash;
      });
    if (isSame) continue;
    accountCredits.push({ deal, lines: lines.map(({ line }) => line) });
    accountDeals.push({ deal, lines: lines.map(({ line, of }) => ({ line, amountMinor: of.amountMinor })) });
    for (const { key, of } of lines) {
      const { decimals } = plans.plan(of.planHash);
      rated.push({ deal, key, amount: formatMinor(of.amountMinor, decimals), trace: of.trace() });
    }
  }
  const deals = credit.deal === '' ? [] : [{ deal: credit.deal, lines: own }];
  for (const deal of new Set(sorted.map(({ held }) => held.deal))) {
    const lines = state.deals.get(deal) ?? [];
    deals.push({
      deal,
      lines: lines.map((held) => ({ line: held.line, amountMinor: amounts.get(held) ?? held.amountMinor })),
    });
  }
  return {
    changed: true,
    deal: credit.deal,
    lines: credit.lines,
    ...(credit.children === undefined ? {} : { children: credit.children }),
    account: accountCredits,
    rated,
    deals: [...deals, ...accountDeals],
  };
}

/**
 * Brings the state to after the change, also from a stored event.
 * @throws {EngineError} `CreditInvalid` where the change is none of this state
 */
export function applyChange(
  state: EarnState,
  change: Pick<Change, 'deal' | 'lines' | 'rated' | 'account' | 'children'>,
  plans: PlanByHash,
): void {
  const { deal, children } = change;
  if (children !== undefined) {
    if (children.length === 0) state.children.delete(deal);
    else state.children.set(deal, children);
  }
  const replaced = new Set([deal, ...change.account.map((one) => one.deal)]);
  const own = new Map<string, RatedLine[]>();
  for (const rated of change.rated) {
    if (!replaced.has(rated.deal)) {
      heldLine(state, rated.deal, rated.key).amountMinor = minorOf(rated.amount);
      continue;
    }
    const list = own.get(rated.deal);
    if (list === undefined) own.set(rated.deal, [rated]);
    else list.push(rated);
  }
  if (deal !== '') replaceDeal(state, deal, change.lines, own.get(deal) ?? [], plans);
  for (const one of change.account) replaceAccount(state, one, own.get(one.deal) ?? []);
}

function replaceDeal(
  state: EarnState,
  deal: string,
  lines: readonly CreditLine[],
  own: readonly RatedLine[],
  plans: PlanByHash,
): void {
  const before = state.deals.get(deal) ?? [];
  const left = before.length === 0 ? NONE_HELD : new Map(before.map((held) => [held.key, held]));
  const children = state.children.get(deal) ?? [];
  const joining: HeldLine[] = [];
  let next = 0;
  let whole = 0;
  const now = lines.map((line) => {
    const key = lineKey(line);
    const held = left.get(key);
    // They come in the order of the lines: looking for one is not needed.
    const rated = own[next]?.key === key ? own[next++] : own.find((one) => one.key === key);
    const rules = rulesOf(line, plans);
    if (modeOf(rules) === 'whole') whole++;
    const basisMinor = measuredBasis(line, rules, lines, children);
    if (held !== undefined && held.basisMinor === basisMinor && isSameLine(held.line, line)) {
      left.delete(key);
      held.dependents = [];
      if (rated !== undefined) held.amountMinor = minorOf(rated.amount);
      return held;
    }
    if (rated === undefined) throw new EngineError('CreditInvalid', `the line ${key} of ${deal} is new, but not rated`);
    const joined: HeldLine = {
      deal,
      key,
      line,
      basisMinor,
      amountMinor: minorOf(rated.amount),
      measured: modeOf(rules) === 'curve' && isSale(line, rules.component),
      dependents: [],
    };
    if (joined.measured) joining.push(joined);
    return joined;
  });
  const leaving = left.size === 0 ? [] : [...left.values()].filter(({ measured }) => measured);
  if (joining.length > 0 || leaving.length > 0) changeMeasurements(state, joining, leaving);
  linkDependents(now, plans);
  state.lineCount += now.length - before.length;
  state.wholeCount += whole - before.filter(({ line }) => isWhole(line, plans)).length;
  if (now.length === 0) state.deals.delete(deal);
  else state.deals.set(deal, now);
}

function isWhole(line: CreditLine, plans: PlanByHash): boolean {
  return modeOf(rulesOf(line, plans)) === 'whole';
}

function replaceAccount(state: EarnState, { deal, lines }: AccountCredit, rated: readonly RatedLine[]): void {
  const now = lines.map((line): HeldLine => {
    const key = `${lineKey(line)}|${line.period}`;
    const amount = rated.find((one) => one.key === key)?.amount;
    if (amount === undefined) throw new EngineError('CreditInvalid', `the line ${key} of ${deal} is not rated`);
    return { deal, key, line, basisMinor: 0n, amountMinor: minorOf(amount), measured: false, dependents: [] };
  });
  state.lineCount += now.length - (state.deals.get(deal)?.length ?? 0);
  if (now.length === 0) state.deals.delete(deal);
  else state.deals.set(deal, now);
}

/** Stays empty: nothing is deleted from it but what was found in it. */
const NONE_HELD = new Map<string, HeldLine>();

/** Minor units of a text that the engine wrote itself: it has exactly the currency's decimals. */
function minorOf(text: string): bigint {
  const point = text.indexOf('.');
  return parseMinor(text, point < 0 ? 0 : text.length - point - 1);
}

function heldLine(state: EarnState, deal: string, key: string): HeldLine {
  const held = state.deals.get(deal)?.find((line) => line.key === key);
  if (held === undefined) throw new EngineError('CreditInvalid', `there is no line ${key} of ${deal}`);
  return held;
}

function linkDependents(lines: readonly HeldLine[], plans: PlanByHash): void {
  for (const line of lines) {
    if (line.line.reverses === undefined && line.line.reserves !== true && line.line.releases === undefined) continue;
    const key = dependsOn(line.line, rulesOf(line.line, plans).component);
    if (key === undefined) continue;
    const original = lines.find((one) => one.key === key);
    if (original !== undefined) original.dependents = [...original.dependents, line];
  }
}

function changeMeasurements(state: EarnState, joining: readonly HeldLine[], leaving: readonly HeldLine[]): void {
  for (const held of leaving) {
    const key = measurementKey(held);
    const measurement = state.measurements.get(key);
    if (measurement?.remove(held) !== true)
      throw new EngineError('CreditInvalid', `the line ${held.key} of ${held.deal} is not in its measurement`);
    if (measurement.isEmpty) state.measurements.delete(key);
  }
  for (const held of joining) {
    const key = measurementKey(held);
    let measurement = state.measurements.get(key);
    if (measurement === undefined) state.measurements.set(key, (measurement = new MeasuredLines()));
    measurement.add(held);
  }
}

/**
 * Tiers that lagged measurements have reached whose window ends with the period: what its closing records.
 * @returns by `component window`
 */
export function reachedTiers(
  state: EarnState,
  plan: CompiledPlan,
  period: string,
  plans: PlanByHash,
): Account['reached'] {
  const reached: Record<string, number> = {};
  for (const { id, rate, measure } of plan.components) {
    const { over } = measure;
    if (rate.kind !== 'lagged' || !rate.frozen || over === 'deal' || typeof over === 'object') continue;
    const window = windowOfPeriod(plan.calendar, over, period);
    if (lastPeriodOfWindow(plan.calendar, window) !== period) continue;
    let totalMinor = 0n;
    for (const held of [...state.deals.values()].flat()) {
      if (held.line.component !== id || held.line.window !== window || isAccountDeal(held.deal)) continue;
      const rules = rulesOf(held.line, plans);
      const { reverses } = held.line;
      if (isSale(held.line, rules.component) || (reverses !== undefined && isRerated(rules.component)))
        totalMinor += wholeBasis(held, rules);
    }
    reached[`${id} ${window}`] = tierReached(rate.tiers, { numerator: totalMinor, denominator: 1n });
  }
  return reached;
}

/** Whether closings settle something for the payees of a plan: a guarantee, a draw, or a lagged tier. */
export function needsSettling({ guarantee, draw, components }: CompiledPlan): boolean {
  return (
    guarantee !== undefined ||
    draw !== undefined ||
    components.some(({ rate }) => rate.kind === 'lagged' && rate.frozen)
  );
}

/** Whether what a payee earns under a plan depends on its agreements and quotas. */
export function needsAccount({ guarantee, draw, ends, components }: CompiledPlan): boolean {
  return (
    guarantee !== undefined ||
    draw !== undefined ||
    ends.held === 'forfeit' ||
    components.some(({ measure, limit }) => measure.prorate || measure.quota === 'fact' || limit?.excess === 'deferred')
  );
}

// ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** All lines of a deal, in the order of its credit. */
export function linesOfDeal(state: EarnState, deal: string): readonly EarnedLine[] {
  return state.deals.get(deal) ?? [];
}

/** How a line's amount comes about now, recomputed from the state. Undefined where there is no such line. */
export function explainLine(state: EarnState, deal: string, key: string, plans: PlanByHash): Trace | undefined {
  const held = state.deals.get(deal)?.find((line) => line.key === key);
  if (held === undefined) return undefined;
  if (isAccountDeal(deal)) {
    const fresh = planAccount({ ...state, deals: withoutAccount(state) }, state.account, plans);
    return fresh.rated.find((line) => line.deal === deal && line.key === key)?.trace;
  }
  const rules = rulesOf(held.line, plans);
  if (modeOf(rules) === 'whole') {
    const lines = [...state.deals.values()]
      .flat()
      .filter(({ line, deal: of }) => line.component === held.line.component && !isAccountDeal(of));
    const entries = lines.map((one) => ({ ...one, basisMinor: wholeBasis(one, rulesOf(one.line, plans)) }));
    return earnComponent(entries, state.account, plans).rated[lines.indexOf(held)]?.trace();
  }
  const on = dependsOn(held.line, rules.component);
  if (on !== undefined) {
    const original = heldLine(state, deal, on);
    const dependents = original.dependents.map(({ line, basisMinor }) => ({
      line,
      basisMinor,
      rules: rulesOf(line, plans),
    }));
    return rateDependents(dependents, original.amountMinor)[original.dependents.indexOf(held)]?.trace();
  }
  const { plan, component } = rules;
  if (isTeams(held.line, component)) return ofTeam().trace();
  if (!held.measured) return rateAlone(plan, component, held.line, held.basisMinor).trace();
  const beforeMinor = state.measurements.get(measurementKey(held))?.sumBefore(held) ?? 0n;
  const around = fixedSurroundings(component);
  return rateMeasured(plan, component, fixedCurve(component), around, held.basisMinor, beforeMinor).trace();
}

function withoutAccount({ deals }: EarnState): EarnState['deals'] {
  return new Map([...deals].filter(([deal]) => !isAccountDeal(deal)));
}

/** Measured with 700,000 lines of 300,000 deals read from stored text: 323 MB in all; a little more is assumed. */
const BYTES_A_LINE = 420;
const BYTES_A_DEAL = 220;

/** Bytes that the state takes in memory, roughly. */
export function sizeOfEarnState(state: EarnState): number {
  return 500 + state.lineCount * BYTES_A_LINE + state.deals.size * BYTES_A_DEAL;
}
