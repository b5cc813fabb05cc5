/**
 * What the schema of a plan document cannot check: numbers out of range, names of nothing, keys that exclude each
 * other.
 */
import { OVERS } from '@tantieme/time/calendar/document';
import type { Over } from '@tantieme/time/calendar/document';
import { calendarFault, overFault } from '@tantieme/time/calendar/fault';
import { isTimeZone } from '@tantieme/time/time-zone';
import { oneOf } from '@tantieme/contracts/suggest';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { decimalsOf, isCurrency } from '@tantieme/money/currency';
import {
  addRates,
  compareRates,
  decimalFault,
  formatRate,
  multiplyRates,
  ONE,
  parseDecimal,
  parseRate,
  ZERO,
} from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { isDay } from '@tantieme/time/day';
import { CHANNELS, valuesOf } from './document.js';
import type {
  ComponentDocument,
  Conditions,
  ConditionsDocument,
  CreditDocument,
  DirectCreditDocument,
  HoldDocument,
  PlanDocument,
  RateDocument,
  TierDocument,
} from './document.js';
import { expressionFault } from './expression.js';
import { keyAt } from './problem.js';
import type { Problem } from './problem.js';

/** Errors and warnings of a document that fits the schema, in the order of its components. */
export function planProblems(document: PlanDocument): readonly Problem[] {
  return new PlanCheck(document).run();
}

/** Largest rate. A plan that pays ten thousand times its basis has lost a decimal point. */
const RATE_MAX: Rate = { numerator: 10_000n, denominator: 1n };
/** Largest amount or boundary of a plan, in minor units. */
const AMOUNT_MINOR_MAX = 10n ** 18n;
/** Largest amount per unit, in units of the currency. */
const UNIT_PRICE_MAX: Rate = { numerator: 10n ** 8n, denominator: 1n };
const PERCENT: Rate = { numerator: 100n, denominator: 1n };
/** What `measure.over` must be for terms that compare windows. */
const CALENDAR_WINDOW = `one of ${OVERS.join(', ')}`;

/** The direct credit of a component, also if it takes it from another one by `same`. Undefined for an override. */
export function directCreditOf(
  component: Pick<ComponentDocument, 'credit'>,
  byId: ReadonlyMap<string, ComponentDocument>,
): DirectCreditDocument | undefined {
  const { credit } = component;
  if ('override' in credit) return undefined;
  if (!('same' in credit)) return credit;
  const other = byId.get(credit.same)?.credit;
  return other === undefined || 'override' in other || 'same' in other ? undefined : other;
}

class PlanCheck {
  private readonly problems: Problem[] = [];
  private readonly decimals: number;
  private readonly byId: ReadonlyMap<string, ComponentDocument>;

  constructor(private readonly document: PlanDocument) {
    this.decimals = isCurrency(document.currency) ? decimalsOf(document.currency) : 4;
    this.byId = new Map(document.components.map((component) => [component.id, component]));
  }

  run(): readonly Problem[] {
    const { currency, calendar, settle, guarantee, draw, components } = this.document;
    if (!isCurrency(currency))
      this.error(
        'CurrencyUnknown',
        '/currency',
        `currency is "${String(currency)}"; it must be an ISO 4217 code, such as EUR`,
      );
    if (!isTimeZone(calendar.timeZone))
      this.error(
        'TimeZoneUnknown',
        '/calendar/timeZone',
        `timeZone is "${calendar.timeZone}"; it must be an IANA time zone, such as Europe/Paris`,
      );
    const calendarProblem = calendarFault(calendar);
    if (calendarProblem !== undefined) this.error('CalendarInvalid', '/calendar', calendarProblem);
    if (settle?.minimum !== undefined) this.amount('/settle/minimum', settle.minimum);
    if (guarantee !== undefined) {
      this.amount('/guarantee/amount', guarantee.amount);
      this.over('/guarantee/over', guarantee.over);
      this.componentIds('/guarantee/of', guarantee.of ?? []);
    }
    if (draw !== undefined) {
      this.amount('/draw/amount', draw.amount);
      this.span('/draw', draw.from, draw.until);
      if (draw.recoverFrom !== undefined) this.day('/draw/recoverFrom', draw.recoverFrom);
    }
    const seen = new Set<string>();
    components.forEach((component, index) => {
      const path = `/components/${index}`;
      if (seen.has(component.id))
        this.error('ComponentTwice', `${path}/id`, `id "${component.id}" is used twice; each component needs its own`);
      seen.add(component.id);
      this.component(component, path);
    });
    return this.problems;
  }

  private error(code: string, path: string, message: string): void {
    this.problems.push({ code, severity: 'error', message, path });
  }

  private component(component: ComponentDocument, path: string): void {
    const { credit, rate, recurring, limit, returns, hold } = component;
    this.componentIds(`${path}/stacks`, component.stacks ?? [], component.id);
    this.conditions(credit, `${path}/credit`);
    if ('override' in credit) this.override(component.id, credit, `${path}/credit`);
    else this.direct(component, path);
    const direct = directCreditOf(component, this.byId);
    if (rate !== undefined && direct !== undefined) this.rate(component, rate, direct, `${path}/rate`);
    this.measure(component, path);
    if (recurring !== undefined) {
      let before = 0;
      recurring.rate.forEach(({ upTo, pay }, at) => {
        this.payRate(`${path}/recurring/rate/${at}/pay`, pay);
        before = this.ascending(`${path}/recurring/rate/${at}/upTo`, upTo, before, at === recurring.rate.length - 1);
      });
      if (direct?.basis === 'quantity')
        this.error(
          'UnitsDiffer',
          `${path}/recurring`,
          'recurring pays a share of money, and the basis is quantity; use another basis',
        );
    }
    if (limit !== undefined) {
      const field = (['perDeal', 'perPeriod', 'perQuarter', 'perYear'] as const).find(
        (one) => limit[one] !== undefined,
      );
      if (field !== undefined) this.amount(`${path}/limit/${field}`, limit[field] ?? '0');
      if (field === 'perQuarter') this.over(`${path}/limit/${field}`, 'quarter');
      if (field === 'perYear') this.over(`${path}/limit/${field}`, 'year');
      if (limit.excess === 'deferred' && field === 'perDeal')
        this.error(
          'FieldMisplaced',
          `${path}/limit/excess`,
          'excess cannot be deferred with perDeal, as a deal has no later window; use forfeited',
        );
    }
    if (component.budget !== undefined) this.amount(`${path}/budget`, component.budget);
    if (rate !== undefined && 'flat' in rate && returns?.window === 'current')
      this.error(
        'FieldMisplaced',
        `${path}/returns/window`,
        'window must be original with rate.flat: a flat amount is taken back where it was paid',
      );
    const takesOwn = (returns?.policy ?? 'line') === 'line' && returns?.window !== 'current';
    if (limit?.headroom === 'spent' && (!takesOwn || ('override' in credit && credit.of === 'earning')))
      this.error(
        'FieldMisplaced',
        `${path}/limit/headroom`,
        'headroom can be spent only if a return takes back its own line: policy line, window original, no override of earnings',
      );
    if (limit?.excess === 'deferred' && component.budget !== undefined)
      this.error(
        'FieldMisplaced',
        `${path}/limit/excess`,
        'excess cannot be deferred with a budget: deferred money belongs to no deal, and budgets pay by deal; use forfeited',
      );
    if (returns?.bands !== undefined) this.bands(returns.bands, `${path}/returns/bands`);
    if (returns?.bands !== undefined && (returns.policy === 'none' || returns.window === 'current'))
      this.error(
        'FieldMisplaced',
        `${path}/returns/bands`,
        'bands cannot be combined with policy: none or window: current',
      );
    if (returns?.policy === 'average' && returns.window === 'current')
      this.error('FieldMisplaced', `${path}/returns/window`, 'window must be original with policy: average');
    if (hold === 'as-child' && !('override' in credit))
      this.error('FieldMisplaced', `${path}/hold`, 'hold can be as-child only with credit.override');
    if (typeof hold === 'object') this.hold(hold, `${path}/hold`);
  }

  private direct({ id, credit }: ComponentDocument, path: string): void {
    if ('override' in credit) return;
    if ('same' in credit) {
      const other = this.byId.get(credit.same);
      if (other === undefined || credit.same === id) this.unknownComponent(`${path}/credit/same`, credit.same, id);
      else if ('override' in other.credit || 'same' in other.credit)
        this.error(
          'ComponentUnknown',
          `${path}/credit/same`,
          `same is "${credit.same}", which has no trigger of its own; name the component that it takes its credit from`,
        );
    } else if (credit.basis === 'collected' && credit.trigger !== 'paid')
      this.error('UnitsDiffer', `${path}/credit/basis`, 'basis can be collected only with trigger: paid');
    if (credit.during !== undefined) this.span(`${path}/credit/during`, credit.during[0], credit.during[1], '0', '1');
  }

  private override(id: string, credit: Extract<CreditDocument, { readonly override: unknown }>, path: string): void {
    credit.override.forEach((childId, at) => {
      const child = this.byId.get(childId);
      const childPath = `${path}/override/${at}`;
      if (child === undefined || childId === id) this.unknownComponent(childPath, childId, id);
      else if ('override' in child.credit)
        this.error(
          'OverrideOfOverride',
          childPath,
          `${keyAt(childPath)} is "${childId}", an override itself; name the component below it and add a level`,
        );
      else if (credit.of !== 'earning' && directCreditOf(child, this.byId)?.basis === 'quantity')
        this.error(
          'UnitsDiffer',
          childPath,
          `${keyAt(childPath)} is "${childId}", whose basis is quantity, but a level is a share of money; use of: earning`,
        );
      if (credit.override.indexOf(childId) !== at)
        this.error('ComponentTwice', childPath, `override names "${childId}" twice`);
    });
    if (credit.of === 'spread')
      credit.rates.forEach(({ where, pay }, at) => {
        this.payRate(`${path}/rates/${at}/pay`, pay);
        this.values(where, `${path}/rates/${at}/where`);
        for (const key of Object.keys(where ?? {}))
          if (!key.startsWith('partner.'))
            this.error(
              'FieldMisplaced',
              `${path}/rates/${at}/where/${key}`,
              `${key} cannot be used here: the rate of a spread depends on the partner; use partner.* conditions`,
            );
      });
    else credit.levels.forEach((level, at) => this.payRate(`${path}/levels/${at}`, level));
  }

  private conditions(credit: ConditionsDocument, path: string): void {
    this.values(credit.where, `${path}/where`);
    this.values(credit.except, `${path}/except`);
    const fault = credit.expr === undefined ? undefined : expressionFault(credit.expr);
    if (fault !== undefined) this.error(fault.code, `${path}/expr`, fault.message);
  }

  private values(conditions: Conditions | undefined, path: string): void {
    for (const channel of valuesOf(conditions?.['partner.channel']))
      if (!CHANNELS.some((known) => known === channel))
        this.error(
          'ChannelUnknown',
          `${path}/partner.channel`,
          `partner.channel is "${channel}"; it must be ${oneOf(CHANNELS, channel)}`,
        );
  }

  private measure(component: ComponentDocument, path: string): void {
    const { measure, gate, rate } = component;
    if (measure?.above !== undefined && 'fixed' in measure.above)
      this.amount(`${path}/measure/above/fixed`, measure.above.fixed);
    if (measure?.quota !== undefined && measure.quota !== 'fact') this.amount(`${path}/measure/quota`, measure.quota);
    const overPart = measure === undefined ? 'period' : measure.over;
    const isRolling = typeof overPart === 'object';
    if (!isRolling && overPart !== 'deal') this.over(`${path}/measure/over`, overPart);
    const noYear = isRolling || overPart === 'deal';
    if (noYear && (measure?.above !== undefined || measure?.quota !== undefined || measure?.prorate !== undefined))
      this.error(
        'FieldMisplaced',
        `${path}/measure/over`,
        `over must be ${CALENDAR_WINDOW} for above, quota and prorate`,
      );
    if (noYear && gate?.growth !== undefined)
      this.error(
        'FieldMisplaced',
        `${path}/gate/growth`,
        `growth compares with the same window of last year; measure.over must be ${CALENDAR_WINDOW}`,
      );
    if (gate?.target !== undefined) this.amount(`${path}/gate/target`, gate.target);
    for (const field of ['attainment', 'growth'] as const)
      if (gate?.[field] !== undefined) this.tierRate(`${path}/gate/${field}`, gate[field]);
    const takesQuota = gate?.attainment !== undefined || (rate !== undefined && 'accelerator' in rate);
    if (takesQuota && measure?.quota === undefined)
      this.error(
        'QuotaMissing',
        gate?.attainment === undefined ? `${path}/rate` : `${path}/gate/attainment`,
        `${gate?.attainment === undefined ? 'accelerator' : 'attainment'} needs a quota, and measure.quota is missing; give an amount, or fact`,
      );
    if (rate !== undefined && 'lagged' in rate && noYear)
      this.error(
        'FieldMisplaced',
        `${path}/rate/lagged`,
        `lagged looks at the window before; measure.over must be ${CALENDAR_WINDOW}`,
      );
    if (measure?.above !== undefined && rate !== undefined && 'flat' in rate)
      this.error(
        'UnitsDiffer',
        `${path}/measure/above`,
        'above cannot be combined with rate.flat: a flat amount is not a share of what lies above',
      );
    if (gate !== undefined && rate !== undefined && 'flat' in rate && gate.from === 'above')
      this.error(
        'UnitsDiffer',
        `${path}/gate/from`,
        'from must be first with rate.flat: a flat amount is paid whole or not at all',
      );
  }

  private rate(component: ComponentDocument, rate: RateDocument, credit: DirectCreditDocument, path: string): void {
    const byQuantity = credit.basis === 'quantity';
    const shareOfQuantity = (field: string) =>
      this.error(
        'UnitsDiffer',
        `${path}/${field}`,
        `${field} pays a share of money, and the basis is quantity; pay an amount per unit: { flat: 2.50, per: unit }`,
      );
    if (byQuantity && credit.trigger === 'paid')
      this.error(
        'UnitsDiffer',
        path,
        'basis cannot be quantity with trigger: paid, as an instalment has no units; use booked or invoiced',
      );
    if ('percent' in rate) {
      if (byQuantity) shareOfQuantity('percent');
      else this.payRate(`${path}/percent`, rate.percent);
    } else if ('flat' in rate) {
      if (rate.per === 'unit') {
        this.unitPrice(`${path}/flat`, rate.flat);
        if (credit.trigger === 'paid')
          this.error(
            'UnitsDiffer',
            `${path}/per`,
            'per cannot be unit with trigger: paid, as an instalment has no units; use booked or invoiced',
          );
      } else this.amount(`${path}/flat`, rate.flat);
      const excepted = Object.keys(component.credit.except ?? {});
      if (rate.per === 'deal' && mixesPartnerAndLine(excepted))
        this.error(
          'ConditionsMixed',
          `${path.slice(0, -5)}/credit/except`,
          'except cannot mix partner.* and line.* with per: deal, which pays the deal as a whole; use per: line',
        );
    } else if ('marginal' in rate) this.tiers(rate.marginal, byQuantity, `${path}/marginal`);
    else if ('retroactive' in rate) this.tiers(rate.retroactive, byQuantity, `${path}/retroactive`);
    else if ('lagged' in rate) this.tiers(rate.lagged, byQuantity, `${path}/lagged`);
    else if ('interpolated' in rate) {
      let before = 0n;
      rate.interpolated.forEach(({ upTo, earn }, at) => {
        this.amount(`${path}/interpolated/${at}/earn`, earn);
        before = this.ends(`${path}/interpolated/${at}/upTo`, upTo, before);
      });
    } else if ('stepped' in rate) {
      this.amount(`${path}/stepped/pay`, rate.stepped.pay);
      if (
        this.amount(`${path}/stepped/every`, rate.stepped.every) &&
        parseMinor(rate.stepped.every, this.decimals) === 0n
      )
        this.error('AmountInvalid', `${path}/stepped/every`, 'every is 0; it must be greater than 0');
    } else if ('accelerator' in rate) {
      if (byQuantity) shareOfQuantity('accelerator');
      this.payRate(`${path}/accelerator/base`, rate.accelerator.base);
      this.acceleratorBands(rate.accelerator.bands, `${path}/accelerator/bands`);
    } else {
      if (byQuantity) shareOfQuantity('matrix');
      const { by, rules } = rate.matrix;
      rules.forEach((rule, at) => {
        this.payRate(`${path}/matrix/rules/${at}/pay`, rule.pay);
        for (const name of Object.keys(rule))
          if (name !== 'pay' && !by.includes(name))
            this.error(
              'FieldMisplaced',
              `${path}/matrix/rules/${at}/${name}`,
              `${name} is not listed in matrix.by (${by.join(', ')}); add it there, or remove it here`,
            );
      });
    }
  }

  private acceleratorBands(bands: readonly { readonly upTo?: string; readonly times: string }[], path: string): void {
    let before = ZERO;
    bands.forEach(({ upTo, times }, at) => {
      const timesFault = decimalFault(times);
      if (timesFault !== undefined) this.error('RateInvalid', `${path}/${at}/times`, `times ${timesFault}`);
      const last = at === bands.length - 1;
      if (upTo === undefined) {
        if (!last) this.error('TierInvalid', `${path}/${at}`, `bands[${at}] has no upTo; only the last band is open`);
      } else if (last)
        this.error(
          'LastTierEnds',
          `${path}/${at}/upTo`,
          `upTo is ${upTo}, and no band covers what lies above; the last band must have no upTo`,
        );
      else if (this.tierRate(`${path}/${at}/upTo`, upTo)) {
        const end = parseRate(upTo);
        if (compareRates(end, before) <= 0)
          this.error(
            'TiersNotAscending',
            `${path}/${at}/upTo`,
            `upTo is ${upTo}; it must be greater than ${formatRate(multiplyRates(before, PERCENT))} %, where the band before ends`,
          );
        before = end;
      }
    });
  }

  private tiers(tiers: readonly TierDocument[], byQuantity: boolean, path: string): void {
    let endBefore = 0n;
    tiers.forEach((tier, at) => {
      const end = tier.below ?? tier.upTo;
      const endPath = `${path}/${at}/${tier.below === undefined ? 'upTo' : 'below'}`;
      const last = at === tiers.length - 1;
      if (last && end !== undefined)
        this.error(
          'LastTierEnds',
          endPath,
          `${keyAt(endPath)} is ${end}, and no tier covers what lies above; the last tier must have neither below nor upTo`,
        );
      else if (!last && end === undefined)
        this.error(
          'TierInvalid',
          `${path}/${at}`,
          `${keyAt(`${path}/${at}`)} has neither below nor upTo; only the last tier is open`,
        );
      else if (end !== undefined) endBefore = this.ends(endPath, end, endBefore);
      if (!byQuantity) this.payRate(`${path}/${at}/pay`, tier.pay);
      else {
        const fault = tier.pay.endsWith('%')
          ? `is "${tier.pay}", and the basis is quantity; it must be an amount per unit, such as 2.50`
          : decimalFault(tier.pay);
        if (fault !== undefined) this.error('UnitsDiffer', `${path}/${at}/pay`, `pay ${fault}`);
      }
    });
  }

  private bands(bands: readonly { readonly within?: string; readonly take: string }[], path: string): void {
    let before = 0;
    let unit: string | undefined;
    bands.forEach(({ within, take }, at) => {
      if (this.tierRate(`${path}/${at}/take`, take) && compareRates(parseRate(take), ONE) > 0)
        this.error(
          'RateTooLarge',
          `${path}/${at}/take`,
          `take is ${take}; it must be at most 100 %: no more can be taken back than was earned`,
        );
      const [count, ofUnit] = within?.split(' ') ?? [];
      before = this.ascending(`${path}/${at}/within`, count, before, at === bands.length - 1);
      const one = ofUnit?.slice(0, 3);
      if (one !== undefined && unit !== undefined && one !== unit)
        this.error(
          'UnitsDiffer',
          `${path}/${at}/within`,
          'within must count the same unit in all bands: days or instalments',
        );
      unit ??= one;
    });
  }

  private hold({ part, schedule }: HoldDocument, path: string): void {
    if (part !== undefined && this.tierRate(`${path}/part`, part) && compareRates(parseRate(part), ONE) > 0)
      this.error(
        'RateTooLarge',
        `${path}/part`,
        `part is ${part}; it must be at most 100 %: no more can be held than is earned`,
      );
    if (schedule === undefined) return;
    let sum = ZERO;
    for (const [at, { share }] of schedule.entries())
      if (this.tierRate(`${path}/schedule/${at}/share`, share)) sum = addRates(sum, parseRate(share));
    if (compareRates(sum, ONE) !== 0)
      this.error(
        'SharesInvalid',
        `${path}/schedule`,
        `the shares of schedule sum to ${formatRate(sum)}; they must sum to 1`,
      );
  }

  // ── Numbers, days and names ──────────────────────────────────────────────────────────────────────────────────────

  private amount(path: string, text: string): boolean {
    const fault = this.amountFault(text);
    if (fault !== undefined) this.error('AmountInvalid', path, `${keyAt(path)} ${fault}`);
    return fault === undefined;
  }

  private amountFault(text: string): string | undefined {
    try {
      return parseMinor(text, this.decimals) > AMOUNT_MINOR_MAX
        ? `${text} exceeds the largest amount, ${formatMinor(AMOUNT_MINOR_MAX, this.decimals)}`
        : undefined;
    } catch (fault) {
      return fault instanceof MoneyError ? fault.reason : String(fault);
    }
  }

  private unitPrice(path: string, text: string): void {
    const fault =
      decimalFault(text) ??
      (compareRates(parseDecimal(text), UNIT_PRICE_MAX) > 0
        ? `${text} exceeds the largest amount per unit, ${formatRate(UNIT_PRICE_MAX)}`
        : undefined);
    if (fault !== undefined) this.error('AmountInvalid', path, `${keyAt(path)} ${fault}`);
  }

  /** A rate that is paid. More than the whole basis is accepted with a warning. */
  private payRate(path: string, text: string): void {
    if (this.tierRate(path, text) && compareRates(parseRate(text), ONE) > 0)
      this.problems.push({
        code: 'RateAboveWhole',
        severity: 'warning',
        message: `${keyAt(path)} is ${text}, more than the whole basis${text.endsWith('%') ? '' : `; for a per cent, write ${text} %`}`,
        path,
      });
  }

  /** Whether the text is a rate that a plan can have. */
  private tierRate(path: string, text: string): boolean {
    try {
      if (compareRates(parseRate(text), RATE_MAX) <= 0) return true;
      this.error('RateTooLarge', path, `${keyAt(path)} is ${text}; the largest rate is ${formatRate(RATE_MAX)}`);
    } catch (fault) {
      this.error('RateInvalid', path, `${keyAt(path)} ${fault instanceof MoneyError ? fault.reason : String(fault)}`);
    }
    return false;
  }

  /** The end of a tier in minor units; the end before if this one is invalid. */
  private ends(path: string, text: string, beforeMinor: bigint): bigint {
    if (!this.amount(path, text)) return beforeMinor;
    const minor = parseMinor(text, this.decimals);
    if (minor > beforeMinor) return minor;
    const least = beforeMinor === 0n ? '0' : `${formatMinor(beforeMinor, this.decimals)}, where the tier before ends`;
    this.error('TiersNotAscending', path, `${keyAt(path)} is ${text}; it must be greater than ${least}`);
    return beforeMinor;
  }

  private ascending(path: string, text: string | undefined, before: number, last: boolean): number {
    if (text === undefined) {
      const entry = path.slice(0, path.lastIndexOf('/'));
      if (!last) this.error('TierInvalid', entry, `${keyAt(entry)} has no ${keyAt(path)}; only the last entry is open`);
      return before;
    }
    const end = Number(text);
    if (end <= before)
      this.error(
        'TiersNotAscending',
        path,
        `${keyAt(path)} is ${text}; it must be greater than ${before}, where the entry before ends`,
      );
    return end;
  }

  private day(path: string, text: string): boolean {
    const exists = isDay(text);
    if (!exists)
      this.error('DayInvalid', path, `${keyAt(path)} is "${text}", which is not a calendar date (YYYY-MM-DD)`);
    return exists;
  }

  private span(
    path: string,
    from: string | undefined,
    until: string | undefined,
    first = 'from',
    last = 'until',
  ): void {
    const known = (name: string, text: string | undefined) => text !== undefined && this.day(`${path}/${name}`, text);
    const both = [known(first, from), known(last, until)].every(Boolean);
    if (both && from !== undefined && until !== undefined && until < from)
      this.error(
        'SpanEmpty',
        `${path}/${last}`,
        `${keyAt(`${path}/${last}`)} is ${until}; it must not be before ${keyAt(`${path}/${first}`)}, ${from}`,
      );
  }

  private over(path: string, over: Over): void {
    const fault = overFault(this.document.calendar, over);
    if (fault !== undefined) this.error('WindowTooShort', path, `${keyAt(path)}: ${fault}`);
  }

  private unknownComponent(path: string, id: string, own?: string): void {
    const others = [...this.byId.keys()].filter((other) => other !== own);
    const allowed =
      others.length === 0 ? 'another component, and the plan has no other' : `another component, ${oneOf(others, id)}`;
    this.error('ComponentUnknown', path, `${keyAt(path)} is "${id}"; it must be ${allowed}`);
  }

  private componentIds(path: string, ids: readonly string[], own?: string): void {
    ids.forEach((id, at) => {
      if (!this.byId.has(id) || id === own) this.unknownComponent(`${path}/${at}`, id, own);
    });
  }
}

function mixesPartnerAndLine(keys: readonly string[]): boolean {
  return keys.some((key) => key.startsWith('partner.')) && keys.some((key) => key.startsWith('line.'));
}
