/**
 * A plan: the document that a channel manager writes, and what it is compiled to. All numbers of a document are decimal
 * text (`"150000"`, `"4 %"`): they were never a double.
 */
import { parseMinor } from '@tantieme/money/amount';
import { decimalsOf, isCurrency } from '@tantieme/money/currency';
import { compareRates, decimalFault, formatRate, ONE, parseDecimal, parseRate } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import type { RoundingMode } from '@tantieme/money/rounding';
import { calendarKey, isTimeZone } from './calendar.js';
import type { Calendar, Over } from './calendar.js';
import type { DealRole } from './deal.js';
import { EngineError } from './engine-error.js';
import { schemaProblems } from './plan-schema.js';
import type { Problem } from './plan-schema.js';
import { readPlanText } from './plan-text.js';

export type Trigger = 'booked' | 'invoiced' | 'paid' | 'sold-through';
export type Basis = 'net' | 'gross' | 'margin' | 'quantity';

/** All entries must hold; a list means any of its texts. Keys are `deal.*`, `line.*`, `partner.*`. */
export type Conditions = Readonly<Record<string, string | readonly string[]>>;

/** Which lines, to whom, of what. */
export interface DirectCreditDocument {
  readonly trigger: Trigger;
  /** Default `seller`. */
  readonly to?: DealRole;
  /** Default `net`. */
  readonly basis?: Basis;
  readonly where?: Conditions;
  readonly except?: Conditions;
}

/** What partners above the payee get of other components' lines; `levels[0]` is the direct upline's rate. */
export interface OverrideCreditDocument {
  readonly override: readonly string[];
  readonly of: 'basis';
  readonly levels: readonly string[];
  readonly where?: Conditions;
  readonly except?: Conditions;
}

/** A tier names only where it ends: `below` leaves the boundary to the next tier, `upTo` includes it. The last one is open. */
export interface TierDocument {
  readonly below?: string;
  readonly upTo?: string;
  readonly pay: string;
}

export type RateDocument =
  | { readonly percent: string }
  | { readonly flat: string; readonly per: FlatPer }
  | { readonly marginal: readonly TierDocument[] };

export type FlatPer = 'deal' | 'line' | 'unit';

export interface ComponentDocument {
  readonly id: string;
  readonly title?: string;
  readonly stacks?: readonly string[];
  readonly credit: DirectCreditDocument | OverrideCreditDocument;
  readonly measure?: { readonly over: Over };
  /** Left out for an override: its levels are its rates. */
  readonly rate?: RateDocument;
  readonly returns?: { readonly policy: 'line' };
}

export interface PlanDocument {
  readonly plan: string;
  readonly title: string;
  readonly pays?: 'commission';
  readonly currency: string;
  readonly calendar: Calendar;
  /** Default `half-up`. */
  readonly rounding?: RoundingMode;
  readonly settle?: { readonly minimum?: string };
  readonly components: readonly ComponentDocument[];
}

export type ConditionSubject = 'deal' | 'line' | 'partner';

export interface CompiledCondition {
  readonly subject: ConditionSubject;
  readonly name: string;
  readonly anyOf: ReadonlySet<string>;
}

export interface CompiledConditions {
  readonly where: readonly CompiledCondition[];
  readonly except: readonly CompiledCondition[];
}

export interface DirectCredit extends CompiledConditions {
  readonly kind: 'direct';
  readonly trigger: Trigger;
  readonly to: DealRole;
  readonly basis: Basis;
}

export interface OverrideCredit extends CompiledConditions {
  readonly kind: 'override';
  readonly of: readonly string[];
}

export interface CompiledTier {
  /** Where the tier ends, in minor units of the measurement; undefined for the last, open one. */
  readonly untilMinor: bigint | undefined;
  readonly rate: Rate;
  /** The rate as exact decimal text, for traces. */
  readonly rateText: string;
  /** The rate over the denominator that all tiers of the component share. */
  readonly numerator: bigint;
}

export type CompiledRate =
  | { readonly kind: 'percent'; readonly rate: Rate; readonly rateText: string }
  | { readonly kind: 'flat'; readonly per: FlatPer; readonly amount: Rate; readonly amountText: string }
  | { readonly kind: 'marginal'; readonly tiers: readonly CompiledTier[]; readonly denominator: bigint }
  | { readonly kind: 'levels'; readonly levels: readonly { readonly rate: Rate; readonly rateText: string }[] };

export interface CompiledComponent {
  readonly id: string;
  readonly title: string;
  readonly credit: DirectCredit | OverrideCredit;
  readonly over: Over;
  readonly rate: CompiledRate;
  readonly returns: 'line';
}

export interface CompiledPlan {
  /** Identity of the document, given by the caller (SHA-256 of its canonical JSON). */
  readonly hash: string;
  readonly id: string;
  readonly title: string;
  readonly currency: string;
  /** Decimals of the currency. */
  readonly decimals: number;
  readonly calendar: Calendar;
  /** `monthly@Europe/Paris` */
  readonly calendarKey: string;
  readonly rounding: RoundingMode;
  /** Smallest amount worth a payment. */
  readonly minimumMinor: bigint;
  readonly components: readonly CompiledComponent[];
  readonly componentById: ReadonlyMap<string, CompiledComponent>;
}

/** What is to be said about a document, and where. `line` and `column` count from 1. */
export interface Finding {
  /** Stable: `TiersNotAscending`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** JSON pointer into the document: `/components/0/rate/marginal/1/below`. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

export interface ParsedPlan {
  /** There where no finding is an error. */
  readonly document?: PlanDocument;
  /** The document compiled, under the hash that was given. */
  readonly plan?: CompiledPlan;
  readonly findings: readonly Finding[];
}

/**
 * A plan document from YAML or JSON text. Never throws: what is wrong is a finding with its place.
 * `hash` is what the compiled plan is to be known by; whoever computes it from the document compiles again with it.
 */
export function parsePlan(text: string, hash = ''): ParsedPlan {
  const read = readPlanText(text);
  if (read.problems.length > 0) return { findings: read.problems };
  const violations = schemaProblems(read.value);
  const problems = isPlanDocument(read.value, violations) ? planProblems(read.value) : violations;
  const findings = problems
    .map((problem) => ({ ...problem, ...read.placeOf(problem.path) }))
    .sort((left, right) => left.line - right.line || left.column - right.column);
  if (findings.some(({ severity }) => severity === 'error') || !isPlanDocument(read.value, violations))
    return { findings };
  return { document: read.value, plan: compilePlan(read.value, hash), findings };
}

function isPlanDocument(value: unknown, violations: readonly Problem[]): value is PlanDocument {
  return typeof value === 'object' && value !== null && violations.length === 0;
}

/** What the schema cannot say. */
function planProblems(document: PlanDocument): readonly Problem[] {
  const problems: Problem[] = [];
  const error = (code: string, path: string, message: string) =>
    problems.push({ code, severity: 'error', message, path });
  const warning = (code: string, path: string, message: string) =>
    problems.push({ code, severity: 'warning', message, path });

  if (!isCurrency(document.currency))
    error('CurrencyUnknown', '/currency', `"${document.currency}" is no ISO 4217 currency`);
  if (!isTimeZone(document.calendar.timeZone))
    error(
      'TimeZoneUnknown',
      '/calendar/timeZone',
      `"${document.calendar.timeZone}" is no IANA time zone, such as Europe/Paris`,
    );
  const decimals = isCurrency(document.currency) ? decimalsOf(document.currency) : 4;
  const amountFault = (text: string): string | undefined => {
    try {
      return parseMinor(text, decimals) > AMOUNT_MINOR_MAX
        ? `${text} is more than any plan pays or measures`
        : undefined;
    } catch (fault) {
      return fault instanceof MoneyError ? fault.reason : String(fault);
    }
  };
  const checkAmount = (path: string, text: string): boolean => {
    const fault = amountFault(text);
    if (fault !== undefined) error('AmountInvalid', path, fault);
    return fault === undefined;
  };
  const checkRate = (path: string, text: string): void => {
    const fault = rateFault(text);
    if (fault !== undefined) error('RateInvalid', path, fault);
    else if (compareRates(parseRate(text), RATE_MAX) > 0)
      error('RateTooLarge', path, `${text} is more than any rate: at the most ${formatRate(RATE_MAX)}`);
    else if (compareRates(parseRate(text), ONE) > 0)
      warning(
        'RateAboveWhole',
        path,
        `${text} pays more than the whole basis; a per cent is written with its sign: 4 %`,
      );
  };

  if (document.settle?.minimum !== undefined) checkAmount('/settle/minimum', document.settle.minimum);
  const byId = new Map(document.components.map((component) => [component.id, component]));
  const seen = new Set<string>();
  document.components.forEach((component, index) => {
    const path = `/components/${index}`;
    if (seen.has(component.id)) error('ComponentTwice', `${path}/id`, `the component "${component.id}" is there twice`);
    seen.add(component.id);
    component.stacks?.forEach((id, at) => {
      if (!byId.has(id) || id === component.id)
        error('ComponentUnknown', `${path}/stacks/${at}`, `"${id}" is no other component of this plan`);
    });
    checkConditions(component.credit.where, `${path}/credit/where`);
    checkConditions(component.credit.except, `${path}/credit/except`);
    if ('override' in component.credit) {
      const { override, levels } = component.credit;
      override.forEach((id, at) => {
        const child = byId.get(id);
        const childPath = `${path}/credit/override/${at}`;
        if (child === undefined || id === component.id)
          error('ComponentUnknown', childPath, `"${id}" is no other component of this plan`);
        else if ('override' in child.credit)
          error(
            'NotSupportedYet',
            childPath,
            `"${id}" is an override itself; an override of overrides is not supported yet`,
          );
        else if (child.credit.basis === 'quantity')
          error('UnitsDiffer', childPath, `"${id}" is credited by quantity; a level is a share of money`);
        if (override.indexOf(id) !== at) error('ComponentTwice', childPath, `"${id}" is there twice`);
      });
      levels.forEach((level, at) => checkRate(`${path}/credit/levels/${at}`, level));
      return;
    }
    if (component.rate === undefined) return;
    checkRateOf(component.rate, component.credit, `${path}/rate`);
    const excepted = Object.keys(component.credit.except ?? {});
    if ('flat' in component.rate && component.rate.per === 'deal' && mixesPartnerAndLine(excepted))
      error(
        'NotSupportedYet',
        `${path}/credit/except`,
        'conditions on line and partner together are not supported yet where a deal is paid as one',
      );
  });

  function checkConditions(conditions: Conditions | undefined, path: string): void {
    const channels = conditions?.['partner.channel'];
    if (channels === undefined) return;
    for (const channel of typeof channels === 'string' ? [channels] : channels)
      if (!CHANNELS.has(channel))
        error('ChannelUnknown', `${path}/partner.channel`, `"${channel}" is none of: ${[...CHANNELS].join(', ')}`);
  }

  function checkRateOf(rate: RateDocument, credit: DirectCreditDocument, path: string): void {
    const byQuantity = credit.basis === 'quantity';
    if ('percent' in rate) {
      if (byQuantity)
        error(
          'UnitsDiffer',
          `${path}/percent`,
          'a share of a quantity is no money; pay so much a unit: { flat: 2.50, per: unit }',
        );
      else checkRate(`${path}/percent`, rate.percent);
    } else if ('flat' in rate) {
      if (rate.per === 'unit') {
        const fault = unitPriceFault(rate.flat);
        if (fault !== undefined) error('AmountInvalid', `${path}/flat`, fault);
        if (credit.trigger === 'paid')
          error('UnitsDiffer', `${path}/per`, 'an instalment has no units; pay per unit when booked or invoiced');
      } else checkAmount(`${path}/flat`, rate.flat);
    } else checkTiers(rate.marginal, byQuantity, `${path}/marginal`);
    if (byQuantity && credit.trigger === 'paid')
      error('UnitsDiffer', path, 'an instalment has no units; credit a quantity when booked or invoiced');
  }

  function checkTiers(tiers: readonly TierDocument[], byQuantity: boolean, path: string): void {
    let endBefore = 0n;
    tiers.forEach((tier, at) => {
      const end = tier.below ?? tier.upTo;
      const endPath = `${path}/${at}/${tier.below === undefined ? 'upTo' : 'below'}`;
      const last = at === tiers.length - 1;
      if (last && end !== undefined)
        error('LastTierEnds', endPath, `nothing is said for what lies above ${end}; the last tier has no end`);
      else if (!last && end === undefined) error('TierInvalid', `${path}/${at}`, 'only the last tier has no end');
      else if (end !== undefined && checkAmount(endPath, end)) {
        const endMinor = parseMinor(end, decimals);
        if (endMinor <= endBefore)
          error('TiersNotAscending', endPath, `the tier ends at ${end}, where the one before has ended already`);
        endBefore = endMinor;
      }
      if (!byQuantity) checkRate(`${path}/${at}/pay`, tier.pay);
      else {
        const fault = tier.pay.endsWith('%')
          ? 'a share of a quantity is no money; say an amount a unit'
          : decimalFault(tier.pay);
        if (fault !== undefined) error('UnitsDiffer', `${path}/${at}/pay`, fault);
      }
    });
  }
  return problems;
}

function mixesPartnerAndLine(keys: readonly string[]): boolean {
  return keys.some((key) => key.startsWith('partner.')) && keys.some((key) => key.startsWith('line.'));
}

const CHANNELS: ReadonlySet<string> = new Set(['retail', 'e-commerce', 'wholesale', 'distributor', 'direct']);

/** Largest rate: a plan that pays ten thousand times its basis has lost a point. */
const RATE_MAX: Rate = { numerator: 10_000n, denominator: 1n };
/** Largest amount or boundary of a plan, in minor units, and largest amount a unit, in currency units. */
const AMOUNT_MINOR_MAX = 10n ** 18n;
const UNIT_PRICE_MAX: Rate = { numerator: 10n ** 12n, denominator: 1n };

function unitPriceFault(text: string): string | undefined {
  const fault = decimalFault(text);
  if (fault !== undefined) return fault;
  return compareRates(parseDecimal(text), UNIT_PRICE_MAX) > 0 ? `${text} is more than any unit is worth` : undefined;
}

function rateFault(text: string): string | undefined {
  try {
    parseRate(text);
    return undefined;
  } catch (fault) {
    return fault instanceof MoneyError ? fault.reason : String(fault);
  }
}

/** @throws {EngineError} `PlanInvalid`, for a document that `parsePlan` did not let through */
export function compilePlan(document: PlanDocument, hash: string): CompiledPlan {
  const problem = planProblems(document).find(({ severity }) => severity === 'error');
  if (problem !== undefined) throw new EngineError('PlanInvalid', `${problem.path}: ${problem.message}`);
  const decimals = decimalsOf(document.currency);
  const components = document.components.map((component) => compileComponent(component, decimals));
  return {
    hash,
    id: document.plan,
    title: document.title,
    currency: document.currency,
    decimals,
    calendar: document.calendar,
    calendarKey: calendarKey(document.calendar),
    rounding: document.rounding ?? 'half-up',
    minimumMinor: parseMinor(document.settle?.minimum ?? '0', decimals),
    components,
    componentById: new Map(components.map((component) => [component.id, component])),
  };
}

function compileComponent(component: ComponentDocument, decimals: number): CompiledComponent {
  const { credit } = component;
  const shared = {
    id: component.id,
    title: component.title ?? component.id,
    over: component.measure?.over ?? 'period',
  } as const;
  const conditions = { where: compileConditions(credit.where), except: compileConditions(credit.except) };
  if ('override' in credit)
    return {
      ...shared,
      credit: { kind: 'override', of: credit.override, ...conditions },
      rate: { kind: 'levels', levels: credit.levels.map(compileRateText) },
      returns: 'line',
    };
  if (component.rate === undefined) throw new EngineError('PlanInvalid', `the component "${component.id}" has no rate`);
  return {
    ...shared,
    credit: {
      kind: 'direct',
      trigger: credit.trigger,
      to: credit.to ?? 'seller',
      basis: credit.basis ?? 'net',
      ...conditions,
    },
    rate: compileRate(component.rate, decimals),
    returns: 'line',
  };
}

function compileConditions(conditions: Conditions = {}): readonly CompiledCondition[] {
  return Object.entries(conditions).map(([key, value]) => {
    const [subject, ...name] = key.split('.');
    if (subject !== 'deal' && subject !== 'line' && subject !== 'partner')
      throw new EngineError('PlanInvalid', `"${key}" is no condition`);
    return { subject, name: name.join('.'), anyOf: new Set(typeof value === 'string' ? [value] : value) };
  });
}

function compileRateText(text: string): { readonly rate: Rate; readonly rateText: string } {
  const rate = parseRate(text);
  return { rate, rateText: formatRate(rate) };
}

function compileRate(rate: RateDocument, decimals: number): CompiledRate {
  if ('percent' in rate) return { kind: 'percent', ...compileRateText(rate.percent) };
  if ('flat' in rate) return { kind: 'flat', per: rate.per, amount: parseDecimal(rate.flat), amountText: rate.flat };
  const tiers = rate.marginal.map(({ below, upTo, pay }) => {
    // Marginal rates are continuous: it makes no difference to the money which side holds the boundary itself.
    const end = below ?? upTo;
    return { untilMinor: end === undefined ? undefined : parseMinor(end, decimals), ...compileRateText(pay) };
  });
  const denominator = tiers.reduce((most, tier) => (tier.rate.denominator > most ? tier.rate.denominator : most), 1n);
  return {
    kind: 'marginal',
    denominator,
    tiers: tiers.map((tier) => ({ ...tier, numerator: (tier.rate.numerator * denominator) / tier.rate.denominator })),
  };
}

/**
 * What a new version of a plan may not change, because lines of both stand on one statement and in one measurement:
 * currency, calendar, and what sets off a component that keeps its id (a deal could be paid by both triggers).
 */
export function successionProblems(
  before: CompiledPlan,
  next: CompiledPlan,
): readonly { readonly code: string; readonly message: string }[] {
  const problems: { code: string; message: string }[] = [];
  if (before.currency !== next.currency)
    problems.push({
      code: 'CurrencyChanged',
      message: `a version keeps the currency ${before.currency}; make a new plan for ${next.currency}`,
    });
  if (before.calendarKey !== next.calendarKey)
    problems.push({
      code: 'CalendarChanged',
      message: `a version keeps the calendar ${before.calendarKey}; make a new plan for ${next.calendarKey}`,
    });
  for (const component of next.components) {
    const earlier = before.componentById.get(component.id);
    if (earlier !== undefined && triggerOf(earlier) !== triggerOf(component))
      problems.push({
        code: 'TriggerChanged',
        message: `the component "${component.id}" keeps its trigger; give one with another trigger another id`,
      });
  }
  return problems;
}

function triggerOf(component: CompiledComponent): string {
  return component.credit.kind === 'direct' ? component.credit.trigger : 'override';
}
