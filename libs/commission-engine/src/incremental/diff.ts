/**
 * Stage 4, earn: all lines of one payee under one plan, and what a change of a deal's credit, of what a child earns, or of
 * what is known of the payee changes among them. A line that stands alone costs itself; one in a measurement whose curve is
 * fixed costs O(log n) and the lines that really change. A component whose lines depend on each other in other ways (a rate
 * that depends on the total or on another window, a limit, an average) is earned anew from all lines within the scope of the change.
 */
import { formatMinor } from '@tantieme/money/amount';
import { guaranteesAndDraws } from '../earn/payee-earnings.js';
import type { PeriodEarning } from '../earn/payee-earnings.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { areSameClaims, claimedLine } from '../earn/budget.js';
import type { BudgetClaim, GrantedLine } from '../earn/budget.js';
import { periodBounds } from '@tantieme/time/calendar';
import { earnComponent, isSale, isTeams, ofTeam, rulesOf } from '../earn/component-earnings.js';
import type { PayeeLevelLine, ComponentLine, PlanByHash, Rules } from '../earn/component-earnings.js';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { earnsTheSame } from '../plan/curve.js';
import {
  PAYEE_LEVEL_PREFIX,
  PLAN_WIDE,
  dealKeyOf,
  dependsOn,
  fixedCurve,
  fixedRatingContext,
  grantedIn,
  isPayeeLevel,
  isSameLine,
  isFullMode,
  measuredBasis,
  measurementKey,
  recalculationMode,
  rateDependents,
  recalculationScope,
  ownBasis,
} from './state.js';
import type {
  PayeeLevelCredit,
  ChildEarning,
  DealClaims,
  DealCredit,
  DealMissingQuotas,
  EarnState,
  EarnedLine,
  StateLine,
  RecalculationMode,
  RatedLine,
  RecalculationScope,
} from './state.js';
import { EngineError } from '../engine-error.js';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import { MeasuredLines } from '../measure/measured-lines.js';
import { compareText } from '../deal/occurrence.js';
import { compareLines, rateAlone, rateMeasured } from '../rate/rate.js';
import type { MeasuredLine, Rated } from '../rate/rate.js';

export interface Change {
  /** False where the credit says what the state holds already: nothing to store. */
  readonly changed: boolean;
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  readonly children?: readonly ChildEarning[];
  readonly granted?: readonly GrantedLine[];
  readonly payeeLevel: readonly PayeeLevelCredit[];
  /** What is claimed of budgets, where it changes; left out where nothing does. */
  readonly claims?: readonly DealClaims[];
  /** Quotas that are waited for, where that changes; left out where nothing does. */
  readonly missingQuotas?: readonly DealMissingQuotas[];
  /**
   * Lines that are new or say something else, or earn another amount than before: of this deal in the order of its lines,
   * then of the others in order of deal and key. A line that only moved within its tier earns the same and is not here.
   */
  readonly rated: readonly RatedLine[];
  /** The deals that change, with all their lines after the change: this one first, the others in order of key. */
  readonly deals: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[];
}

/** A line of the credit in hand, with what is known of it. */
interface Draft extends MeasuredLine {
  readonly key: string;
  readonly rules: Rules;
  readonly mode: RecalculationMode;
  /** The line that the state holds under this key. */
  readonly held: StateLine | undefined;
  /** Whether it says the same as the held one. */
  readonly same: boolean;
  rated: Rated | undefined;
}

/** A held line that earns something else now. */
interface Shift {
  readonly held: StateLine;
  readonly rated: Rated;
}

/**
 * What the credit changes. Pure: the state is not touched.
 * @throws {EngineError} `PlanUnknown`, `CreditInvalid`
 */
export function diffCredit(state: EarnState, credit: DealCredit, plans: PlanByHash): Change {
  const before = state.deals.get(credit.deal) ?? [];
  const drafts = draftsOf(state, credit, before, plans);
  const byKey = draftsByKey(credit.deal, drafts);
  if (credit.granted === undefined && drafts.length === before.length && drafts.every(({ same }) => same))
    return { ...NOTHING_CHANGES, changed: credit.children !== undefined, ...credit };

  const removed = before.filter(({ key }) => byKey.get(key)?.same !== true);
  const whole = fullModeComponents(drafts, removed, plans);
  const shifts = measure(state, drafts, removed, plans);
  const shiftByLine = shifts.length === 0 ? undefined : new Map(shifts.map((shift) => [shift.held, shift]));
  for (const draft of drafts) {
    if (draft.mode === 'full' || draft.rated !== undefined || !isSale(draft.line, draft.rules.component)) continue;
    if (draft.same && draft.held !== undefined) draft.rated = shiftByLine?.get(draft.held)?.rated;
    else if (draft.mode === 'independent')
      draft.rated = isTeams(draft.line, draft.rules.component)
        ? ofTeam()
        : rateAlone(draft.rules.plan, draft.rules.component, draft.line, draft.basisMinor);
  }
  rateDependentsOf(drafts, byKey);
  const elsewhere = shiftsElsewhere(credit.deal, shifts, plans);
  const results =
    whole.size === 0 ? NO_FULL_RESULTS : recalculate(state, credit, drafts, removed, whole, state.payeeTerms, plans);
  return changeOf(state, credit, drafts, elsewhere, results, state.payeeTerms, plans);
}

/** What new facts about the payee change. Pure. @throws {EngineError} `PlanUnknown`, `CreditInvalid` */
export function diffPayeeTerms(state: EarnState, account: PayeeTerms, plans: PlanByHash): Change {
  const held = [...state.deals.values()].flat();
  const whole = fullModeComponents([], held, plans);
  const nothing = { deal: '', lines: [] };
  const results = whole.size === 0 ? NO_FULL_RESULTS : recalculate(state, nothing, [], held, whole, account, plans);
  return changeOf(state, nothing, [], [], results, account, plans);
}

const NOTHING_CHANGES = { payeeLevel: [], rated: [], deals: [] } as const;

/** @throws {EngineError} `CreditInvalid` where two lines have one key */
function draftsByKey(deal: string, drafts: readonly Draft[]): ReadonlyMap<string, Draft> {
  const byKey = new Map<string, Draft>();
  for (const draft of drafts) byKey.set(draft.key, draft);
  if (byKey.size !== drafts.length)
    throw new EngineError('CreditInvalid', `the credit of ${deal} has two lines of one identity`);
  return byKey;
}

function draftsOf(state: EarnState, credit: DealCredit, before: readonly StateLine[], plans: PlanByHash): Draft[] {
  const heldByKey = before.length === 0 ? undefined : new Map(before.map((held) => [held.key, held]));
  const { deal, lines } = credit;
  const children = credit.children ?? state.children.get(deal) ?? [];
  return lines.map((line) => {
    const rules = rulesOf(line, plans);
    const key = lineKey(line);
    const held = heldByKey?.get(key);
    const basisMinor = measuredBasis(line, rules, lines, children);
    const same = held !== undefined && held.basisMinor === basisMinor && isSameLine(held.line, line);
    return { deal, key, line, basisMinor, rules, mode: recalculationMode(rules), held, same, rated: undefined };
  });
}

// ── Measurements whose curve is fixed ───────────────────────────────────────────────────────────────────────────────

function inMeasurement({ mode, line, rules }: Draft): boolean {
  return mode === 'incremental' && isSale(line, rules.component);
}

interface TouchedMeasurement {
  readonly key: string;
  readonly joining: Draft[];
  readonly leaving: Set<StateLine>;
}

/** Rates the drafts that join a measurement, and finds the held lines that earn something else because of what joins and leaves. */
export function measure(
  state: EarnState,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByHash,
): readonly Shift[] {
  if (removed.length === 0 && !drafts.some((draft) => inMeasurement(draft) && !draft.same)) return [];
  const touched = new Map<string, TouchedMeasurement>();
  const touchedAt = (line: MeasuredLine): TouchedMeasurement => {
    const key = measurementKey(line);
    let found = touched.get(key);
    if (found === undefined) {
      found = { key, joining: [], leaving: new Set() };
      touched.set(key, found);
    }
    return found;
  };
  for (const draft of drafts) if (inMeasurement(draft) && !draft.same) touchedAt(draft).joining.push(draft);
  for (const held of removed) if (held.measured) touchedAt(held).leaving.add(held);
  return [...touched.values()].flatMap((one) => measureOne(state.measurements.get(one.key), one, plans));
}

/**
 * Goes from one line that joins or leaves to the next; between them every line's place moves by the same amount, and the tree
 * names those that may earn something else for it. A deal in order only sees the end of the tree.
 */
function measureOne(
  measurement: MeasuredLines<StateLine> | undefined,
  { joining, leaving }: TouchedMeasurement,
  plans: PlanByHash,
): Shift[] {
  const steps: (Draft | StateLine)[] = [...joining, ...leaving].sort(
    // Of one place, what joins comes first: what leaves there does not stand before it.
    (left, right) => compareLines(left, right) || Number('rated' in right) - Number('rated' in left),
  );
  const shifts: Shift[] = [];
  let byMinor = 0n;
  steps.forEach((step, index) => {
    if ('rated' in step) {
      const { plan, component } = step.rules;
      const beforeMinor = (measurement?.sumBefore(step) ?? 0n) + byMinor;
      const context = fixedRatingContext(component);
      step.rated = isTeams(step.line, component)
        ? ofTeam()
        : rateMeasured(plan, component, fixedCurve(component), context, step.basisMinor, beforeMinor);
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
function rateShifted(held: StateLine, thenMinor: bigint, nowMinor: bigint, plans: PlanByHash): Rated | undefined {
  const { plan, component } = rulesOf(held.line, plans);
  const curve = fixedCurve(component);
  if (isTeams(held.line, component) || earnsTheSame(curve, held.basisMinor, thenMinor, nowMinor)) return undefined;
  const rated = rateMeasured(plan, component, curve, fixedRatingContext(component), held.basisMinor, nowMinor);
  return rated.amountMinor === held.amountMinor ? undefined : rated;
}

function rateDependentsOf(drafts: readonly Draft[], byKey: ReadonlyMap<string, Draft>): void {
  const hanging = new Map<Draft, Draft[]>();
  for (const draft of drafts) {
    if (draft.mode === 'full') continue;
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

interface FullResults {
  readonly shifts: readonly Shift[];
  /** By component. */
  readonly account: ReadonlyMap<string, readonly PayeeLevelLine[]>;
  readonly claims: readonly DealClaims[];
  readonly missingQuotas: readonly DealMissingQuotas[];
}

const NO_FULL_RESULTS: FullResults = { shifts: [], account: new Map(), claims: [], missingQuotas: [] };

function fullModeComponents(
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByHash,
): ReadonlySet<string> {
  const whole = new Set<string>();
  for (const { mode, line } of drafts) if (mode === 'full') whole.add(line.component);
  for (const { line, deal } of removed) if (!isPayeeLevel(deal) && isFullMode(line, plans)) whole.add(line.component);
  return whole;
}

/** A line of a component that is earned as a whole: of the credit in hand, or one that the state holds. */
type FullModeLine = ComponentLine & ({ readonly held: StateLine } | { readonly draft: Draft });

/**
 * The lines of a component with which the drafts are earned anew, and those whose amounts may change with what is removed.
 */
function linesInScope(
  state: EarnState,
  deal: string,
  component: string,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByHash,
): readonly FullModeLine[] {
  const own = drafts.filter(({ line }) => line.component === component);
  const changed: readonly MeasuredLine[] = [...own, ...removed.filter(({ line }) => line.component === component)];
  const held: StateLine[] = [];
  for (const [of, lines] of state.deals)
    if (of !== deal && !isPayeeLevel(of)) for (const one of lines) if (one.line.component === component) held.push(one);
  const scope = commonScope([...changed, ...held], plans);
  const placeOf = (one: MeasuredLine): string => (scope === 'deal' ? one.deal : measurementKey(one));
  const places = new Set(changed.map(placeOf));
  const others = scope === 'all' ? held : held.filter((one) => places.has(placeOf(one)));
  return [
    ...own.map((draft) => ({
      deal,
      key: draft.key,
      line: draft.line,
      basisMinor: ownBasis(draft, draft.rules),
      draft,
    })),
    ...others.map((one) => ({
      deal: one.deal,
      key: one.key,
      line: one.line,
      basisMinor: ownBasis(one, rulesOf(one.line, plans)),
      held: one,
    })),
  ];
}

/** Of lines under different versions of a plan. A deal may have lines in several windows, and a window lines of several deals: both together scope all. */
function commonScope(lines: readonly MeasuredLine[], plans: PlanByHash): RecalculationScope {
  let common: RecalculationScope | undefined;
  for (const { line } of lines) {
    const scope = recalculationScope(rulesOf(line, plans).component);
    if (scope === 'all' || (common !== undefined && common !== scope)) return 'all';
    common = scope;
  }
  return common ?? 'deal';
}

/**
 * Earns components from their lines, sets the amounts of the drafts among them, and finds what differs elsewhere.
 * @param removed held lines that are no more, or say something else; all of them where what changes is known of the payee
 */
function recalculate(
  state: EarnState,
  credit: DealCredit,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  components: ReadonlySet<string>,
  account: PayeeTerms,
  plans: PlanByHash,
): FullResults {
  const { deal } = credit;
  const deferred = new Map<string, readonly PayeeLevelLine[]>();
  const shifts: Shift[] = [];
  const claimed: DealClaims[] = [];
  const lacked: DealMissingQuotas[] = [];
  const granted = grantedIn(state, credit);
  for (const component of components) {
    const lines = linesInScope(state, deal, component, drafts, removed, plans);
    const { rated, deferred: ofComponent, claims, missingQuotas } = earnComponent(lines, account, plans, granted);
    deferred.set(component, ofComponent);
    claimed.push(...newClaims(state, deal, component, lines, claims, plans));
    lacked.push(...newMissingQuotas(state, deal, component, lines, missingQuotas));
    lines.forEach((line, index) => {
      const now = rated[index];
      if (now === undefined) return;
      if ('draft' in line) {
        if (!line.draft.same || now.amountMinor !== line.draft.held?.amountMinor) line.draft.rated = now;
      } else if (now.amountMinor !== line.held.amountMinor) shifts.push({ held: line.held, rated: now });
    });
  }
  return { shifts, account: deferred, claims: claimed, missingQuotas: lacked };
}

/** What deals claim of a component's budget, where that is not what they claimed before. */
function newClaims(
  state: EarnState,
  credited: string,
  component: string,
  lines: readonly ComponentLine[],
  amounts: readonly (bigint | undefined)[],
  plans: PlanByHash,
): readonly DealClaims[] {
  const claims = new Map<string, BudgetClaim[]>([[credited, []]]);
  lines.forEach(({ deal, line }, index) => {
    const amountMinor = amounts[index];
    if (amountMinor === undefined || line.reserves === true || line.releases !== undefined) return;
    const claim = { line: claimedLine(line), amount: formatMinor(amountMinor, rulesOf(line, plans).plan.decimals) };
    const ofDeal = claims.get(deal);
    if (ofDeal === undefined) claims.set(deal, [claim]);
    else ofDeal.push(claim);
  });
  return [...claims]
    .map(([deal, ofDeal]) => ({ deal, component, claims: ofDeal }))
    .filter(({ deal, claims: now }) => !areSameClaims(state.claims.get(dealKeyOf(component, deal)) ?? [], now))
    .sort(byDeal(credited));
}

/** The quotas that deals wait for, where those are not the ones that they waited for before; in the same order. */
function newMissingQuotas(
  state: EarnState,
  credited: string,
  component: string,
  lines: readonly ComponentLine[],
  missingQuotas: ReadonlyMap<number, string>,
): readonly DealMissingQuotas[] {
  if (missingQuotas.size === 0 && state.missingQuotas.size === 0) return [];
  const windows = new Map<string, Set<string>>([[credited, new Set()]]);
  lines.forEach(({ deal }, index) => {
    const ofDeal = windows.get(deal) ?? new Set();
    windows.set(deal, ofDeal);
    const window = missingQuotas.get(index);
    if (window !== undefined) ofDeal.add(window);
  });
  return [...windows]
    .map(([deal, ofDeal]) => ({ deal, component, windows: [...ofDeal].sort(compareText) }))
    .filter(
      ({ deal, windows: now }) => now.join() !== (state.missingQuotas.get(dealKeyOf(component, deal)) ?? []).join(),
    )
    .sort(byDeal(credited));
}

/** The credited deal first, the others in order. */
function byDeal(credited: string): (left: { readonly deal: string }, right: { readonly deal: string }) => number {
  return (left, right) =>
    Number(right.deal === credited) - Number(left.deal === credited) || compareText(left.deal, right.deal);
}

// ── Lines of no single deal ─────────────────────────────────────────────────────────────────────────────────────────

interface PayeeLevelDraft {
  readonly deal: string;
  readonly lines: readonly { readonly line: CreditLine; readonly key: string; readonly of: PayeeLevelLine }[];
}

function payeeLevelDraft(deal: string, lines: readonly PayeeLevelLine[], plans: PlanByHash): PayeeLevelDraft {
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

/** Guarantee and draw, where the plan has them and a period is planWide. */
function planWideDraft(
  state: EarnState,
  deal: string,
  now: readonly EarnedLine[],
  amounts: ReadonlyMap<EarnedLine, bigint>,
  deferred: readonly PayeeLevelDraft[],
  account: PayeeTerms,
  plans: PlanByHash,
): PayeeLevelDraft | undefined {
  const applies = account.closedPeriods.some(({ planHash }) => {
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
  return payeeLevelDraft(PLAN_WIDE, guaranteesAndDraws(earnings, account, plans), plans);
}

function changeOf(
  state: EarnState,
  credit: DealCredit,
  drafts: readonly Draft[],
  measured: readonly Shift[],
  { shifts, account: deferred, claims, missingQuotas }: FullResults,
  account: PayeeTerms,
  plans: PlanByHash,
): Change {
  const elsewhere = [...measured, ...shifts];
  const rated: RatedLine[] = [];
  const own: EarnedLine[] = [];
  for (const { deal, key, line, rules, rated: now, held } of drafts) {
    if (now !== undefined)
      rated.push({ deal, key, amount: formatMinor(now.amountMinor, rules.plan.decimals), trace: now.trace() });
    own.push({ line, amountMinor: now?.amountMinor ?? held?.amountMinor ?? 0n });
  }
  const amounts = new Map<EarnedLine, bigint>(elsewhere.map(({ held, rated: now }) => [held, now.amountMinor]));
  const payeeLevelDrafts = [...deferred]
    .map(([component, lines]) => payeeLevelDraft(`${PAYEE_LEVEL_PREFIX}${component}`, lines, plans))
    .filter(({ deal, lines }) => lines.length > 0 || state.deals.has(deal));
  const planWide = planWideDraft(state, credit.deal, own, amounts, payeeLevelDrafts, account, plans);
  if (planWide !== undefined) payeeLevelDrafts.push(planWide);
  const sorted = elsewhere
    .slice()
    .sort((left, right) => compareText(left.held.deal, right.held.deal) || compareText(left.held.key, right.held.key));
  for (const { held, rated: now } of sorted) {
    const { decimals } = plans.plan(held.line.planHash);
    rated.push({ deal: held.deal, key: held.key, amount: formatMinor(now.amountMinor, decimals), trace: now.trace() });
  }
  const payeeLevelCredits: PayeeLevelCredit[] = [];
  const payeeLevelDeals: { deal: string; lines: readonly EarnedLine[] }[] = [];
  for (const { deal, lines } of payeeLevelDrafts) {
    const before = new Map((state.deals.get(deal) ?? []).map((held) => [held.key, held]));
    const isSame =
      before.size === lines.length &&
      lines.every(({ key, of, line }) => {
        const held = before.get(key);
        return held?.amountMinor === of.amountMinor && held.line.planHash === line.planHash;
      });
    if (isSame) continue;
    payeeLevelCredits.push({ deal, lines: lines.map(({ line }) => line) });
    payeeLevelDeals.push({ deal, lines: lines.map(({ line, of }) => ({ line, amountMinor: of.amountMinor })) });
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
    ...(credit.granted === undefined ? {} : { granted: credit.granted }),
    payeeLevel: payeeLevelCredits,
    ...(claims.length === 0 ? {} : { claims }),
    ...(missingQuotas.length === 0 ? {} : { missingQuotas }),
    rated,
    deals: [...deals, ...payeeLevelDeals],
  };
}
