/**
 * Stage 4, earn: all lines of one payee under one plan, and what a change of a deal's credit, of what a child earns, or of
 * what is known of the payee changes among them. A line that stands alone costs itself; one in a measurement whose curve is
 * fixed costs O(log n) and the lines that really change. A component whose lines depend on each other in other ways (a rate
 * that depends on the total or on another window, a limit, an average) is earned anew from all lines within the scope of the change.
 */
import { formatMinor } from '@tantieme/money/amount';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { compareText } from '../deal/occurrence.js';
import type { GrantedLine } from '../earn/budget.js';
import { ofTeam } from '../earn/component-earnings.js';
import { isSale, isTeams, rulesOf } from '../earn/component-rules.js';
import type { PlanByHash } from '../earn/component-rules.js';
import type { PayeeTerms } from '../earn/payee-terms.js';
import { EngineError } from '../engine-error.js';
import { rateAlone } from '../rate/rate.js';
import { measuredBasis } from './basis.js';
import { dependsOn, rateDependents } from './dependents.js';
import type { Draft, Shift } from './draft.js';
import { measure } from './measurements.js';
import { payeeLevelDraft, planWideDraft } from './payee-level-draft.js';
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
