/**
 * The incremental form of `earnComponent`: what changes among a payee's lines under one plan when a deal's credit, a
 * child's earning or the payee's terms change. An independent line is rated alone. A line in a measurement with a fixed
 * curve costs O(log n) plus the lines whose amount really changes. Lines that depend on each other in other ways (a
 * rate that depends on the total or on another window, a limit, an average) are recalculated from all lines within the
 * scope of the change.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { formatMinor } from '@tantieme/money/amount';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import type { GrantedLine } from '../earn/budget.js';
import { teamLine } from '../earn/component-earnings.js';
import { isSale, isTeams, rulesOf } from '../earn/component-rules.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { EngineError } from '../engine-error.js';
import { rateAlone } from '../rate/rate.js';
import type { Trace } from '../rate/trace.js';
import { measuredBasis } from './basis.js';
import { dependsOn, rateDependents } from './dependents.js';
import type { Draft, Shift } from './draft.js';
import { requireAll, requireDeal } from './loaded.js';
import { measure } from './measurements.js';
import { payeeLevelDraft, planWideDraft } from './payee-level.js';
import { PAYEE_LEVEL_PREFIX } from './payee-level.js';
import { NO_FULL_RESULTS, fullModeComponents, recalculate } from './recalculate.js';
import type { FullResults } from './recalculate.js';
import { recalculationMode } from './recalculation-scope.js';
import { isSameLine } from './state.js';
import type {
  ChildEarning,
  DealClaims,
  DealCredit,
  DealMissingQuotas,
  EarnState,
  EarnedLine,
  PayeeLevelCredit,
  RatedLine,
  StateLine,
} from './state.js';

export interface Change {
  /** False if nothing changes in the state: there is nothing to store. */
  readonly changed: boolean;
  readonly deal: string;
  readonly lines: readonly CreditLine[];
  readonly children?: readonly ChildEarning[];
  readonly granted?: readonly GrantedLine[];
  readonly payeeLevel: readonly PayeeLevelCredit[];
  /** Claims on budgets, where they change. */
  readonly claims?: readonly DealClaims[];
  /** Missing quotas, where they change. */
  readonly missingQuotas?: readonly DealMissingQuotas[];
  /**
   * Lines that are new or changed, or whose amount changes: first those of this deal in the order of its lines, then
   * the others in order of deal and key. A line that only moves within its tier keeps its amount and is not listed.
   */
  readonly rated: readonly (RatedLine & { readonly trace: () => Trace })[];
  /** The deals that change, with all their lines after the change: this one first, the others in order of deal. */
  readonly deals: readonly { readonly deal: string; readonly lines: readonly EarnedLine[] }[];
}

/**
 * What a credit changes. The state is not modified.
 * @throws {EngineError} `PlanUnknown`, `CreditInvalid`
 * @throws {NotLoaded}
 */
export function diffCredit(state: EarnState, credit: DealCredit, plans: PlanByVersion): Change {
  requireDeal(state, credit.deal);
  const before = state.deals.get(credit.deal) ?? [];
  const drafts = draftsOf(state, credit, before, plans);
  const byKey = draftsByKey(credit.deal, drafts);
  if (credit.granted === undefined && drafts.length === before.length && drafts.every(({ isUnchanged }) => isUnchanged))
    return { ...NOTHING_CHANGES, changed: credit.children !== undefined, ...credit };

  const removed = before.filter(({ key }) => byKey.get(key)?.isUnchanged !== true);
  const fullMode = fullModeComponents(drafts, removed, plans);
  if (fullMode.size > 0) requireAll(state);
  const shifts = measure(state, drafts, removed, plans);
  const shiftByLine = shifts.length === 0 ? undefined : new Map(shifts.map((shift) => [shift.existing, shift]));
  for (const draft of drafts) {
    if (draft.mode === 'full' || draft.rated !== undefined || !isSale(draft.line, draft.rules.component)) continue;
    if (draft.isUnchanged && draft.existing !== undefined) draft.rated = shiftByLine?.get(draft.existing)?.rated;
    else if (draft.mode === 'independent')
      draft.rated = isTeams(draft.line, draft.rules.component)
        ? teamLine()
        : rateAlone(draft.rules.plan, draft.rules.component, draft.line, draft.basisMinor);
  }
  rateDependentsOf(drafts, byKey);
  const elsewhere = shiftsElsewhere(credit.deal, shifts, plans);
  const results =
    fullMode.size === 0
      ? NO_FULL_RESULTS
      : recalculate(state, credit, drafts, removed, fullMode, state.payeeTerms, plans);
  return changeOf(state, credit, drafts, elsewhere, results, state.payeeTerms, plans);
}

/**
 * What new payee terms change. The state is not modified.
 * @throws {EngineError} `PlanUnknown`, `CreditInvalid`
 * @throws {NotLoaded}
 */
export function diffPayeeTerms(state: EarnState, payeeTerms: PayeeTerms, plans: PlanByVersion): Change {
  requireAll(state);
  const existing = [...state.deals.values()].flat();
  const fullMode = fullModeComponents([], existing, plans);
  const noCredit = { deal: '', lines: [] };
  const results =
    fullMode.size === 0 ? NO_FULL_RESULTS : recalculate(state, noCredit, [], existing, fullMode, payeeTerms, plans);
  return changeOf(state, noCredit, [], [], results, payeeTerms, plans);
}

const NOTHING_CHANGES = { payeeLevel: [], rated: [], deals: [] } as const;

/** @throws {EngineError} `CreditInvalid` where two lines have one key */
function draftsByKey(deal: string, drafts: readonly Draft[]): ReadonlyMap<string, Draft> {
  const byKey = new Map<string, Draft>();
  for (const draft of drafts) byKey.set(draft.key, draft);
  if (byKey.size !== drafts.length)
    throw new EngineError('CreditInvalid', `the credit of deal ${deal} has two lines with the same key`);
  return byKey;
}

function draftsOf(state: EarnState, credit: DealCredit, before: readonly StateLine[], plans: PlanByVersion): Draft[] {
  const existingByKey = before.length === 0 ? undefined : new Map(before.map((existing) => [existing.key, existing]));
  const { deal, lines } = credit;
  const children = credit.children ?? state.children.get(deal) ?? [];
  return lines.map((line) => {
    const rules = rulesOf(line, plans);
    const key = lineKey(line);
    const existing = existingByKey?.get(key);
    const basisMinor = measuredBasis(line, rules, lines, children);
    const isUnchanged = existing !== undefined && existing.basisMinor === basisMinor && isSameLine(existing.line, line);
    return {
      deal,
      key,
      line,
      basisMinor,
      rules,
      mode: recalculationMode(rules),
      existing,
      isUnchanged,
      rated: undefined,
    };
  });
}

function rateDependentsOf(drafts: readonly Draft[], byKey: ReadonlyMap<string, Draft>): void {
  const byOriginal = new Map<Draft, Draft[]>();
  for (const draft of drafts) {
    if (draft.mode === 'full') continue;
    const key = dependsOn(draft.line, draft.rules.component);
    if (key === undefined) continue;
    const original = byKey.get(key);
    if (original === undefined)
      throw new EngineError(
        'CreditInvalid',
        `line ${draft.key} of deal ${draft.deal} refers to a line that does not exist`,
      );
    const list = byOriginal.get(original);
    if (list === undefined) byOriginal.set(original, [draft]);
    else list.push(draft);
  }
  for (const [original, dependents] of byOriginal) {
    const amountMinor = original.rated?.amountMinor ?? original.existing?.amountMinor ?? 0n;
    rateDependents(dependents, amountMinor).forEach((rated, index) => {
      const draft = dependents[index];
      if (draft !== undefined && (!draft.isUnchanged || rated.amountMinor !== draft.existing?.amountMinor))
        draft.rated = rated;
    });
  }
}

/** The shifts of other deals' lines, with those of their dependents. */
function shiftsElsewhere(deal: string, shifts: readonly Shift[], plans: PlanByVersion): readonly Shift[] {
  const elsewhere = shifts.filter(({ existing }) => existing.deal !== deal);
  return elsewhere.flatMap((shift) => {
    const { existing, rated } = shift;
    if (existing.dependents.length === 0) return [shift];
    const dependents = existing.dependents.map(({ line, basisMinor }) => ({
      line,
      basisMinor,
      rules: rulesOf(line, plans),
    }));
    const shiftedDependents = rateDependents(dependents, rated.amountMinor).flatMap((one, index): Shift[] => {
      const line = existing.dependents[index];
      return line === undefined || one.amountMinor === line.amountMinor ? [] : [{ existing: line, rated: one }];
    });
    return [shift, ...shiftedDependents];
  });
}

function changeOf(
  state: EarnState,
  credit: DealCredit,
  drafts: readonly Draft[],
  measured: readonly Shift[],
  { shifts, payeeLevel: deferred, claims, missingQuotas }: FullResults,
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
): Change {
  const elsewhere = [...measured, ...shifts];
  const rated: Change['rated'][number][] = [];
  const own: EarnedLine[] = [];
  for (const { deal, key, line, rules, rated: now, existing } of drafts) {
    if (now !== undefined)
      rated.push({ deal, key, amount: formatMinor(now.amountMinor, rules.plan.decimals), trace: now.trace });
    own.push({ line, amountMinor: now?.amountMinor ?? existing?.amountMinor ?? 0n });
  }
  const amounts = new Map<EarnedLine, bigint>(elsewhere.map(({ existing, rated: now }) => [existing, now.amountMinor]));
  const payeeLevelDrafts = [...deferred]
    .map(([component, lines]) => payeeLevelDraft(`${PAYEE_LEVEL_PREFIX}${component}`, lines, plans))
    .filter(({ deal, lines }) => lines.length > 0 || state.deals.has(deal));
  const planWide = planWideDraft(state, credit.deal, own, amounts, payeeLevelDrafts, payeeTerms, plans);
  if (planWide !== undefined) payeeLevelDrafts.push(planWide);
  const sorted = elsewhere
    .slice()
    .sort(
      (left, right) =>
        compareText(left.existing.deal, right.existing.deal) || compareText(left.existing.key, right.existing.key),
    );
  for (const { existing, rated: now } of sorted) {
    const { decimals } = plans.plan(existing.line.planVersion);
    rated.push({
      deal: existing.deal,
      key: existing.key,
      amount: formatMinor(now.amountMinor, decimals),
      trace: now.trace,
    });
  }
  const payeeLevelCredits: PayeeLevelCredit[] = [];
  const payeeLevelDeals: { deal: string; lines: readonly EarnedLine[] }[] = [];
  for (const { deal, lines } of payeeLevelDrafts) {
    const before = new Map((state.deals.get(deal) ?? []).map((existing) => [existing.key, existing]));
    const isSame =
      before.size === lines.length &&
      lines.every(({ key, of, line }) => {
        const existing = before.get(key);
        return existing?.amountMinor === of.amountMinor && existing.line.planVersion === line.planVersion;
      });
    if (isSame) continue;
    payeeLevelCredits.push({ deal, lines: lines.map(({ line }) => line) });
    payeeLevelDeals.push({ deal, lines: lines.map(({ line, of }) => ({ line, amountMinor: of.amountMinor })) });
    for (const { key, of } of lines) {
      const { decimals } = plans.plan(of.planVersion);
      rated.push({ deal, key, amount: formatMinor(of.amountMinor, decimals), trace: of.trace });
    }
  }
  const deals = credit.deal === '' ? [] : [{ deal: credit.deal, lines: own }];
  for (const deal of new Set(sorted.map(({ existing }) => existing.deal))) {
    const lines = state.deals.get(deal) ?? [];
    deals.push({
      deal,
      lines: lines.map((existing) => ({
        line: existing.line,
        amountMinor: amounts.get(existing) ?? existing.amountMinor,
      })),
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
