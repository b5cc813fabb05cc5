/**
 * The whole calculation at once: deals, plan versions and payee terms in, every payee's lines out. `tantieme plan
 * test`, what-if and replay call it; the services calculate the same stream by stream.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { parseMinor } from '@tantieme/money/amount';
import { NO_PAYEE_TERMS } from './payee-terms.js';
import type { PayeeTerms } from './payee-terms.js';
import { guaranteesAndDraws } from './payee-earnings.js';
import type { PeriodEarning } from './payee-earnings.js';
import { grantBudget, grantedOf } from './budget.js';
import { earnComponent, holdGranted } from './component-earnings.js';
import type { PlanByVersion } from './component-rules.js';
import type { PayeeLevelLine } from './payee-level-line.js';
import type { ComponentLine } from './component-earnings.js';
import { creditDeal } from '../credit/credit.js';
import type { Pending } from '../credit/pending.js';
import type { CreditLookup } from '../credit/lookup.js';
import { lineKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { dealKey } from '../deal/deal.js';
import type { Deal } from '../deal/deal.js';
import { EngineError } from '../engine-error.js';
import type { CompiledPlan } from '../plan/compiled.js';
import type { PlanVersion } from '../plan/history.js';
import { compareLines } from '../measure/canonical-order.js';
import type { Trace } from '../rate/trace.js';
import type { Rated } from '../rate/rate.js';

export interface Facts {
  readonly deals: readonly Deal[];
  /** All versions of one plan. */
  readonly versions: readonly PlanVersion[];
  readonly lookup: CreditLookup;
  /** Default: no agreements, quotas or closings. */
  readonly payeeTermsOf?: ((payee: string) => PayeeTerms) | undefined;
  /** Payees to calculate even without a credited line: they may have a guarantee or a draw. */
  readonly payees?: readonly string[] | undefined;
}

export interface CalculatedLine {
  readonly payee: string;
  /** `source|id`; empty for a payee-level line. */
  readonly deal: string;
  readonly component: string;
  /** The credited line, or the kind of a payee-level line. */
  readonly line: CreditLine | PayeeLevelLine['kind'];
  /** Period of origin. */
  readonly period: string;
  readonly amountMinor: bigint;
  readonly trace: () => Trace;
}

export interface Calculated {
  /** By payee, then deal, then the canonical order of a deal's lines. */
  readonly lines: readonly CalculatedLine[];
  /** What could not be calculated, and why. */
  readonly pending: readonly (Pending & { readonly deal: string })[];
}

/** @throws {EngineError} for credits that contradict each other. Bad deal data makes the deal pending instead. */
export function calculate({
  deals,
  versions,
  lookup,
  payeeTermsOf = () => NO_PAYEE_TERMS,
  payees = [],
}: Facts): Calculated {
  const pending: (Pending & { deal: string })[] = [];
  const byPayee = new Map<string, Entry[]>();
  for (const deal of deals) {
    const key = dealKey(deal);
    const credited = creditDeal(deal, versions, lookup);
    for (const one of credited.pending) pending.push({ ...one, deal: key });
    for (const { payee, lines } of credited.credits) {
      let own = byPayee.get(payee);
      if (own === undefined) byPayee.set(payee, (own = []));
      for (const line of lines) own.push({ payee, deal: key, key: lineKey(line), line, rated: undefined });
    }
  }
  const plans = plansOf(versions);
  const entries = [...byPayee.values()].flat();
  const payeeLevelLines: { payee: string; line: PayeeLevelLine }[] = [];
  const earn = (some: readonly Entry[]): void => {
    for (const [payee, own] of groupBy(some, ({ payee: of }) => of))
      for (const [, lines] of groupBy(own, ({ line }) => line.component)) {
        const given = lines.map((entry) => componentLine(entry, directByKey, plans));
        const { rated, deferred } = earnComponent(given, payeeTermsOf(payee), plans);
        lines.forEach((entry, index) => (entry.rated = rated[index]));
        payeeLevelLines.push(...deferred.map((line) => ({ payee, line })));
      }
  };
  const directByKey = new Map<string, Entry>();
  const ofEarning = entries.filter(({ line }) => overridesEarning(line, plans));
  const direct = entries.filter(({ line }) => !overridesEarning(line, plans));
  earn(direct);
  for (const own of applyBudgets(direct, plans)) {
    const given = own.map((entry) => componentLine(entry, directByKey, plans));
    const rated = own.map((entry) => entry.rated ?? NOTHING);
    const held = holdGranted(given, rated, payeeTermsOf(own[0]?.payee ?? ''), plans);
    own.forEach((entry, index) => (entry.rated = held[index]));
  }
  for (const entry of direct) directByKey.set(`${entry.payee}\n${entry.deal}\n${entry.key}`, entry);
  earn(ofEarning);
  for (const payee of payees) if (!byPayee.has(payee)) byPayee.set(payee, []);
  for (const [payee, own] of byPayee) {
    const earnings = own.filter(isEarning).map(periodEarning);
    for (const { payee: of, line } of payeeLevelLines)
      if (of === payee)
        earnings.push({ component: line.component, period: line.period, amountMinor: line.amountMinor });
    for (const line of guaranteesAndDraws(earnings, payeeTermsOf(payee), plans)) payeeLevelLines.push({ payee, line });
  }
  const lines = entries.map(({ payee, deal, line, rated }): CalculatedLine => {
    const trace = rated?.trace;
    if (rated === undefined || trace === undefined)
      throw new EngineError('CreditInvalid', `line ${lineKey(line)} of deal ${deal} was not rated`);
    return { payee, deal, component: line.component, line, period: line.period, amountMinor: rated.amountMinor, trace };
  });
  for (const { payee, line } of payeeLevelLines)
    lines.push({
      payee,
      deal: '',
      component: line.component,
      line: line.kind,
      period: line.period,
      amountMinor: line.amountMinor,
      trace: line.trace,
    });
  return { lines: lines.sort(compareCalculated), pending: pending };
}

interface Entry {
  readonly payee: string;
  readonly deal: string;
  readonly key: string;
  readonly line: CreditLine;
  rated: Rated | undefined;
}

function plansOf(versions: readonly PlanVersion[]): PlanByVersion {
  const byVersion = new Map<string, CompiledPlan>(versions.map(({ plan }) => [plan.version, plan]));
  return {
    plan(version) {
      const plan = byVersion.get(version);
      if (plan === undefined) throw new EngineError('PlanUnknown', `there is no version ${version} of a plan`);
      return plan;
    },
  };
}

function overridesEarning(line: CreditLine, plans: PlanByVersion): boolean {
  const credit = plans.plan(line.planVersion).componentById.get(line.component)?.credit;
  return credit?.kind === 'override' && credit.of === 'earning';
}

/** The line with its basis: its own, or the child's earning. */
function componentLine(
  { deal, key, line }: Entry,
  children: ReadonlyMap<string, Entry>,
  plans: PlanByVersion,
): ComponentLine {
  const { decimals } = plans.plan(line.planVersion);
  const { child, ...own } = line;
  if (!overridesEarning(line, plans) || child === undefined)
    return { deal, key, line, basisMinor: parseMinor(line.basis, decimals) };
  const childKey = lineKey({ ...own, component: child.component });
  const earned = children.get(`${child.payee}\n${deal}\n${childKey}`);
  return { deal, key, line, basisMinor: earned?.rated?.amountMinor ?? 0n };
}

const NOTHING: Rated = { amountMinor: 0n, trace: () => ({ rate: 'barred', target: 'budget' }) };

/**
 * Grants what all payees claim of each component's budget, in canonical order.
 * @returns by payee and component, the lines whose reserves and releases have to be calculated again
 */
function applyBudgets(entries: readonly Entry[], plans: PlanByVersion): readonly (readonly Entry[])[] {
  const toHold: Entry[][] = [];
  const claims = entries.filter(
    ({ line }) => plans.plan(line.planVersion).componentById.get(line.component)?.budgetMinor !== undefined,
  );
  for (const [component, own] of groupBy(claims, ({ line }) => line.component)) {
    const ordered = own
      .filter(isEarning)
      .map((entry) => ({ ...entry, entry, basisMinor: 0n }))
      .sort((left, right) => compareLines(left, right) || compareText(left.payee, right.payee));
    const last = ordered.at(-1);
    if (last === undefined) continue;
    const plan = plans.plan(last.line.planVersion);
    const budgetMinor = plan.componentById.get(component)?.budgetMinor ?? 0n;
    const granted = grantBudget(
      budgetMinor,
      ordered.map(({ entry }) => ({ amountMinor: entry.rated?.amountMinor ?? 0n })),
    );
    ordered.forEach(({ entry }, index) => {
      if (entry.rated !== undefined)
        entry.rated = grantedOf(entry.rated, granted[index] ?? 0n, budgetMinor, plan.decimals);
    });
    if (own.some((entry) => !isEarning(entry))) toHold.push(...groupBy(own, ({ payee }) => payee).values());
  }
  return toHold;
}

function isEarning({ line }: Entry): boolean {
  return line.reserves !== true && line.releases === undefined;
}

function periodEarning({ line, rated }: Entry): PeriodEarning {
  return { component: line.component, period: line.period, amountMinor: rated?.amountMinor ?? 0n };
}

function compareCalculated(left: CalculatedLine, right: CalculatedLine): number {
  return (
    compareText(left.payee, right.payee) ||
    compareText(left.deal, right.deal) ||
    (typeof left.line === 'string' || typeof right.line === 'string'
      ? compareText(left.period, right.period)
      : compareText(left.line.at, right.line.at) || compareText(lineKey(left.line), lineKey(right.line)))
  );
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
