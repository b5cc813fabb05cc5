/** Components in full mode: recalculated from all lines within the scope of a change. */
import { compareText } from '@tantieme/contracts/compare-text';
import { formatMinor } from '@tantieme/money/amount';
import { areSameClaims, claimedLine } from '../earn/budget.js';
import type { BudgetClaim } from '../earn/budget.js';
import { earnComponent } from '../earn/component-earnings.js';
import type { ComponentLine } from '../earn/component-earnings.js';
import { rulesOf } from '../earn/component-rules.js';
import type { PlanByVersion } from '../earn/component-rules.js';
import type { PayeeLevelLine } from '../earn/payee-level-line.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { ownBasis } from './basis.js';
import type { Draft, Shift } from './draft.js';
import { isPayeeLevel } from './payee-level.js';
import { isFullMode, recalculationScope } from './recalculation-scope.js';
import type { RecalculationScope } from './recalculation-scope.js';
import { dealKeyOf, grantedIn, measurementKey } from './state.js';
import type { DealClaims, DealCredit, DealMissingQuotas, EarnState, StateLine } from './state.js';

export interface FullResults {
  readonly shifts: readonly Shift[];
  /** By component. */
  readonly payeeLevel: ReadonlyMap<string, readonly PayeeLevelLine[]>;
  readonly claims: readonly DealClaims[];
  readonly missingQuotas: readonly DealMissingQuotas[];
}

export const NO_FULL_RESULTS: FullResults = { shifts: [], payeeLevel: new Map(), claims: [], missingQuotas: [] };

export function fullModeComponents(
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByVersion,
): ReadonlySet<string> {
  const fullMode = new Set<string>();
  for (const { mode, line } of drafts) if (mode === 'full') fullMode.add(line.component);
  for (const { line, deal } of removed)
    if (!isPayeeLevel(deal) && isFullMode(line, plans)) fullMode.add(line.component);
  return fullMode;
}

/** A line of a component in full mode: of the credit being applied, or existing. */
type FullModeLine = ComponentLine & ({ readonly existing: StateLine } | { readonly draft: Draft });

/**
 * The lines with which a component is recalculated: the drafts, and all existing lines whose amounts may change with
 * them.
 */
function linesInScope(
  state: EarnState,
  deal: string,
  component: string,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  plans: PlanByVersion,
): readonly FullModeLine[] {
  const own = drafts.filter(({ line }) => line.component === component);
  const changed: readonly MeasuredLine[] = [...own, ...removed.filter(({ line }) => line.component === component)];
  const existing: StateLine[] = [];
  for (const [of, lines] of state.deals)
    if (of !== deal && !isPayeeLevel(of))
      for (const one of lines) if (one.line.component === component) existing.push(one);
  const scope = commonScope([...changed, ...existing], plans);
  const placeOf = (one: MeasuredLine): string => (scope === 'deal' ? one.deal : measurementKey(one));
  const places = new Set(changed.map(placeOf));
  const others = scope === 'all' ? existing : existing.filter((one) => places.has(placeOf(one)));
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
      existing: one,
    })),
  ];
}

/**
 * The scope for lines that may stand under different versions of a plan. Where versions differ, the scope is `all`: a
 * deal may have lines in several windows, and a window lines of several deals.
 */
function commonScope(lines: readonly MeasuredLine[], plans: PlanByVersion): RecalculationScope {
  let common: RecalculationScope | undefined;
  for (const { line } of lines) {
    const scope = recalculationScope(rulesOf(line, plans).component);
    if (scope === 'all' || (common !== undefined && common !== scope)) return 'all';
    common = scope;
  }
  return common ?? 'deal';
}

/**
 * Recalculates components, sets the amounts of their drafts, and finds the existing lines whose amounts change.
 * @param removed existing lines that the credit removes or replaces; all lines where the payee's terms change
 */
export function recalculate(
  state: EarnState,
  credit: DealCredit,
  drafts: readonly Draft[],
  removed: readonly StateLine[],
  components: ReadonlySet<string>,
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
): FullResults {
  const { deal } = credit;
  const deferred = new Map<string, readonly PayeeLevelLine[]>();
  const shifts: Shift[] = [];
  const claimed: DealClaims[] = [];
  const missing: DealMissingQuotas[] = [];
  const granted = grantedIn(state, credit);
  for (const component of components) {
    const lines = linesInScope(state, deal, component, drafts, removed, plans);
    const { rated, deferred: ofComponent, claims, missingQuotas } = earnComponent(lines, payeeTerms, plans, granted);
    deferred.set(component, ofComponent);
    claimed.push(...newClaims(state, deal, component, lines, claims, plans));
    missing.push(...newMissingQuotas(state, deal, component, lines, missingQuotas));
    lines.forEach((line, index) => {
      const now = rated[index];
      if (now === undefined) return;
      if ('draft' in line) {
        if (!line.draft.isUnchanged || now.amountMinor !== line.draft.existing?.amountMinor) line.draft.rated = now;
      } else if (now.amountMinor !== line.existing.amountMinor) shifts.push({ existing: line.existing, rated: now });
    });
  }
  return { shifts, payeeLevel: deferred, claims: claimed, missingQuotas: missing };
}

/** Each deal's claims on a component's budget, where they changed. */
function newClaims(
  state: EarnState,
  credited: string,
  component: string,
  lines: readonly ComponentLine[],
  amounts: readonly (bigint | undefined)[],
  plans: PlanByVersion,
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

/** Each deal's missing quotas of a component, where they changed; in the same order as claims. */
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
