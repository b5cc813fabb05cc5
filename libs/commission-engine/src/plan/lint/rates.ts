/**
 * Findings about the rate of one component, over one payee's sales in a window: cliffs, and rates that are never paid.
 */
import { compareRates, multiplyRates, ZERO } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { isMeasured } from '../curve.js';
import type { Report } from './codes.js';
import { allowedValuesOf } from './condition-values.js';
import { isCurved, measured, money, ComponentPay, percent, rateWords, roundedOf, shareOf, units } from './pay.js';
import type { CompiledComponent, CompiledPlan, CompiledRate } from '../compiled.js';
import type { ComponentDocument, PlanDocument } from '../document.js';

export function lintRates(document: PlanDocument, plan: CompiledPlan, report: Report): void {
  plan.components.forEach((component, index) => {
    const written = document.components[index];
    if (written === undefined) return;
    new RateLint(plan, component, written, `/components/${index}`, report).run();
  });
}

/** The tiers or bands of a rate. */
interface Tiers {
  /** Path of the list within the component: `rate/marginal`. */
  readonly field: string;
  /** Rate of each tier, or multiple of the base rate of each band. */
  readonly rates: readonly Rate[];
  /** How many of them the document lists; the compiler may add an open one. */
  readonly listed: number;
}

/** Rank of a time span, from short to long; undefined if it cannot be compared. */
type Span = number | undefined;

class RateLint {
  private readonly pay: ComponentPay;
  private readonly tiers: Tiers | undefined;
  private hasCliff = false;

  constructor(
    private readonly plan: CompiledPlan,
    private readonly component: CompiledComponent,
    private readonly written: ComponentDocument,
    private readonly path: string,
    private readonly report: Report,
  ) {
    this.pay = new ComponentPay(plan, component);
    this.tiers = tiersOf(component.rate, written);
  }

  run(): void {
    if (this.paysNothing()) {
      // A component that an override names may exist for the override alone.
      if (!this.isOverridden())
        this.report('NothingIsPaid', this.ratePath(), `${this.words(units(this.plan, 100n))} pay 0.00`);
      return;
    }
    this.ratesWithoutSign();
    this.quotaOfZero();
    this.cliffs();
    this.fallingRates();
    this.equalRates();
    this.tiersBelowGate();
    this.tiersAboveCap();
    this.unreachedLimit();
    this.rulesWithoutLines();
    this.unusedTerms();
  }

  private ratePath(): string {
    return `${this.path}/${this.written.recurring === undefined ? 'rate' : 'recurring'}`;
  }

  private tierPath(index: number, field = 'pay'): string {
    return `${this.path}/${this.tiers?.field ?? 'rate'}/${index}/${field}`;
  }

  private words(minor: bigint): string {
    return measured(this.plan, this.component, minor);
  }

  private money(minor: bigint): string {
    return money(this.plan, minor);
  }

  private isOverridden(): boolean {
    return this.plan.components.some(
      ({ credit }) => credit.kind === 'override' && credit.override.has(this.component.id),
    );
  }

  private paysNothing(): boolean {
    const { rate, limit, budgetMinor } = this.component;
    if (limit?.minor === 0n || budgetMinor === 0n) return true;
    switch (rate.kind) {
      case 'percent':
        return rate.rate.numerator === 0n;
      case 'flat':
        return rate.amount.numerator === 0n;
      case 'stepped':
        return rate.payMinor === 0n;
      case 'levels':
        return rate.levels.every((level) => level.rate.numerator === 0n);
      case 'spread': {
        const { credit } = this.component;
        return credit.kind === 'override' && credit.rates.every((one) => one.rate.numerator === 0n);
      }
      case 'matrix':
        return rate.rules.every((rule) => rule.rate.numerator === 0n);
      case 'accelerator':
        return rate.base.numerator === 0n || rate.bands.every((band) => band.rate.numerator === 0n);
      default:
        return rate.tiers.every((tier) => tier.rate.numerator === 0n);
    }
  }

  // ── Numbers that look like others ────────────────────────────────────────────────────────────────────────────────

  private ratesWithoutSign(): void {
    if (this.component.credit.kind === 'direct' && this.component.credit.basis === 'quantity') return;
    for (const [path, text] of payTexts(this.written, this.path)) {
      if (text.includes('%') || !/^0\.[0-9]+$/.test(text)) continue;
      const hundredth = text.replace('.', '').replace(/^0+/, '');
      const digits = text.length - 2;
      const rate = { numerator: BigInt(hundredth === '' ? '0' : hundredth), denominator: 10n ** BigInt(digits) };
      if (compareRates(rate, { numerator: 1n, denominator: 4n }) < 0) continue;
      const sold = units(this.plan, 100n);
      const asPercent = { numerator: rate.numerator, denominator: rate.denominator * 100n };
      this.report(
        'RateWithoutSign',
        path,
        `${text} is ${percent(rate)}: ${this.words(sold)} pay ${this.money(shareOf(this.plan, sold, rate))}, and would pay ${this.money(shareOf(this.plan, sold, asPercent))} at ${text} %; write ${percent(rate)} or ${text} %`,
      );
    }
  }

  private quotaOfZero(): void {
    const { measure, rate, gate } = this.component;
    if (typeof measure.quota !== 'object' || measure.quota.fixedMinor !== 0n) return;
    const sold = units(this.plan, 100n);
    if (rate.kind === 'accelerator') {
      const top = rate.bands.at(-1)?.rate ?? ZERO;
      this.report(
        'QuotaZero',
        `${this.path}/measure/quota`,
        `quota is 0, so everything lies in the last band: the first ${this.words(sold)} pay ${this.money(shareOf(this.plan, sold, multiplyRates(rate.base, top)))}, but ${this.money(shareOf(this.plan, sold, rate.base))} at the base rate`,
      );
    } else if (gate?.of === 'attainment')
      this.report(
        'QuotaZero',
        `${this.path}/measure/quota`,
        `quota is 0, so the gate's target is ${this.words(0n)} and is always met`,
      );
  }

  // ── More sold, less paid ─────────────────────────────────────────────────────────────────────────────────────────

  /** Tiers that pay less for the whole measurement than the tier before. */
  private cliffs(): void {
    const { rate, measure, limit } = this.component;
    if (rate.kind !== 'retroactive' && rate.kind !== 'lagged') return;
    rate.tiers.forEach((tier, index) => {
      const before = rate.tiers[index - 1];
      if (before === undefined || compareRates(tier.rate, before.rate) >= 0) return;
      const start = this.pay.startOf(index);
      this.hasCliff = true;
      if (rate.kind === 'lagged' || typeof measure.over === 'object') {
        const sold = units(this.plan, 1000n);
        const [less, more] = [tier.rate, before.rate].map((one) => this.money(this.shareOfMeasure(sold, one)));
        this.report(
          'CliffLowersPay',
          this.tierPath(index),
          `at ${this.words(start)} the rate of later sales falls from ${this.rate(before.rate)} to ${this.rate(tier.rate)}: ${rate.kind === 'lagged' ? '' : 'a further '}${this.words(sold)}${rate.kind === 'lagged' ? ' in the next window' : ''} pay ${less ?? ''}, not ${more ?? ''}`,
        );
        return;
      }
      const capped = (minor: bigint) => (limit !== undefined && minor > limit.minor ? limit.minor : minor);
      const payBefore = capped(this.pay.rounded(start - 1n));
      const payAfter = capped(this.pay.rounded(start));
      if (payAfter >= payBefore) return;
      const again = this.againAt(start, payBefore, rate.tiers.slice(index), index);
      const where = measure.over === 'deal' ? ' in one deal' : '';
      this.report(
        'CliffLowersPay',
        this.tierPath(index),
        `at ${this.words(start)}${where} the pay falls from ${this.money(payBefore)} to ${this.money(payAfter)}${again === undefined ? ' and never reaches that amount again' : `; it reaches ${this.money(payBefore)} again only at ${this.words(again)}`}`,
      );
    });
  }

  /**
   * Smallest measurement at which a retroactive rate pays as much again as before it fell; undefined if it never does.
   */
  private againAt(
    start: bigint,
    payMinor: bigint,
    tiers: readonly { readonly rate: Rate }[],
    first: number,
  ): bigint | undefined {
    const baselineMinor =
      typeof this.component.measure.above === 'object' ? this.component.measure.above.fixedMinor : 0n;
    for (const [at, { rate }] of tiers.entries()) {
      if (rate.numerator === 0n) continue;
      const from = at === 0 ? start : this.pay.startOf(first + at);
      const until = at === tiers.length - 1 ? undefined : this.pay.startOf(first + at + 1);
      const needed = baselineMinor + (payMinor * rate.denominator + rate.numerator - 1n) / rate.numerator;
      const reached = needed > from ? needed : from;
      if (until === undefined || reached < until) return reached;
    }
    return undefined;
  }

  /** Tiers in which further sales earn less; earlier sales keep what they earned. */
  private fallingRates(): void {
    const { rate } = this.component;
    if ((rate.kind !== 'marginal' && rate.kind !== 'accelerator') || this.tiers === undefined) return;
    const { rates, listed } = this.tiers;
    const index = rates.findIndex((one, at) => at > 0 && at < listed && compareRates(one, rates[at - 1] ?? ZERO) < 0);
    const [before, now] = [rates[index - 1], rates[index]];
    // A last tier of 0 is how a plan caps its pay.
    if (index < 1 || before === undefined || now === undefined || now.numerator === 0n) return;
    const base = rate.kind === 'accelerator' ? rate.base : { numerator: 1n, denominator: 1n };
    const start = this.pay.startOf(index);
    const at = rate.kind === 'accelerator' || this.startsAfter(index) ? start - 1n : start;
    const sold = units(this.plan, 1000n);
    const [less, more] = [now, before].map((one) => this.money(this.shareOfMeasure(sold, multiplyRates(base, one))));
    this.report(
      'RateFallsWithSales',
      this.tierPath(index, this.tierField()),
      `above ${this.words(at)} a further ${this.isOfUnits() ? this.words(sold) : this.money(sold)} pays ${less ?? ''}, below that ${more ?? ''}`,
    );
  }

  private startsAfter(index: number): boolean {
    const { rate } = this.component;
    return rate.kind === 'marginal' && rate.tiers[index - 1]?.inclusive === true;
  }

  private tierField(): string {
    const { rate } = this.written;
    return rate !== undefined && 'interpolated' in rate
      ? 'earn'
      : this.component.rate.kind === 'accelerator'
        ? 'times'
        : 'pay';
  }

  private isOfUnits(): boolean {
    const { credit } = this.component;
    return credit.kind === 'direct' && credit.basis === 'quantity';
  }

  private rate(rate: Rate): string {
    return rateWords(this.component, rate);
  }

  /** What a part of the measurement earns at a rate, or at an amount per unit. */
  private shareOfMeasure(minor: bigint, rate: Rate): bigint {
    return roundedOf(this.plan, { numerator: minor * rate.numerator, denominator: rate.denominator });
  }

  // ── Rates that are never paid ────────────────────────────────────────────────────────────────────────────────────

  private equalRates(): void {
    if (this.tiers === undefined) return;
    const { rates, listed, field } = this.tiers;
    rates.forEach((one, index) => {
      const before = rates[index - 1];
      if (index >= listed || before === undefined || compareRates(one, before) !== 0) return;
      // Interpolated tiers state amounts; two equally steep ones are no mistake.
      if (this.tierField() === 'earn') return;
      const boundary =
        field === 'recurring/rate'
          ? `month ${this.written.recurring?.rate[index - 1]?.upTo ?? ''}`
          : this.words(this.pay.startOf(index) - (this.startsAfter(index) || this.isAccelerator() ? 1n : 0n));
      this.report(
        'TierChangesNothing',
        this.tierPath(index, this.tierField()),
        `${this.tierField()} is the same as in the entry before: ${this.isAccelerator() ? `×${Number(one.numerator) / Number(one.denominator)}` : this.rate(one)} on both sides of ${boundary}`,
      );
    });
  }

  private isAccelerator(): boolean {
    return this.component.rate.kind === 'accelerator';
  }

  /** Tiers that end below a gate, so that they are never paid by themselves. */
  private tiersBelowGate(): void {
    const { rate, gate, measure } = this.component;
    if (gate === undefined || this.tiers === undefined || rate.kind === 'lagged') return;
    if (gate.of === 'growth' || (gate.of === 'attainment' && typeof measure.quota !== 'object')) return;
    if (gate.from === 'first' && rate.kind !== 'retroactive') return;
    const target = gate.of === 'target' ? gate.target : multiplyRates(this.pay.quota(), gate.target);
    const baselineMinor = typeof measure.above === 'object' ? measure.above.fixedMinor : 0n;
    const targetMinor = baselineMinor + (target.numerator + target.denominator - 1n) / target.denominator;
    for (let index = 0; index < this.tiers.rates.length - 1; index++) {
      const next = this.pay.startOf(index + 1);
      if (next > targetMinor) return;
      this.report(
        'TierUnreachable',
        this.tierPath(index, this.tierField()),
        `the tier ends at ${this.words(next)}, but nothing is paid below the gate of ${this.words(targetMinor)}`,
      );
    }
  }

  /** Tiers that begin above the measurement at which the limit or the budget is used up. */
  private tiersAboveCap(): void {
    const { rate, limit, budgetMinor, measure } = this.component;
    if (this.tiers === undefined || !isCurved(rate) || this.hasCliff) return;
    const [capMinor, field] = [
      ...(limit !== undefined && limit.excess === 'forfeited' && spans(this.plan, limit.per, measure.over)
        ? [[limit.minor, 'limit'] as const]
        : []),
      ...(budgetMinor === undefined ? [] : [[budgetMinor, 'budget'] as const]),
    ].sort(([left], [right]) => (left < right ? -1 : 1))[0] ?? [undefined, ''];
    if (capMinor === undefined) return;
    const spentAt = this.pay.reaching(capMinor);
    if (spentAt === undefined) return;
    for (let index = 1; index < this.tiers.listed; index++) {
      const start = this.pay.startOf(index);
      if (start <= spentAt) continue;
      const quota =
        this.isAccelerator() && measure.quota === 'fact'
          ? ` of a quota of ${this.words(this.pay.quota().numerator)}`
          : '';
      this.report(
        'TierUnreachable',
        this.tierPath(index, this.tierField()),
        `the ${field} of ${this.money(capMinor)} is used up at ${this.words(spentAt)}${quota}, but this ${this.isAccelerator() ? 'band' : 'tier'} begins at ${this.words(start - (this.startsAfter(index) || this.isAccelerator() ? 1n : 0n))}`,
      );
      return;
    }
  }

  private unreachedLimit(): void {
    const { rate, limit, measure } = this.component;
    if (limit === undefined) return;
    const warn = (mostMinor: bigint, of: string) => {
      const field = `per${limit.per.charAt(0).toUpperCase()}${limit.per.slice(1)}`;
      this.report(
        'LimitNeverReached',
        `${this.path}/limit/${field}`,
        `${field} is ${this.money(limit.minor)}, but ${of} pays at most ${this.money(mostMinor)}`,
      );
    };
    if (rate.kind === 'flat' && rate.per === 'deal' && limit.per === 'deal') {
      const flatMinor = shareOf(this.plan, units(this.plan, 1n), rate.amount);
      if (flatMinor <= limit.minor) warn(flatMinor, 'a deal');
    } else if (rate.kind === 'marginal' && spans(this.plan, measure.over, limit.per)) {
      const most = this.pay.most();
      if (most !== undefined && most <= limit.minor)
        warn(most, `a ${typeof measure.over === 'string' ? measure.over : 'window'}`);
    }
  }

  /** Rules that no line is left for, because of other rules or of the component's own conditions. */
  private rulesWithoutLines(): void {
    const { rate, credit } = this.component;
    if (rate.kind !== 'matrix') return;
    const creditValues = allowedValuesOf(credit);
    const allowed = 'allowed' in creditValues ? creditValues.allowed : new Map<string, ReadonlySet<string>>();
    const seen = new Map<string, number>();
    const byValue = Map.groupBy(
      rate.rules.flatMap(({ values }) => values.map((value, at) => ({ key: `${at} ${value ?? ''}`, values }))),
      ({ key }) => key,
    );
    const sold = units(this.plan, 100n);
    rate.rules.forEach((rule, index) => {
      const path = `${this.path}/rate/matrix/rules/${index}`;
      const pays = `its ${this.money(shareOf(this.plan, sold, rule.rate))} for ${this.words(sold)} are never paid`;
      const key = JSON.stringify(rule.values.map((value) => value ?? null));
      const twin = seen.get(key);
      if (twin === undefined) seen.set(key, index);
      else this.report('TierUnreachable', path, `rules[${twin}] has the same attributes and comes first: ${pays}`);
      rule.values.forEach((value, at) => {
        const attribute = rate.by[at] ?? '';
        const admitted = allowed.get(`line.${attribute}`);
        if (value !== undefined && admitted !== undefined && !admitted.has(value))
          this.report(
            'TierUnreachable',
            `${path}/${attribute}`,
            `the component credits no line with ${attribute} ${value}: ${pays}`,
          );
      });
      // If every value that the component credits has a more specific rule, no line is left for the general one.
      rate.by.forEach((attribute, at) => {
        const admitted = allowed.get(`line.${attribute}`);
        if (twin !== undefined || rule.values[at] !== undefined || admitted === undefined) return;
        const isCovered = [...admitted].every((value) =>
          (byValue.get(`${at} ${value}`) ?? []).some(
            ({ values }) =>
              values.every((one, other) => other === at || one === undefined || one === rule.values[other]) &&
              outranks(values, rule.values),
          ),
        );
        if (isCovered)
          this.report(
            'TierUnreachable',
            path,
            `every ${attribute} that the component credits has a more specific rule: ${pays}`,
          );
      });
    });
  }

  // ── Terms without effect ─────────────────────────────────────────────────────────────────────────────────────────

  private unusedTerms(): void {
    const { component, written, path } = this;
    const { measure, gate, rate, returns, credit } = component;
    const [sold] = [units(this.plan, 1000n)];
    const same = `${this.words(sold)} pay the same without it`;
    if (written.measure !== undefined && !isMeasured(component))
      this.report(
        'TermUnused',
        `${path}/measure`,
        `measure has no effect, because this rate does not depend on a measurement: ${same}`,
      );
    else if (measure.quota !== undefined && rate.kind !== 'accelerator' && gate?.of !== 'attainment')
      this.report(
        'TermUnused',
        `${path}/measure/quota`,
        `quota has no effect, because neither the rate nor a gate uses it: ${same}`,
      );
    if (gate !== undefined && gate.of !== 'growth' && gate.target.numerator === 0n)
      this.report(
        'TermUnused',
        `${path}/gate`,
        `gate has no effect, because a target of ${this.words(0n)} is always met: ${same}`,
      );
    if (
      written.returns !== undefined &&
      (returns.policy === 'average' || returns.policy === 're-rate') &&
      !isMeasured(component)
    )
      this.report(
        'TermUnused',
        `${path}/returns/policy`,
        `policy: ${returns.policy} has no effect, because nothing is measured: if ${this.words(sold)} come back, it takes back what policy: line does`,
      );
    if (component.hold === 'as-child' && credit.kind === 'override')
      if ([...credit.override].every((id) => this.plan.componentById.get(id)?.hold === undefined))
        this.report(
          'TermUnused',
          `${path}/hold`,
          `hold: as-child has no effect, because none of ${[...credit.override].join(', ')} has a hold: of 100.00 earned, 0.00 is held`,
        );
  }
}

/** Whether the first of two rules that fit a line is used: it names an earlier attribute. */
function outranks(values: readonly (string | undefined)[], others: readonly (string | undefined)[]): boolean {
  const rank = (list: readonly (string | undefined)[]) =>
    list.map((value) => (value === undefined ? '0' : '1')).join('');
  return rank(values) > rank(others);
}

function tiersOf(rate: CompiledRate, written: ComponentDocument): Tiers | undefined {
  switch (rate.kind) {
    case 'marginal': {
      const { rate: of } = written;
      const isInterpolated = of !== undefined && 'interpolated' in of;
      const rates = rate.tiers.map((tier) => tier.rate);
      return isInterpolated
        ? { field: 'rate/interpolated', rates, listed: of.interpolated.length }
        : { field: 'rate/marginal', rates, listed: rates.length };
    }
    case 'retroactive':
    case 'lagged':
      return { field: `rate/${rate.kind}`, rates: rate.tiers.map((tier) => tier.rate), listed: rate.tiers.length };
    case 'recurring':
      return { field: 'recurring/rate', rates: rate.tiers.map((tier) => tier.rate), listed: rate.tiers.length };
    case 'accelerator':
      return { field: 'rate/accelerator/bands', rates: rate.bands.map((band) => band.rate), listed: rate.bands.length };
    default:
      return undefined;
  }
}

/** Paths and texts of all rates that are a share of the basis. */
function payTexts(
  { credit, rate, recurring }: ComponentDocument,
  path: string,
): readonly (readonly [string, string])[] {
  const list = (at: string, tiers: readonly { readonly pay: string }[]) =>
    tiers.map(({ pay }, index) => [`${path}/${at}/${index}/pay`, pay] as const);
  if ('levels' in credit)
    return credit.levels.map((level, index) => [`${path}/credit/levels/${index}`, level] as const);
  if ('rates' in credit) return list('credit/rates', credit.rates);
  if (recurring !== undefined) return list('recurring/rate', recurring.rate);
  if (rate === undefined) return [];
  if ('percent' in rate) return [[`${path}/rate/percent`, rate.percent]];
  if ('marginal' in rate) return list('rate/marginal', rate.marginal);
  if ('retroactive' in rate) return list('rate/retroactive', rate.retroactive);
  if ('lagged' in rate) return list('rate/lagged', rate.lagged);
  if ('accelerator' in rate) return [[`${path}/rate/accelerator/base`, rate.accelerator.base]];
  if ('matrix' in rate) return list('rate/matrix/rules', rate.matrix.rules);
  return [];
}

/** Whether one time span is at least as long as another, so that a total over it includes the other's. */
export function spans({ calendar }: CompiledPlan, long: unknown, short: unknown): boolean {
  const period = { weekly: 1, biweekly: 1, monthly: 1, quarterly: 2, 'semi-annual': 3, annual: 4 }[calendar.periods];
  const lengths: Readonly<Record<string, Span>> = { deal: 0, period, quarter: 2, 'half-year': 3, year: 4 };
  const [one, other] = [long, short].map((name) => (typeof name === 'string' ? lengths[name] : undefined));
  // A deal may be invoiced over many periods, so neither includes the other.
  if (one === undefined || other === undefined || (one === 0) !== (other === 0)) return false;
  return one >= other;
}
