/** What the schema of a plan document cannot say: numbers that do not fit, names that lead nowhere, terms that exclude each other. */
import { parseMinor } from '@tantieme/money/amount';
import { decimalsOf, isCurrency } from '@tantieme/money/currency';
import {
  addRates,
  compareRates,
  decimalFault,
  formatRate,
  ONE,
  parseDecimal,
  parseRate,
  ZERO,
} from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { calendarFault, overFault } from '@tantieme/time/calendar/fault';
import { isTimeZone } from '@tantieme/time/time-zone';
import type { Over } from '@tantieme/time/calendar/document';
import { expressionFault } from './expression.js';
import { isDay } from '@tantieme/time/day';
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
import type { Problem } from './schema.js';

/** In order of the document's components. */
export function planProblems(document: PlanDocument): readonly Problem[] {
  return new PlanCheck(document).run();
}

/** Largest rate: a plan that pays ten thousand times its basis has lost a point. */
const RATE_MAX: Rate = { numerator: 10_000n, denominator: 1n };
/** Largest amount or boundary of a plan, in minor units, and largest amount a unit, in currency units. */
const AMOUNT_MINOR_MAX = 10n ** 18n;
const UNIT_PRICE_MAX: Rate = { numerator: 10n ** 12n, denominator: 1n };
const CHANNELS: ReadonlySet<string> = new Set(['retail', 'e-commerce', 'wholesale', 'distributor', 'direct']);

/** The credit that a component has in the end: `same` names another's. Undefined where that leads nowhere. */
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
    if (!isCurrency(currency)) this.error('CurrencyUnknown', '/currency', `"${currency}" is no ISO 4217 currency`);
    if (!isTimeZone(calendar.timeZone))
      this.error(
        'TimeZoneUnknown',
        '/calendar/timeZone',
        `"${calendar.timeZone}" is no IANA time zone, such as Europe/Paris`,
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
        this.error('ComponentTwice', `${path}/id`, `the component "${component.id}" is there twice`);
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
        this.error('UnitsDiffer', `${path}/recurring`, 'a share of a quantity is no money');
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
          'what is above the limit of a deal has no later window to go to',
        );
    }
    if (component.budget !== undefined) this.amount(`${path}/budget`, component.budget);
    if (rate !== undefined && 'flat' in rate && returns?.window === 'current')
      this.error('FieldMisplaced', `${path}/returns/window`, 'a flat amount is taken back where it was paid');
    const takesOwn = (returns?.policy ?? 'line') === 'line' && returns?.window !== 'current';
    if (limit?.headroom === 'spent' && (!takesOwn || ('override' in credit && credit.of === 'earning')))
      this.error(
        'FieldMisplaced',
        `${path}/limit/headroom`,
        'headroom is spent where a return takes back its own line: policy line, window original',
      );
    if (limit?.excess === 'deferred' && component.budget !== undefined)
      this.error('FieldMisplaced', `${path}/limit/excess`, 'what is deferred is of no deal, and draws on no budget');
    if (returns?.bands !== undefined) this.bands(returns.bands, `${path}/returns/bands`);
    if (returns?.bands !== undefined && (returns.policy === 'none' || returns.window === 'current'))
      this.error('FieldMisplaced', `${path}/returns/bands`, 'bands go with what a policy takes of the original window');
    if (returns?.policy === 'average' && returns.window === 'current')
      this.error('FieldMisplaced', `${path}/returns/window`, 'an average is taken of the window that it was sold in');
    if (hold === 'as-child' && !('override' in credit))
      this.error('FieldMisplaced', `${path}/hold`, 'as-child goes with an override');
    if (typeof hold === 'object') this.hold(hold, `${path}/hold`);
  }

  private direct({ id, credit }: ComponentDocument, path: string): void {
    if ('override' in credit) return;
    if ('same' in credit) {
      const other = this.byId.get(credit.same);
      if (other === undefined || credit.same === id)
        this.error('ComponentUnknown', `${path}/credit/same`, `"${credit.same}" is no other component of this plan`);
      else if ('override' in other.credit || 'same' in other.credit)
        this.error('ComponentUnknown', `${path}/credit/same`, `"${credit.same}" does not say itself what it credits`);
    } else if (credit.basis === 'collected' && credit.trigger !== 'paid')
      this.error('UnitsDiffer', `${path}/credit/basis`, 'what is collected is credited when it is paid');
    if (credit.during !== undefined) this.span(`${path}/credit/during`, credit.during[0], credit.during[1], '0', '1');
  }

  private override(id: string, credit: Extract<CreditDocument, { readonly override: unknown }>, path: string): void {
    credit.override.forEach((childId, at) => {
      const child = this.byId.get(childId);
      const childPath = `${path}/override/${at}`;
      if (child === undefined || childId === id)
        this.error('ComponentUnknown', childPath, `"${childId}" is no other component of this plan`);
      else if ('override' in child.credit)
        this.error(
          'OverrideOfOverride',
          childPath,
          `"${childId}" is an override itself; every level is on the original child`,
        );
      else if (credit.of !== 'earning' && directCreditOf(child, this.byId)?.basis === 'quantity')
        this.error('UnitsDiffer', childPath, `"${childId}" is credited by quantity; a level is a share of money`);
      if (credit.override.indexOf(childId) !== at)
        this.error('ComponentTwice', childPath, `"${childId}" is there twice`);
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
              'a rate of a spread is looked up by partner',
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
    const channels = conditions?.['partner.channel'];
    if (channels === undefined) return;
    for (const channel of typeof channels === 'string' ? [channels] : Array.isArray(channels) ? channels : [])
      if (!CHANNELS.has(channel))
        this.error('ChannelUnknown', `${path}/partner.channel`, `"${channel}" is none of: ${[...CHANNELS].join(', ')}`);
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
        'baseline, quota and proration belong to a window of the calendar',
      );
    if (noYear && gate?.growth !== undefined)
      this.error('FieldMisplaced', `${path}/gate/growth`, 'growth is over the same window of the year before');
    if (gate?.target !== undefined) this.amount(`${path}/gate/target`, gate.target);
    for (const field of ['attainment', 'growth'] as const)
      if (gate?.[field] !== undefined) this.tierRate(`${path}/gate/${field}`, gate[field]);
    const takesQuota = gate?.attainment !== undefined || (rate !== undefined && 'accelerator' in rate);
    if (takesQuota && measure?.quota === undefined)
      this.error(
        'QuotaMissing',
        gate?.attainment === undefined ? `${path}/rate` : `${path}/gate/attainment`,
        'an attainment is of a quota: measure.quota is missing',
      );
    if (rate !== undefined && 'lagged' in rate && noYear)
      this.error('FieldMisplaced', `${path}/rate/lagged`, 'a lagged rate takes the window of the calendar before');
    if (measure?.above !== undefined && rate !== undefined && 'flat' in rate)
      this.error('UnitsDiffer', `${path}/measure/above`, 'a flat amount is no share of what lies above');
    if (gate !== undefined && rate !== undefined && 'flat' in rate && gate.from === 'above')
      this.error('UnitsDiffer', `${path}/gate/from`, 'a flat amount is paid from the first, or not');
  }

  private rate(component: ComponentDocument, rate: RateDocument, credit: DirectCreditDocument, path: string): void {
    const byQuantity = credit.basis === 'quantity';
    const shareOfQuantity = (field: string) =>
      this.error(
        'UnitsDiffer',
        `${path}/${field}`,
        'a share of a quantity is no money; pay so much a unit: { flat: 2.50, per: unit }',
      );
    if (byQuantity && credit.trigger === 'paid')
      this.error('UnitsDiffer', path, 'an instalment has no units; credit a quantity when booked or invoiced');
    if ('percent' in rate) {
      if (byQuantity) shareOfQuantity('percent');
      else this.payRate(`${path}/percent`, rate.percent);
    } else if ('flat' in rate) {
      if (rate.per === 'unit') {
        this.unitPrice(`${path}/flat`, rate.flat);
        if (credit.trigger === 'paid')
          this.error('UnitsDiffer', `${path}/per`, 'an instalment has no units; pay per unit when booked or invoiced');
      } else this.amount(`${path}/flat`, rate.flat);
      const excepted = Object.keys(component.credit.except ?? {});
      if (rate.per === 'deal' && mixesPartnerAndLine(excepted))
        this.error(
          'ConditionsMixed',
          `${path.slice(0, -5)}/credit/except`,
          'a deal that is paid as one has no line to except for a partner',
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
        this.error('AmountInvalid', `${path}/stepped/every`, 'a step is more than 0');
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
              `"${name}" is not in the order of ${path}/matrix/by`,
            );
      });
    }
  }

  private acceleratorBands(bands: readonly { readonly upTo?: string; readonly times: string }[], path: string): void {
    let before = ZERO;
    bands.forEach(({ upTo, times }, at) => {
      const timesFault = decimalFault(times);
      if (timesFault !== undefined) this.error('RateInvalid', `${path}/${at}/times`, timesFault);
      const last = at === bands.length - 1;
      if (upTo === undefined) {
        if (!last) this.error('TierInvalid', `${path}/${at}`, 'only the last band has no end');
      } else if (last)
        this.error(
          'LastTierEnds',
          `${path}/${at}/upTo`,
          `nothing is said for what lies above ${upTo}; the last band has no end`,
        );
      else if (this.tierRate(`${path}/${at}/upTo`, upTo)) {
        const end = parseRate(upTo);
        if (compareRates(end, before) <= 0)
          this.error(
            'TiersNotAscending',
            `${path}/${at}/upTo`,
            `the band ends at ${upTo}, where the one before has ended already`,
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
        this.error('LastTierEnds', endPath, `nothing is said for what lies above ${end}; the last tier has no end`);
      else if (!last && end === undefined) this.error('TierInvalid', `${path}/${at}`, 'only the last tier has no end');
      else if (end !== undefined) endBefore = this.ends(endPath, end, endBefore);
      if (!byQuantity) this.payRate(`${path}/${at}/pay`, tier.pay);
      else {
        const fault = tier.pay.endsWith('%')
          ? 'a share of a quantity is no money; say an amount a unit'
          : decimalFault(tier.pay);
        if (fault !== undefined) this.error('UnitsDiffer', `${path}/${at}/pay`, fault);
      }
    });
  }

  private bands(bands: readonly { readonly within?: string; readonly take: string }[], path: string): void {
    let before = 0;
    let unit: string | undefined;
    bands.forEach(({ within, take }, at) => {
      if (this.tierRate(`${path}/${at}/take`, take) && compareRates(parseRate(take), ONE) > 0)
        this.error('RateTooLarge', `${path}/${at}/take`, `${take} takes back more than was earned`);
      const [count, ofUnit] = within?.split(' ') ?? [];
      before = this.ascending(`${path}/${at}/within`, count, before, at === bands.length - 1);
      const one = ofUnit?.slice(0, 3);
      if (one !== undefined && unit !== undefined && one !== unit)
        this.error('UnitsDiffer', `${path}/${at}/within`, 'bands count days or instalments, not both');
      unit ??= one;
    });
  }

  private hold({ part, schedule }: HoldDocument, path: string): void {
    if (part !== undefined && this.tierRate(`${path}/part`, part) && compareRates(parseRate(part), ONE) > 0)
      this.error('RateTooLarge', `${path}/part`, `${part} holds more than is earned`);
    if (schedule === undefined) return;
    let sum = ZERO;
    for (const [at, { share }] of schedule.entries())
      if (this.tierRate(`${path}/schedule/${at}/share`, share)) sum = addRates(sum, parseRate(share));
    if (compareRates(sum, ONE) !== 0)
      this.error('SharesInvalid', `${path}/schedule`, `the shares sum to ${formatRate(sum)}, not to 1`);
  }

  // ── Numbers, days and names ─────────────────────────────────────────────────────────────────────────────────────────

  private amount(path: string, text: string): boolean {
    const fault = this.amountFault(text);
    if (fault !== undefined) this.error('AmountInvalid', path, fault);
    return fault === undefined;
  }

  private amountFault(text: string): string | undefined {
    try {
      return parseMinor(text, this.decimals) > AMOUNT_MINOR_MAX
        ? `${text} is more than any plan pays or measures`
        : undefined;
    } catch (fault) {
      return fault instanceof MoneyError ? fault.reason : String(fault);
    }
  }

  private unitPrice(path: string, text: string): void {
    const fault =
      decimalFault(text) ??
      (compareRates(parseDecimal(text), UNIT_PRICE_MAX) > 0 ? `${text} is more than any unit is worth` : undefined);
    if (fault !== undefined) this.error('AmountInvalid', path, fault);
  }

  /** A rate that is paid: of more than the whole basis it is taken, but said. */
  private payRate(path: string, text: string): void {
    if (this.tierRate(path, text) && compareRates(parseRate(text), ONE) > 0)
      this.problems.push({
        code: 'RateAboveWhole',
        severity: 'warning',
        message: `${text} pays more than the whole basis; a per cent is written with its sign: 4 %`,
        path,
      });
  }

  /** True where the text is a rate that a plan can have. */
  private tierRate(path: string, text: string): boolean {
    try {
      if (compareRates(parseRate(text), RATE_MAX) <= 0) return true;
      this.error('RateTooLarge', path, `${text} is more than any rate: at the most ${formatRate(RATE_MAX)}`);
    } catch (fault) {
      this.error('RateInvalid', path, fault instanceof MoneyError ? fault.reason : String(fault));
    }
    return false;
  }

  /** The end in minor units, where it is one and lies above the one before; else the one before. */
  private ends(path: string, text: string, beforeMinor: bigint): bigint {
    if (!this.amount(path, text)) return beforeMinor;
    const minor = parseMinor(text, this.decimals);
    if (minor > beforeMinor) return minor;
    this.error('TiersNotAscending', path, `the tier ends at ${text}, where the one before has ended already`);
    return beforeMinor;
  }

  private ascending(path: string, text: string | undefined, before: number, last: boolean): number {
    if (text === undefined) {
      if (!last) this.error('TierInvalid', path.slice(0, path.lastIndexOf('/')), 'only the last one has no end');
      return before;
    }
    const end = Number(text);
    if (end <= before)
      this.error('TiersNotAscending', path, `it ends at ${text}, where the one before has ended already`);
    return end;
  }

  private day(path: string, text: string): boolean {
    const exists = isDay(text);
    if (!exists) this.error('DayInvalid', path, `"${text}" is no day of the calendar`);
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
      this.error('SpanEmpty', `${path}/${last}`, `${until} lies before ${from}`);
  }

  private over(path: string, over: Over): void {
    const fault = overFault(this.document.calendar, over);
    if (fault !== undefined) this.error('WindowTooShort', path, fault);
  }

  private componentIds(path: string, ids: readonly string[], own?: string): void {
    ids.forEach((id, at) => {
      if (!this.byId.has(id) || id === own)
        this.error('ComponentUnknown', `${path}/${at}`, `"${id}" is no other component of this plan`);
    });
  }
}

function mixesPartnerAndLine(keys: readonly string[]): boolean {
  return keys.some((key) => key.startsWith('partner.')) && keys.some((key) => key.startsWith('line.'));
}
