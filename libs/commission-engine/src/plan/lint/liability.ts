/** Findings about what a plan may cost: costs without a bound, lines with several payees, floors above limits. */
import { addRates, compareRates, multiplyRates, ONE, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import type { Report } from './codes.js';
import type { LineSharing } from './conditions.js';
import { isCurved, measured, money, ComponentPay, percent, roundedOf, shareOf, units } from './pay.js';
import type { CompiledComponent, CompiledPlan } from '../compiled.js';
import type { PlanDocument } from '../document.js';

export function lintLiability(document: PlanDocument, plan: CompiledPlan, sharing: LineSharing, report: Report): void {
  plan.components.forEach((component, index) => {
    const path = `/components/${index}`;
    unbounded(plan, component, path, report);
    newPartners(plan, component, path, report);
    outlivedBudget(plan, component, path, report);
    if (component.limit?.excess === 'deferred' && document.ends?.deferred === undefined) {
      const cap = component.limit.minor;
      report(
        'DeferredWithoutEnd',
        `${path}/limit/excess`,
        `excess is deferred: of ${money(plan, 2n * cap)} earned in the last window before the agreement ends, ${money(plan, cap)} are paid and ${money(plan, cap)} lapse; write ends: { deferred: lapse } if this is intended, or deferred: pay`,
      );
    }
  });
  aboveWhole(plan, sharing, report);
  advances(plan, report);
  floors(plan, report);
}

// ── Without a bound ────────────────────────────────────────────────────────────────────────────────────────────────

function unbounded(plan: CompiledPlan, component: CompiledComponent, path: string, report: Report): void {
  const { rate, limit, budgetMinor, credit } = component;
  if (budgetMinor !== undefined || (limit !== undefined && limit.per !== 'deal')) return;
  const words = (minor: bigint) => measured(plan, component, minor);
  if (rate.kind === 'flat' && rate.per !== 'unit') {
    // A limit per deal bounds its lines, and an expression may require a minimum amount.
    if (limit !== undefined && rate.per === 'line') return;
    if (credit.expressions.some(({ text }) => /\bline\.(?:net|gross|quantity)\b/.test(text))) return;
    const flatMinor = shareOf(plan, units(plan, 1n), rate.amount);
    const hundred = rate.per === 'deal' ? '100 deals of' : 'a deal of 100 lines of';
    report(
      'LiabilityUnbounded',
      `${path}/rate/flat`,
      `a ${rate.per} below ${money(plan, flatMinor)} costs more than it brings in: ${hundred} ${money(plan, units(plan, 1n))} each ${rate.per === 'deal' ? 'cost' : 'costs'} ${money(plan, 100n * flatMinor)} for sales of ${money(plan, units(plan, 100n))}`,
    );
  }
  if (rate.kind === 'accelerator' && limit === undefined) {
    const top = rate.bands.at(-1);
    const last = rate.bands.at(-2)?.until ?? ZERO;
    if (top === undefined || compareRates(top.rate, ONE) <= 0) return;
    const pay = new ComponentPay(plan, component);
    const quota = pay.quota();
    const twice = multiplyRates(quota, addRates(last, last.numerator === 0n ? ONE : last));
    const totalMinor = twice.numerator / twice.denominator;
    const atBase = roundedOf(plan, multiplyRates({ numerator: totalMinor, denominator: 1n }, rate.base));
    const ofQuota = component.measure.quota === 'fact' ? ` with a quota of ${words(quota.numerator)}` : '';
    report(
      'LiabilityUnbounded',
      `${path}/rate/accelerator/bands/${rate.bands.length - 1}`,
      `above ${percent(last)} of the quota, every further ${money(plan, units(plan, 100n))} pays ${money(plan, shareOf(plan, units(plan, 100n), multiplyRates(rate.base, top.rate)))} without a limit: ${words(totalMinor)}${ofQuota} pay ${money(plan, pay.rounded(totalMinor))}, but ${money(plan, atBase)} at the base rate`,
    );
  }
  if (rate.kind === 'stepped' && limit === undefined && rate.payMinor > rate.everyMinor)
    if (credit.kind === 'direct' && credit.basis !== 'quantity')
      report(
        'LiabilityUnbounded',
        `${path}/rate/stepped/pay`,
        `a step pays more than its own size: ${words(10n * rate.everyMinor)} pay ${money(plan, 10n * rate.payMinor)}`,
      );
}

/** A baseline of last year for partners who sold nothing then. */
function newPartners(plan: CompiledPlan, component: CompiledComponent, path: string, report: Report): void {
  const { measure, gate, limit, budgetMinor, credit, rate } = component;
  if (measure.above !== 'last-year' && gate?.of !== 'growth') return;
  const isRestricted = credit.where.some(
    ({ subject, name }) => subject === 'partner' && name !== 'channel' && name !== 'country',
  );
  if (limit !== undefined || budgetMinor !== undefined || isRestricted || credit.expressions.length > 0) return;
  const sold = units(plan, 100_000n);
  const pays = isCurved(rate)
    ? `is paid ${money(plan, new ComponentPay(plan, component).rounded(sold))} for ${measured(plan, component, sold)}`
    : `meets the target with the first ${measured(plan, component, 1n)}`;
  report(
    'BaselineOfNewPartners',
    measure.above === 'last-year' ? `${path}/measure/above` : `${path}/gate/growth`,
    `a partner without sales last year ${pays}, as its baseline is 0`,
  );
}

function outlivedBudget(plan: CompiledPlan, component: CompiledComponent, path: string, report: Report): void {
  const { credit, rate } = component;
  if (credit.kind !== 'override' || credit.of === 'earning') return;
  [...credit.override].forEach((id, at) => {
    const child = plan.componentById.get(id);
    if (child?.budgetMinor === undefined || child.credit.kind !== 'direct') return;
    const spentAt = isCurved(child.rate) ? new ComponentPay(plan, child).reaching(child.budgetMinor) : undefined;
    const line = units(plan, 100n);
    const first = rate.kind === 'levels' ? rate.levels[0]?.rate : credit.rates[0]?.rate;
    report(
      'OverrideOutlivesBudget',
      `${path}/credit/override/${at}`,
      `the budget of "${id}", ${money(plan, child.budgetMinor)}, is spent${spentAt === undefined ? ' at some point' : ` at ${measured(plan, child, spentAt)}`}; after that, ${money(plan, line)} pay 0.00 there and ${money(plan, shareOf(plan, line, first ?? ZERO))} here`,
    );
  });
}

// ── All payees of one line ─────────────────────────────────────────────────────────────────────────────────────────

/** The most that all payees of one line earn on it, from components whose conditions one line can meet. */
function aboveWhole(plan: CompiledPlan, sharing: LineSharing, report: Report): void {
  const direct = plan.components.filter(({ credit }) => credit.kind === 'direct' && credit.basis !== 'quantity');
  for (const anchor of direct) {
    const others = direct
      .filter((one) => one !== anchor && basisOf(one) === basisOf(anchor))
      .sort((left, right) => compareRates(highest(right), highest(left)));
    const together = [anchor];
    for (const one of others) if (together.every((chosen) => sharing.canShare(chosen, one))) together.push(one);
    const paid = together.map((one) => ({ id: one.id, rate: highest(one) }));
    for (const above of plan.components) {
      const rate = overridden(above, together);
      if (rate.numerator > 0n) paid.push({ id: above.id, rate });
    }
    const sum = paid.reduce((total, { rate }) => addRates(total, rate), ZERO);
    // A single rate above the whole is reported at its own place.
    if (compareRates(sum, ONE) <= 0 || paid.some(({ rate }) => compareRates(rate, ONE) > 0)) continue;
    const line = units(plan, 100n);
    const parts = paid.filter(({ rate }) => rate.numerator > 0n);
    const last = Math.max(...parts.map(({ id }) => plan.components.findIndex((one) => one.id === id)));
    report(
      'TotalAboveWhole',
      `/components/${last}`,
      `a line of ${money(plan, line)} pays up to ${money(plan, shareOf(plan, line, sum))}: ${parts.map(({ id, rate }) => `"${id}" ${money(plan, shareOf(plan, line, rate))}`).join(', ')}`,
    );
    return;
  }
}

function basisOf({ credit }: CompiledComponent): string {
  if (credit.kind !== 'direct') return '';
  return credit.basis === 'collected' ? 'net' : credit.basis;
}

function overridden({ credit, rate }: CompiledComponent, children: readonly CompiledComponent[]): Rate {
  if (credit.kind !== 'override') return ZERO;
  return children
    .filter(({ id }) => credit.override.has(id))
    .reduce((total, child) => {
      if (rate.kind !== 'levels') return addRates(total, highestOf(credit.rates.map((one) => one.rate)));
      const levels = rate.levels.reduce((sum, level) => addRates(sum, level.rate), ZERO);
      return addRates(total, credit.of === 'earning' ? multiplyRates(highest(child), levels) : levels);
    }, ZERO);
}

/** The largest share of a line's basis that a component pays; 0 if its pay is not a share of the basis. */
function highest({ rate }: CompiledComponent): Rate {
  switch (rate.kind) {
    case 'percent':
      return rate.rate;
    case 'matrix':
      return highestOf(rate.rules.map((rule) => rule.rate));
    case 'accelerator':
      return multiplyRates(rate.base, highestOf(rate.bands.map((band) => band.rate)));
    case 'flat':
    case 'stepped':
    case 'levels':
    case 'spread':
      return ZERO;
    default:
      return highestOf(rate.tiers.map((tier) => tier.rate));
  }
}

function highestOf(rates: readonly Rate[]): Rate {
  return rates.reduce((most, rate) => (compareRates(rate, most) > 0 ? rate : most), ZERO);
}

// ── Floors ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function advances(plan: CompiledPlan, report: Report): void {
  const { draw, ends } = plan;
  if (draw === undefined || draw.until !== undefined) return;
  const perYear = BigInt(windowsOfYear(plan, 'period'));
  const year = money(plan, draw.minor * perYear);
  const who = 'this draw pays a payee who sells nothing';
  if (!draw.recoverable)
    report(
      'AdvanceWithoutEnd',
      '/draw',
      `${who} ${money(plan, draw.minor)} a period, ${year} a year, and never takes it back`,
    );
  else if (ends.draw === 'forgive')
    report(
      'AdvanceWithoutEnd',
      '/draw',
      `${who} ${money(plan, draw.minor)} a period, and after a year ends.draw: forgive writes off ${year}`,
    );
}

/** A guarantee or draw that is at least what its components can earn. */
function floors(plan: CompiledPlan, report: Report): void {
  const { guarantee, draw } = plan;
  const check = (path: string, minor: bigint, over: string, of: ReadonlySet<string> | undefined): void => {
    let most = 0n;
    for (const component of plan.components) {
      if (of !== undefined && !of.has(component.id)) continue;
      const bound = mostIn(plan, component, over);
      if (bound === undefined) return;
      most += bound;
    }
    if (minor < most || minor === 0n) return;
    report(
      'FloorAboveLimit',
      path,
      `amount is ${money(plan, minor)}, but with their limits the components earn at most ${money(plan, most)} a ${over}; a payee gets ${money(plan, minor)} no matter what is sold`,
    );
  };
  if (guarantee !== undefined) check('/guarantee/amount', guarantee.minor, guarantee.over, guarantee.of);
  if (draw !== undefined) check('/draw/amount', draw.minor, 'period', undefined);
}

/** The most that a component can earn in a window, by its limit; undefined without a limit per window. */
function mostIn(plan: CompiledPlan, { limit }: CompiledComponent, over: string): bigint | undefined {
  if (limit === undefined || limit.per === 'deal') return undefined;
  const [limits, windows] = [windowsOfYear(plan, limit.per), windowsOfYear(plan, over)];
  return limit.minor * BigInt(Math.max(1, Math.ceil(limits / windows)));
}

/** The largest number of windows in a year: a year of weeks may have 53. */
function windowsOfYear({ calendar }: CompiledPlan, over: string): number {
  if (over === 'quarter') return 4;
  if (over === 'half-year') return 2;
  if (over === 'year') return 1;
  return { weekly: 53, biweekly: 27, monthly: 12, quarterly: 4, 'semi-annual': 2, annual: 1 }[calendar.periods];
}
