/** Findings about what a plan may cost: what has no bound, what is paid by several, and what a floor makes of a limit. */
import { addRates, compareRates, multiplyRates, ONE, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import type { Report } from './codes.js';
import type { LineSharing } from './conditions.js';
import { isCurved, measured, money, PayOver, percent, roundedOf, shareOf, units } from './pay.js';
import type { CompiledComponent, CompiledPlan } from '../plan/compiled.js';
import type { PlanDocument } from '../plan/document.js';

export function lintLiability(document: PlanDocument, plan: CompiledPlan, sharing: LineSharing, say: Report): void {
  plan.components.forEach((component, index) => {
    const path = `/components/${index}`;
    unbounded(plan, component, path, say);
    newPartners(plan, component, path, say);
    outlivedBudget(plan, component, path, say);
    if (component.limit?.excess === 'deferred' && document.ends?.deferred === undefined) {
      const cap = component.limit.minor;
      say(
        'DeferredWithoutEnd',
        `${path}/limit/excess`,
        `of ${money(plan, 2n * cap)} earned in the last window before the end, ${money(plan, cap)} are paid and ${money(plan, cap)} lapse; say so with ends: { deferred: lapse }, or pay`,
      );
    }
  });
  aboveWhole(plan, sharing, say);
  advances(plan, say);
  floors(plan, say);
}

// ── Without a bound ─────────────────────────────────────────────────────────────────────────────────────────────────

function unbounded(plan: CompiledPlan, component: CompiledComponent, path: string, say: Report): void {
  const { rate, limit, budgetMinor, credit } = component;
  if (budgetMinor !== undefined || (limit !== undefined && limit.per !== 'deal')) return;
  const words = (minor: bigint) => measured(plan, component, minor);
  if (rate.kind === 'flat' && rate.per !== 'unit') {
    // A limit for each deal bounds its lines, and an expression may ask for enough money in the line.
    if (limit !== undefined && rate.per === 'line') return;
    if (credit.expressions.some(({ text }) => /\bline\.(?:net|gross|quantity)\b/.test(text))) return;
    const flatMinor = shareOf(plan, units(plan, 1n), rate.amount);
    const hundred = rate.per === 'deal' ? '100 deals of' : 'a deal of 100 lines of';
    say(
      'LiabilityUnbounded',
      `${path}/rate/flat`,
      `below ${money(plan, flatMinor)} a ${rate.per} costs more than it brings: ${hundred} ${money(plan, units(plan, 1n))} each costs ${money(plan, 100n * flatMinor)} on ${money(plan, units(plan, 100n))}`,
    );
  }
  if (rate.kind === 'accelerator' && limit === undefined) {
    const top = rate.bands.at(-1);
    const last = rate.bands.at(-2)?.until ?? ZERO;
    if (top === undefined || compareRates(top.rate, ONE) <= 0) return;
    const pay = new PayOver(plan, component);
    const quota = pay.quota();
    const twice = multiplyRates(quota, addRates(last, last.numerator === 0n ? ONE : last));
    const totalMinor = twice.numerator / twice.denominator;
    const atBase = roundedOf(plan, multiplyRates({ numerator: totalMinor, denominator: 1n }, rate.base));
    const ofQuota = component.measure.quota === 'fact' ? ` with a quota of ${words(quota.numerator)}` : '';
    say(
      'LiabilityUnbounded',
      `${path}/rate/accelerator/bands/${rate.bands.length - 1}`,
      `above ${percent(last)} of the quota every further ${money(plan, units(plan, 100n))} pays ${money(plan, shareOf(plan, units(plan, 100n), multiplyRates(rate.base, top.rate)))} without end: ${words(totalMinor)}${ofQuota} pay ${money(plan, pay.rounded(totalMinor))}, ${money(plan, atBase)} at the base rate`,
    );
  }
  if (rate.kind === 'stepped' && limit === undefined && rate.payMinor > rate.everyMinor)
    if (credit.kind === 'direct' && credit.basis !== 'quantity')
      say(
        'LiabilityUnbounded',
        `${path}/rate/stepped/pay`,
        `a step pays more than it is: ${words(10n * rate.everyMinor)} pay ${money(plan, 10n * rate.payMinor)}`,
      );
}

/** A baseline of last year, of a partner who had none. */
function newPartners(plan: CompiledPlan, component: CompiledComponent, path: string, say: Report): void {
  const { measure, gate, limit, budgetMinor, credit, rate } = component;
  if (measure.above !== 'last-year' && gate?.of !== 'growth') return;
  const isRestricted = credit.where.some(
    ({ subject, name }) => subject === 'partner' && name !== 'channel' && name !== 'country',
  );
  if (limit !== undefined || budgetMinor !== undefined || isRestricted || credit.expressions.length > 0) return;
  const sold = units(plan, 100_000n);
  const pays = isCurved(rate)
    ? `is paid ${money(plan, new PayOver(plan, component).rounded(sold))} for ${measured(plan, component, sold)}`
    : `meets it with the first ${measured(plan, component, 1n)}`;
  say(
    'BaselineOfNewPartners',
    measure.above === 'last-year' ? `${path}/measure/above` : `${path}/gate/growth`,
    `a partner without a last year ${pays}: nothing lies below a baseline of 0`,
  );
}

function outlivedBudget(plan: CompiledPlan, component: CompiledComponent, path: string, say: Report): void {
  const { credit, rate } = component;
  if (credit.kind !== 'override' || credit.of === 'earning') return;
  [...credit.override].forEach((id, at) => {
    const child = plan.componentById.get(id);
    if (child?.budgetMinor === undefined || child.credit.kind !== 'direct') return;
    const spentAt = isCurved(child.rate) ? new PayOver(plan, child).reaching(child.budgetMinor) : undefined;
    const line = units(plan, 100n);
    const first = rate.kind === 'levels' ? rate.levels[0]?.rate : credit.rates[0]?.rate;
    say(
      'OverrideOutlivesBudget',
      `${path}/credit/override/${at}`,
      `${spentAt === undefined ? '' : `at ${measured(plan, child, spentAt)} `}the budget of ${money(plan, child.budgetMinor)} of "${id}" is spent; a further ${money(plan, line)} pays 0.00 there, and ${money(plan, shareOf(plan, line, first ?? ZERO))} here`,
    );
  });
}

// ── For one line, all together ──────────────────────────────────────────────────────────────────────────────────────

/** What all who are paid for one line get of it at the most, of components whose conditions one line can meet. */
function aboveWhole(plan: CompiledPlan, sharing: LineSharing, say: Report): void {
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
    // A single rate above the whole is told where it stands.
    if (compareRates(sum, ONE) <= 0 || paid.some(({ rate }) => compareRates(rate, ONE) > 0)) continue;
    const line = units(plan, 100n);
    const parts = paid.filter(({ rate }) => rate.numerator > 0n);
    const last = Math.max(...parts.map(({ id }) => plan.components.findIndex((one) => one.id === id)));
    say(
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

/** Most that a component pays of a line's basis; 0 where that has no bound in it. */
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

// ── Floors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function advances(plan: CompiledPlan, say: Report): void {
  const { draw, ends } = plan;
  if (draw === undefined || draw.until !== undefined) return;
  const perYear = BigInt(windowsOfYear(plan, 'period'));
  const year = money(plan, draw.minor * perYear);
  const who = 'a payee who sells nothing is paid';
  if (!draw.recoverable)
    say(
      'AdvanceWithoutEnd',
      '/draw',
      `${who} ${money(plan, draw.minor)} a period, ${year} a year, and owes nothing of it`,
    );
  else if (ends.draw === 'forgive')
    say(
      'AdvanceWithoutEnd',
      '/draw',
      `${who} ${money(plan, draw.minor)} a period; of ${year} after a year, ends.draw forgives ${year}`,
    );
}

/** A guarantee or draw of no less than its components can earn. */
function floors(plan: CompiledPlan, say: Report): void {
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
    say(
      'FloorAboveLimit',
      path,
      `with their limits the components earn ${money(plan, most)} a ${over} at the most: ${money(plan, minor)} are paid whether anything is sold or not`,
    );
  };
  if (guarantee !== undefined) check('/guarantee/amount', guarantee.minor, guarantee.over, guarantee.of);
  if (draw !== undefined) check('/draw/amount', draw.minor, 'period', undefined);
}

/** Most that a component can earn in a window, by its limit; undefined where that is not known. */
function mostIn(plan: CompiledPlan, { limit }: CompiledComponent, over: string): bigint | undefined {
  if (limit === undefined || limit.per === 'deal') return undefined;
  const [limits, windows] = [windowsOfYear(plan, limit.per), windowsOfYear(plan, over)];
  return limit.minor * BigInt(Math.max(1, Math.ceil(limits / windows)));
}

/** Windows of a year, at the most: a year of weeks may have 53. */
function windowsOfYear({ calendar }: CompiledPlan, over: string): number {
  if (over === 'quarter') return 4;
  if (over === 'half-year') return 2;
  if (over === 'year') return 1;
  return { weekly: 53, biweekly: 27, monthly: 12, quarterly: 4, 'semi-annual': 2, annual: 1 }[calendar.periods];
}
