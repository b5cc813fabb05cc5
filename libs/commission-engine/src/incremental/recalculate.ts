/** Components that are calculated in full: from all lines within the scope of a change. */
import { formatMinor } from '@tantieme/money/amount';
import { compareText } from '../deal/occurrence.js';
import { areSameClaims, claimedLine } from '../earn/budget.js';
import type { BudgetClaim } from '../earn/budget.js';
import { earnComponent } from '../earn/component-earnings.js';
import type { ComponentLine } from '../earn/component-earnings.js';
import { rulesOf } from '../earn/component-rules.js';
import type { PlanByHash } from '../earn/component-rules.js';
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

// ── Components that are earned as a whole ───────────────────────────────────────────────────────────────────────────

export interface FullResults {
  readonly shifts: readonly Shift[];
  /** By component. */
  readonly account: ReadonlyMap<string, readonly PayeeLevelLine[]>;
  readonly claims: readonly DealClaims[];
  readonly missingQuotas: readonly DealMissingQuotas[];
}

export const NO_FULL_RESULTS: FullResults = { shifts: [], account: new Map(), claims: [], missingQuotas: [] };

export function fullModeComponents(
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
export function recalculate(
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
