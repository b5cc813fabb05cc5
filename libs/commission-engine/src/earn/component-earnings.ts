/**
 * Everything a payee earns with one component, from all of its credited lines: measure → rate → returns → limit →
 * budget → hold. This is the definition, calculated from scratch; the incremental calculation must equal it.
 */
import { previousPeriod, sameWindowLastYear, windowOfPeriod } from '@tantieme/time/calendar/periods';
import { addMonths } from '@tantieme/time/day';
import { dayAt } from '@tantieme/time/time-zone';
import { formatMinor } from '@tantieme/money/amount';
import type { Rate } from '@tantieme/money/decimal';
import { divideRounded } from '@tantieme/money/rounding';
import { formatInstant, parseInstant } from '@tantieme/time/instant';
import { originalKey, reservedKey } from '../credit/credit-line.js';
import type { CreditLine } from '../credit/credit-line.js';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledLimit, CompiledPlan } from '../plan/compiled.js';
import { compareLines } from '../measure/canonical-order.js';
import type { MeasuredLine } from '../measure/canonical-order.js';
import { countedTotal, curveOf, isBarred, isMeasured, tierReached } from '../plan/curve.js';
import type { Curve, RatingContext } from '../plan/curve.js';
import {
  bandOf,
  bandedReturn,
  barred,
  rateAlone,
  rateMeasured,
  rateRelease,
  rateReserve,
  rateReturn,
} from '../rate/rate.js';
import type { Rated } from '../rate/rate.js';
import { grantedOf } from './budget.js';
import { heldShareOf, isOfEarning, isRerated, isSale, isTeams, rulesOf } from './component-rules.js';
import type { PlanByVersion, Rules } from './component-rules.js';
import { deferredLines } from './deferred.js';
import type { LimitedWindow } from './deferred.js';
import type { PayeeLevelLine } from './payee-level-line.js';
import { endOfAgreement, quotaIn, shareOfDays } from './payee-terms.js';
import type { PayeeTerms } from './payee-terms.js';

/** A credited line, identified by `deal` and `key` (its `lineKey`). */
export interface ComponentLine {
  readonly deal: string;
  readonly key: string;
  readonly line: CreditLine;
  /** The line's basis in minor units; for an override of earnings, the child's earning. */
  readonly basisMinor: bigint;
}

export interface ComponentEarnings {
  /** In the order of the given lines. */
  readonly rated: readonly Rated[];
  readonly deferred: readonly PayeeLevelLine[];
  /**
   * What each line claims of a budget, in the order of the lines; undefined for lines without one. Empty if no grants
   * were given.
   */
  readonly claims: readonly (bigint | undefined)[];
  /** Index of a line → its window, where the window's quota is missing. Such lines earn nothing until it is set. */
  readonly missingQuotas: ReadonlyMap<number, string>;
}

interface Sale extends MeasuredLine {
  readonly key: string;
  readonly index: number;
  readonly rules: Rules;
  readonly returns: Return[];
}

interface Return {
  readonly entry: ComponentLine;
  readonly index: number;
}

interface Window {
  /** `2026-Q1`, `rolling`, or `deal source|id`. */
  readonly name: string;
  readonly sales: Sale[];
  /** The measurement's total, less re-rated returns. */
  totalMinor: bigint;
}

/** What budgets have granted a line, in minor units. */
export type GrantOf = (line: ComponentLine) => bigint;

/**
 * @param lines all lines of one payee and component
 * @param grantOf without it, lines earn all that they claim
 * @throws {EngineError} `CreditInvalid`, `PlanUnknown`
 */
export function earnComponent(
  lines: readonly ComponentLine[],
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
  grantOf?: GrantOf,
): ComponentEarnings {
  const work = new ComponentWork(lines, payeeTerms, plans);
  return work.run(grantOf);
}

/** Recalculates reserves and releases after a budget has changed what lines earn. @param rated what each line earns */
export function holdGranted(
  lines: readonly ComponentLine[],
  rated: readonly Rated[],
  payeeTerms: PayeeTerms,
  plans: PlanByVersion,
): readonly Rated[] {
  return new ComponentWork(lines, payeeTerms, plans).hold(rated);
}

class ComponentWork {
  private readonly rated: Rated[] = [];
  private readonly rules: readonly Rules[];
  private readonly sales = new Map<string, Sale>();
  private readonly windows = new Map<string, Window>();
  private readonly missingQuotas = new Map<number, string>();

  constructor(
    private readonly lines: readonly ComponentLine[],
    private readonly payeeTerms: PayeeTerms,
    private readonly plans: PlanByVersion,
  ) {
    this.rules = lines.map(({ line }) => rulesOf(line, plans));
  }

  run(grantOf: GrantOf | undefined): ComponentEarnings {
    this.openWindows();
    for (const window of this.windows.values()) {
      this.rateWindow(window);
      this.rateReturns(window);
    }
    const deferred = this.limit();
    const claims = grantOf === undefined ? [] : this.applyGrants(grantOf);
    this.holdBack();
    return { rated: this.rated, deferred, claims, missingQuotas: this.missingQuotas };
  }

  hold(rated: readonly Rated[]): readonly Rated[] {
    this.openWindows();
    this.rated.push(...rated);
    this.holdBack();
    return this.rated;
  }

  private rulesAt(index: number): Rules {
    const rules = this.rules[index];
    if (rules === undefined) throw new EngineError('CreditInvalid', `there is no line at index ${index}`);
    return rules;
  }

  private amountAt(index: number): bigint {
    return this.rated[index]?.amountMinor ?? 0n;
  }

  // ── Measure
  // ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private openWindows(): void {
    this.lines.forEach((entry, index) => {
      const rules = this.rulesAt(index);
      if (!isSale(entry.line, rules.component)) return;
      const { deal, key, line, basisMinor } = entry;
      this.sales.set(`${deal}\n${key}`, { deal, key, line, basisMinor, index, rules, returns: [] });
    });
    this.lines.forEach((entry, index) => {
      const { reverses } = entry.line;
      if (reverses === undefined || entry.line.reserves === true || isSale(entry.line, this.rulesAt(index).component))
        return;
      this.originalOf(entry, reverses).returns.push({ entry, index });
    });
    for (const sale of this.sales.values()) {
      sale.returns.sort((left, right) => compareLines(left.entry, right.entry));
      const measured = isRerated(sale.rules.component) ? lessReturns(sale) : sale;
      const name = measured.line.window === 'deal' ? `deal ${measured.deal}` : measured.line.window;
      const window = this.windows.get(name) ?? { name, sales: [], totalMinor: 0n };
      this.windows.set(name, window);
      window.sales.push(measured);
      window.totalMinor += measured.basisMinor;
    }
    for (const { sales } of this.windows.values()) sales.sort(compareLines);
  }

  private originalOf({ deal, key, line }: ComponentLine, reference: { readonly occurrence: string }): Sale {
    const original = this.sales.get(`${deal}\n${originalKey(line, reference)}`);
    if (original === undefined)
      throw new EngineError('CreditInvalid', `line ${key} of deal ${deal} refers to a line that does not exist`);
    return original;
  }

  // ── Rate
  // ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private rateWindow(window: Window): void {
    let beforeMinor = 0n;
    let oldest = 0;
    const curves = new Map<CompiledComponent, { curve: Curve | undefined; context: RatingContext } | undefined>();
    for (const sale of window.sales) {
      const { plan, component } = sale.rules;
      const { over } = component.measure;
      if (!isMeasured(component)) {
        this.rated[sale.index] = isTeams(sale.line, component)
          ? teamLine()
          : rateAlone(plan, component, sale.line, sale.basisMinor);
        continue;
      }
      if (typeof over === 'object') {
        const since = rollingStart(sale.line.at, over.rollingMonths);
        for (; (window.sales[oldest]?.line.at ?? sale.line.at) <= since; oldest++)
          beforeMinor -= window.sales[oldest]?.basisMinor ?? 0n;
        curves.clear();
      }
      if (!curves.has(component)) {
        const totalMinor = typeof over === 'object' ? beforeMinor + sale.basisMinor : window.totalMinor;
        const context = this.ratingContextOf(sale.rules, window, totalMinor);
        curves.set(
          component,
          context && { curve: standsAlone(component) ? undefined : curveOf(component, context), context },
        );
      }
      const found = curves.get(component);
      if (isTeams(sale.line, component)) this.rated[sale.index] = teamLine();
      else if (found === undefined) {
        this.rated[sale.index] = missingQuota();
        this.missingQuotas.set(sale.index, window.name);
      } else if (standsAlone(component))
        this.rated[sale.index] = isBarred(component, found.context)
          ? barred(plan, component, found.context)
          : rateAlone(plan, component, sale.line, sale.basisMinor);
      else
        this.rated[sale.index] = rateMeasured(
          plan,
          component,
          component.rate.kind === 'matrix' ? curveOf(component, found.context, sale.line.rule) : found.curve,
          found.context,
          sale.basisMinor,
          beforeMinor,
        );
      beforeMinor += sale.basisMinor;
    }
  }

  /** Undefined where the component's quota is missing. */
  private ratingContextOf({ plan, component }: Rules, { name }: Window, totalMinor: bigint): RatingContext | undefined {
    const { id, measure, rate } = component;
    const { calendar, decimals } = plan;
    let quota: Rate | undefined;
    if (measure.quota === 'fact') {
      quota = quotaIn(this.payeeTerms, id, calendar, name, decimals);
      if (quota === undefined) return undefined;
    } else if (measure.quota !== undefined) quota = { numerator: measure.quota.fixedMinor, denominator: 1n };
    return {
      totalMinor,
      quota,
      ...this.windowContextOf({ plan, component }, name),
      laggedTier: rate.kind === 'lagged' ? this.laggedTier({ plan, component }, rate, name) : undefined,
    };
  }

  /** The context of a window apart from its own total: last year's total, and the covered share of its days. */
  private windowContextOf({ plan, component }: Rules, name: string): Pick<RatingContext, 'baselineMinor' | 'share'> {
    const { measure, gate } = component;
    const { calendar } = plan;
    const needsLastYear = measure.above === 'last-year' || gate?.of === 'growth';
    return {
      baselineMinor: needsLastYear
        ? (this.windows.get(sameWindowLastYear(calendar, name))?.totalMinor ?? 0n)
        : undefined,
      share: measure.prorate ? shareOfDays(this.payeeTerms, calendar, name) : undefined,
    };
  }

  /** The tier that the previous window reached: as its closing recorded it, or as it is now. */
  private laggedTier(
    { plan, component }: Rules,
    { tiers, frozen }: Extract<CompiledComponent['rate'], { readonly kind: 'lagged' }>,
    window: string,
  ): number {
    const before = previousPeriod(plan.calendar, window);
    const recorded = frozen ? this.payeeTerms.reachedTiers[`${component.id} ${before}`] : undefined;
    if (recorded !== undefined) return recorded;
    const totalMinor = this.windows.get(before)?.totalMinor ?? 0n;
    const context = { totalMinor, ...this.windowContextOf({ plan, component }, before) };
    return tierReached(tiers, countedTotal(component, context), context.share);
  }

  // ── Returns
  // ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private rateReturns(window: Window): void {
    const byAverage = window.sales.filter((sale) => policyOf(sale) === 'average');
    if (byAverage.some(({ returns }) => returns.length > 0)) this.rateAverage(byAverage);
    for (const sale of window.sales) {
      const { plan, component } = sale.rules;
      const policy = policyOf(sale);
      for (const { entry, index } of sale.returns) {
        const { reverses } = entry.line;
        if (reverses === undefined || policy === 'average') continue;
        if (isOfEarning(component)) this.rated[index] = rateAlone(plan, component, entry.line, entry.basisMinor);
        // A flat amount does not depend on the basis, so re-rating would not reduce it: the return takes back its
        // share.
        else if (policy === 'line' || component.rate.kind === 'flat')
          this.rated[index] = rateReturn(plan, component, reverses, this.amountAt(sale.index));
        // Re-rated returns earn nothing themselves: the sales earn as if what was returned had never been sold.
        else this.rated[index] = bandedReturn(plan, component, reverses, 0n, this.amountAt(sale.index), 're-rate');
      }
    }
    const rerated = window.sales.filter(
      (sale) => policyOf(sale) === 're-rate' && sale.rules.component.rate.kind !== 'flat',
    );
    if (rerated.some(({ returns, rules }) => returns.length > 0 && rules.component.returns.bands !== undefined))
      this.applyBands(window, rerated);
  }

  /**
   * Takes back the returned share of all that the measurement earns. Each return gets a difference of cumulative sums.
   */
  private rateAverage(sales: readonly Sale[]): void {
    const earnedMinor = sales.reduce((sum, { index }) => sum + this.amountAt(index), 0n);
    const soldMinor = sales.reduce((sum, { basisMinor }) => sum + basisMinor, 0n);
    let returnedMinor = 0n;
    for (const { sale, entry, index } of returnsInOrder(sales)) {
      const { plan, component } = sale.rules;
      const { reverses } = entry.line;
      if (reverses === undefined) continue;
      const upTo = (minor: bigint) =>
        soldMinor === 0n ? 0n : divideRounded(earnedMinor * minor, soldMinor, plan.rounding);
      const before = upTo(returnedMinor);
      returnedMinor -= entry.basisMinor;
      this.rated[index] = bandedReturn(plan, component, reverses, before - upTo(returnedMinor), earnedMinor, 'average');
    }
  }

  /**
   * Bands take a share of what re-rating would take. For each return in canonical order, calculates what the
   * measurement loses by it, and gives back the share that the band does not take, in the return's line.
   */
  private applyBands(window: Window, sales: readonly Sale[]): void {
    const basisBySale = new Map(sales.map((sale) => [sale.key + sale.deal, this.lines[sale.index]?.basisMinor ?? 0n]));
    const earningsWith = (bases: ReadonlyMap<string, bigint>): bigint => {
      const trial = new ComponentWork(this.lines, this.payeeTerms, this.plans);
      for (const [name, { sales: others }] of this.windows)
        trial.windows.set(name, { name, sales: others.slice(), totalMinor: 0n });
      const own = trial.windows.get(window.name);
      if (own === undefined) return 0n;
      for (const one of trial.windows.values()) {
        one.sales.forEach((sale, at) => {
          const basisMinor = one === own ? (bases.get(sale.key + sale.deal) ?? sale.basisMinor) : sale.basisMinor;
          one.sales[at] = { ...sale, basisMinor };
          one.totalMinor += basisMinor;
        });
      }
      trial.rateWindow(own);
      return own.sales.reduce((sum, { index }) => sum + trial.amountAt(index), 0n);
    };
    let before = earningsWith(basisBySale);
    for (const { sale, entry, index } of returnsInOrder(sales)) {
      const { plan, component } = sale.rules;
      const { reverses } = entry.line;
      if (reverses === undefined) continue;
      const name = sale.key + sale.deal;
      basisBySale.set(name, (basisBySale.get(name) ?? 0n) + entry.basisMinor);
      const now = earningsWith(basisBySale);
      const lostMinor = before - now;
      before = now;
      if (bandOf(component, reverses) === undefined) continue;
      const banded = bandedReturn(plan, component, reverses, -lostMinor, lostMinor, 're-rate');
      this.rated[index] = { amountMinor: lostMinor + banded.amountMinor, trace: banded.trace };
    }
  }

  // ── Limit
  // ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  private limit(): readonly PayeeLevelLine[] {
    const scopes = new Map<string, { limit: CompiledLimit; plan: CompiledPlan; lines: MeasuredEntry[] }>();
    const add = (index: number, original: Sale | undefined) => {
      const entry = this.lines[index];
      const { plan, component } = this.rulesAt(index);
      const { limit } = component;
      if (entry === undefined || limit === undefined) return;
      const { line } = original ?? entry;
      const scope =
        limit.per === 'deal'
          ? entry.deal
          : limit.per === 'period'
            ? line.period
            : windowOfPeriod(plan.calendar, limit.per, line.period);
      const found = scopes.get(scope) ?? { limit, plan, lines: [] };
      scopes.set(scope, found);
      found.lines.push({ ...entry, index, original });
    };
    for (const { index, returns } of this.sales.values()) {
      add(index, undefined);
      const sale = this.sales.get(`${this.lines[index]?.deal ?? ''}\n${this.lines[index]?.key ?? ''}`);
      for (const one of returns) add(one.index, sale);
    }
    const deferring = new Map<string, LimitedWindow>();
    for (const [scope, { limit, plan, lines }] of scopes) {
      const earnedMinor = this.limitScope(limit, plan, lines.sort(compareLines));
      if (limit.excess === 'deferred') deferring.set(scope, { limit, plan, earnedMinor });
    }
    const component = this.lines[0]?.line.component ?? '';
    return deferring.size === 0 ? [] : deferredLines(component, deferring, this.payeeTerms);
  }

  /**
   * Caps the running total: each line earns what it adds to `min(cap, total)`. @returns what was earned in the scope,
   * before the limit
   */
  private limitScope(limit: CompiledLimit, plan: CompiledPlan, lines: readonly MeasuredEntry[]): bigint {
    const capped = (minor: bigint) => (minor < limit.minor ? minor : limit.minor);
    let earnedMinor = 0n;
    const spent = limit.headroom === 'spent' ? lines.filter(({ original }) => original !== undefined) : [];
    for (const { index, original } of lines) {
      const rated = this.rated[index];
      if (rated === undefined || (original !== undefined && spent.length > 0)) continue;
      const beforeMinor = earnedMinor;
      earnedMinor += rated.amountMinor;
      const amountMinor = capped(earnedMinor) - capped(beforeMinor);
      if (amountMinor === rated.amountMinor) continue;
      const money = (minor: bigint) => formatMinor(minor, plan.decimals);
      this.rated[index] = {
        amountMinor,
        trace: () => ({
          ...rated.trace(),
          limit: {
            per: limit.per,
            cap: money(limit.minor),
            before: money(beforeMinor),
            earned: money(rated.amountMinor),
          },
        }),
      };
    }
    // With `headroom: spent`, a return takes its share of the capped amount and frees no room under the cap.
    for (const { index, original, line } of spent)
      if (original !== undefined && line.reverses !== undefined && policyOf(original) === 'line')
        this.rated[index] = rateReturn(
          plan,
          this.rulesAt(index).component,
          line.reverses,
          this.amountAt(original.index),
        );
    return earnedMinor;
  }

  // ── Budget
  // ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Replaces the claim of each line on a budget by what the budget granted. @returns the claims */
  private applyGrants(grantOf: GrantOf): readonly (bigint | undefined)[] {
    return this.lines.map((entry, index) => {
      const { plan, component } = this.rulesAt(index);
      const rated = this.rated[index];
      if (component.budgetMinor === undefined || rated === undefined) return undefined;
      this.rated[index] = grantedOf(rated, grantOf(entry), component.budgetMinor, plan.decimals);
      return rated.amountMinor;
    });
  }

  // ── Hold
  // ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private holdBack(): void {
    const indexes = new Map(this.lines.map(({ deal, key }, index) => [`${deal}\n${key}`, index]));
    const held = new Map<string, bigint>();
    this.lines.forEach((entry, index) => {
      if (entry.line.reserves !== true) return;
      const rules = this.rulesAt(index);
      const reserved = indexes.get(`${entry.deal}\n${reservedKey(entry.line)}`) ?? -1;
      const rated = rateReserve(rules.plan, heldShareOf(rules, entry.line), this.amountAt(reserved));
      this.rated[index] = rated;
      const original = `${entry.deal}\n${this.originalOf(entry, entry.line.reverses ?? entry.line).key}`;
      held.set(original, (held.get(original) ?? 0n) - rated.amountMinor);
    });
    const end = endOfAgreement(this.payeeTerms);
    this.lines.forEach((entry, index) => {
      const { releases } = entry.line;
      if (releases === undefined) return;
      const { plan } = this.rulesAt(index);
      const heldMinor = held.get(`${entry.deal}\n${this.originalOf(entry, releases).key}`) ?? 0n;
      const isForfeit =
        plan.ends.held === 'forfeit' &&
        end !== undefined &&
        dayAt(plan.calendar.timeZone, parseInstant(entry.line.at)) >= end;
      this.rated[index] = rateRelease(plan, releases, isForfeit ? 0n : heldMinor);
    });
  }
}

interface MeasuredEntry extends ComponentLine {
  readonly index: number;
  readonly original: Sale | undefined;
}

/** Without a measurement, `average` and `re-rate` are the same as `line`. */
function policyOf({ rules: { component } }: Sale): 'line' | 'average' | 're-rate' | 'none' {
  const { policy, window } = component.returns;
  if (policy === 'none' || !isMeasured(component)) return policy === 'none' ? 'none' : 'line';
  return window === 'current' ? 'line' : policy;
}

/**
 * True where lines are rated one by one and the measurement only decides whether they are barred: flat amounts, and a
 * matrix unless only what lies above a gate or baseline counts.
 */
function standsAlone({ rate, gate, measure }: CompiledComponent): boolean {
  if (rate.kind === 'flat') return true;
  return rate.kind === 'matrix' && gate?.from !== 'above' && measure.above === undefined;
}

function lessReturns(sale: Sale): Sale {
  return { ...sale, basisMinor: sale.returns.reduce((sum, { entry }) => sum + entry.basisMinor, sale.basisMinor) };
}

function returnsInOrder(sales: readonly Sale[]): readonly (Return & { readonly sale: Sale })[] {
  return sales
    .flatMap((sale) => sale.returns.map((one) => ({ ...one, sale })))
    .sort((left, right) => compareLines(left.entry, right.entry));
}

export function teamLine(): Rated {
  return { amountMinor: 0n, trace: () => ({ rate: 'barred', target: 'team' }) };
}

function missingQuota(): Rated {
  return { amountMinor: 0n, trace: () => ({ rate: 'barred', target: 'quota' }) };
}

/** Lines at or before this instant have left the rolling window that ends with the line. */
function rollingStart(at: string, months: number): string {
  const day = addMonths(at.slice(0, 10), -months);
  return formatInstant(parseInstant(`${day}${at.slice(10)}`));
}
