/**
 * Stage 1, credit: which payees a deal credits, with which lines, of what basis. A pure function of deal, plan versions,
 * partners and exchange rates.
 */
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { allocate, assertShares } from '@tantieme/money/allocation';
import { decimalsOf } from '@tantieme/money/currency';
import { addRates, decimalFault, formatRate, ONE, parseDecimal, parseRate, powerOfTen } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { divideRounded } from '@tantieme/money/rounding';
import { addDays, dayAt, lastDayOfPeriod, periodAt, windowAt, windowStartDay } from '@tantieme/time/calendar';
import { isPartner, meetsDealAndLine, meetsPartner } from './conditions.js';
import type { Subject } from './conditions.js';
import { compareCreditLines } from './credit-line.js';
import type { Conversion, CreditLine, Reversal } from './credit-line.js';
import { dealKey } from '../deal/deal.js';
import type { Deal, DealLine, DealRole, DealTerms, Trigger } from '../deal/deal.js';
import { EngineError } from '../engine-error.js';
import { holdLines } from './hold.js';
import { DAY_MS, floor, formatInstant, parseInstant } from '@tantieme/time/instant';
import { compareText, formatNet, triggeredParts, magnitude, QUANTITY_MAX } from '../deal/occurrence.js';
import type { LinePart, ReturnedPart } from '../deal/occurrence.js';
import type { CompiledComponent, CompiledPlan, DirectCredit } from '../plan/compiled.js';
import type { PartnerAsOf } from './partner.js';
import type { Basis } from '../plan/document.js';
import { historyOf, inForce } from '../plan/history.js';
import type { ComponentVersion, History, PlanVersion } from '../plan/history.js';
import { monthParts, subscriptionFault } from '../deal/service-months.js';
import type { MonthPart } from '../deal/service-months.js';

/** A rate as it was published: so many units of `to` for one of `from`. */
export interface ExchangeRateAsOf {
  /** A decimal, or an exact fraction where the inverse was published. */
  readonly rate: string;
  readonly date: string;
  readonly source: string;
}

export interface CreditLookup {
  /** The partner as of a day (`2026-03-05`), or undefined where none is known. */
  partner(id: string, day: string): PartnerAsOf | undefined;
  /** The last rate that was published on or before the day, and not more than so many days before. */
  exchangeRate?(from: string, to: string, day: string, maxAgeDays: number): ExchangeRateAsOf | undefined;
  /** The average of the rates that were published from one day to before another, where there are any. */
  exchangeAverage?(from: string, to: string, fromDay: string, untilDay: string): ExchangeRateAsOf | undefined;
}

export interface PayeeCredit {
  readonly payee: string;
  /** In canonical order. */
  readonly lines: readonly CreditLine[];
}

export type PendingReason =
  | 'PartnerMissing'
  | 'PlanMissing'
  | 'PlanNotInForce'
  | 'AgreementMissing'
  | 'ExchangeRateMissing'
  | 'TermsMissing'
  | 'TermsInvalid'
  /** Its credits are more than an event holds; said by who stores them. */
  | 'DealTooLarge';

/** Why a deal, or a part of it, is not credited yet. Nothing is guessed. */
export interface Pending {
  readonly code: PendingReason;
  /** What is missing: `partner:P1`, `plan:x`, `exchange-rate:EUR/USD`, `deal:crm|D-1`. */
  readonly subject: string;
  readonly message: string;
}

export interface DealCredits {
  /** In order of payee. */
  readonly credits: readonly PayeeCredit[];
  readonly pending: readonly Pending[];
}

/**
 * All that one plan credits for a deal. `versions` are all versions of the plan (of two that take effect on one day, the
 * later in the list counts); the list must not be changed afterwards. A partner of the deal without agreement to the plan
 * on the day is passed over: the caller tells whether any plan applied.
 *
 * A version is in force for a line when it is the latest whose day is not after the start of the component's measurement
 * window, and none after the plan's last day. A line is brought to the plan's currency and shared among the holders of the component's role, to the minor unit. A
 * flat amount per deal or per line is credited once, when its first occurrence happens. What of the deal cannot be read (a
 * date that does not exist, an amount that is none) makes it addPending with the reason; nothing that a source can say throws.
 */
export function creditDeal(deal: Deal, versions: readonly PlanVersion[], lookup: CreditLookup): DealCredits {
  const terms = deal.terms;
  if (terms === undefined) {
    const subject = `deal:${dealKey(deal)}`;
    return {
      credits: [],
      pending: [{ code: 'TermsMissing', subject, message: 'only facts without terms are known of the deal' }],
    };
  }
  const work = startWork(deal, terms, lookup);
  const history = historyOf(versions);
  for (const trigger of history.triggers) {
    const { parts, faults } = triggeredParts(deal, terms, trigger);
    for (const { code, message } of faults) addPending(work, code, `deal:${dealKey(deal)}`, message);
    if (parts.length === 0) continue;
    for (const component of history.components) creditComponent(work, component, trigger, parts);
    addMissingVersion(work, history, parts);
  }
  const credited = work.credited.slice();
  for (const component of history.components)
    if (component.overrides) for (const child of credited) creditUplines(work, component, child);
  return finish(work);
}

// ── The work on one deal ────────────────────────────────────────────────────────────────────────────────────────────

interface Credited {
  readonly payee: string;
  readonly plan: CompiledPlan;
  readonly component: CompiledComponent;
  readonly atMs: number;
  readonly subject: Subject;
  readonly line: CreditLine;
  readonly returns: readonly (CreditLine & { readonly reverses: Reversal })[];
}

interface Holder {
  readonly partner: string;
  readonly share: Rate;
}

interface Work {
  readonly deal: Deal;
  readonly terms: DealTerms;
  readonly lookup: CreditLookup;
  readonly credited: Credited[];
  readonly pending: Map<string, Pending>;
  /** By day, then by id. */
  readonly partners: Map<string, Map<string, PartnerAsOf | undefined>>;
  readonly holders: Map<DealRole, readonly Holder[]>;
}

function startWork(deal: Deal, terms: DealTerms, lookup: CreditLookup): Work {
  return { deal, terms, lookup, credited: [], pending: new Map(), partners: new Map(), holders: new Map() };
}

function addPending(work: Work, code: PendingReason, subject: string, message: string): void {
  const key = `${code} ${subject}`;
  // Of two reasons with one subject, the first in order of text is told, whatever the order of the search.
  const told = work.pending.get(key);
  if (told === undefined || message < told.message) work.pending.set(key, { code, subject, message });
}

function partnerAsOf(work: Work, id: string, day: string): PartnerAsOf | undefined {
  let ofDay = work.partners.get(day);
  if (ofDay === undefined) work.partners.set(day, (ofDay = new Map<string, PartnerAsOf | undefined>()));
  let partner = ofDay.get(id);
  if (partner === undefined && !ofDay.has(id)) {
    partner = work.lookup.partner(id, day);
    ofDay.set(id, partner);
  }
  if (partner === undefined)
    addPending(work, 'PartnerMissing', `partner:${id}`, `the partner ${id} is not known on ${day}`);
  return partner;
}

/** True where the partner's agreement to the plan is in force, or ended so lately that deals still count. */
function participates({ plans, ended }: PartnerAsOf, { id, ends: { tailDays } }: CompiledPlan, day: string): boolean {
  if (plans.includes(id)) return true;
  if (tailDays === 0 || ended === undefined) return false;
  return ended.some(({ plan, until }) => plan === id && day < addDays(until, tailDays));
}

/** Who holds the role, in declared order, each once. Empty, with a reason, where the shares do not make a whole. */
function holdersOf(work: Work, role: DealRole): readonly Holder[] {
  let holders = work.holders.get(role);
  if (holders === undefined) {
    holders = readHolders(work, role);
    work.holders.set(role, holders);
  }
  return holders;
}

function readHolders(work: Work, role: DealRole): readonly Holder[] {
  const shares = new Map<string, Rate>();
  try {
    for (const { role: held, partner, share } of work.terms.partners) {
      if (held !== role) continue;
      const rate = share === undefined ? ONE : parseRate(share);
      const before = shares.get(partner);
      shares.set(partner, before === undefined ? rate : addRates(before, rate));
    }
    if (shares.size > 0) assertShares([...shares.values()]);
  } catch (fault) {
    if (!(fault instanceof MoneyError)) throw fault;
    addPending(work, 'TermsInvalid', `deal:${dealKey(work.deal)}`, `shares of the role ${role}: ${fault.reason}`);
    return [];
  }
  return Array.from(shares, ([partner, share]) => ({ partner, share }));
}

/** Parts that are paid together: one of a line, or all of a line or a deal where a flat amount is paid once. */
interface Unit {
  readonly version: ComponentVersion;
  readonly component: CompiledComponent;
  readonly credit: DirectCredit;
  readonly parts: (LinePart | MonthPart)[];
}

function creditComponent(
  work: Work,
  { versions }: History['components'][number],
  trigger: Trigger,
  parts: readonly LinePart[],
): void {
  const units = new Map<string, Unit>();
  let occurrence: LinePart['occurrence'] | undefined;
  let version: ComponentVersion | undefined;
  for (const part of parts) {
    if (part.occurrence !== occurrence) {
      occurrence = part.occurrence;
      version = inForce(versions, occurrence.atMs);
    }
    const component = version?.component;
    if (version === undefined || component === undefined) continue;
    const { credit } = component;
    if (credit.kind !== 'direct' || credit.trigger !== trigger) continue;
    const subject = subjectOf(work, part.line, version.plan, occurrence.atMs);
    if (!isDuring(credit, subject.day) || !meetsDealAndLine(credit, subject)) continue;
    for (const one of component.rate.kind === 'recurring' ? monthsOf(work, version.plan, component, part) : [part]) {
      const key = unitKey(component, one);
      const unit = units.get(key);
      if (unit === undefined) units.set(key, { version, component, credit, parts: [one] });
      else unit.parts.push(one);
    }
  }
  for (const unit of units.values()) creditUnit(work, unit);
}

function subjectOf({ deal, terms }: Work, line: DealLine | undefined, plan: CompiledPlan, atMs: number): Subject {
  return { deal, terms, line, day: dayAt(plan.calendar.timeZone, atMs) };
}

function isDuring({ during }: DirectCredit, day: string): boolean {
  return during === undefined || (during[0] <= day && day <= during[1]);
}

/** The months of service of a part; none, with a reason, where the line does not say its term. */
function monthsOf(work: Work, plan: CompiledPlan, { id }: CompiledComponent, part: LinePart): readonly MonthPart[] {
  const { subscription } = part.line;
  const fault = subscriptionFault(part.line);
  if (subscription === undefined || fault !== undefined) {
    const code = subscription === undefined ? 'TermsMissing' : 'TermsInvalid';
    addPending(work, code, `deal:${dealKey(work.deal)}`, `line ${part.line.id}, for ${plan.id}/${id}: ${fault ?? ''}`);
    return [];
  }
  const { timeZone } = plan.calendar;
  return monthParts(part, subscription, dayAt(timeZone, part.occurrence.atMs), timeZone);
}

function unitKey({ rate }: CompiledComponent, part: LinePart | MonthPart): string {
  if (rate.kind === 'flat' && rate.per === 'deal') return '';
  if (rate.kind === 'flat' && rate.per === 'line') return part.line.id;
  return `${part.occurrence.name} ${part.line.id}${'month' in part ? ` ${part.month}` : ''}`;
}

function creditUnit(work: Work, unit: Unit): void {
  const { plan } = unit.version;
  const first = unit.parts[0];
  if (first === undefined) return;
  const { component } = unit;
  const { atMs } = first.occurrence;
  const wholeDeal = component.rate.kind === 'flat' && component.rate.per === 'deal';
  const rule = component.rate.kind === 'matrix' ? mostSpecificRule(component.rate, first.line) : undefined;
  if (component.rate.kind === 'matrix' && rule === undefined) return;
  const subject = subjectOf(work, first.line, plan, atMs);
  const holders = holdersOf(work, unit.credit.to);
  let basis: SharedBasis | undefined;
  holders.forEach(({ partner: id }, index) => {
    const partner = partnerAsOf(work, id, subject.day);
    if (partner === undefined) return;
    const payees = component.measure.team ? [partner, ...uplinesOf(work, partner, subject.day)] : [partner];
    for (const payee of payees) {
      if (!participates(payee, plan, subject.day) || !meets(work, unit.credit, subject, payee)) continue;
      basis ??= sharedBasisOf(work, unit, holders, atMs);
      const partMinor = basis?.parts[index];
      if (basis === undefined || partMinor === undefined) return;
      const line: CreditLine = {
        component: component.id,
        planHash: plan.hash,
        occurrence: first.occurrence.name,
        line: wholeDeal ? '' : first.line.id,
        at: formatInstant(atMs),
        period: periodAt(plan.calendar, atMs),
        window: windowOf(plan, component, atMs),
        basis: formatMinor(partMinor, plan.decimals),
        ...unitsOf(component, first.line, holders, index),
        ...('month' in first ? { month: first.month } : {}),
        ...(rule === undefined ? {} : { rule }),
        ...(payee === partner ? {} : { child: { component: component.id, payee: partner.id } }),
        ...(basis.converted === undefined ? {} : { converted: basis.converted }),
      };
      const returns = returnLines(work, component, line, atMs, partMinor, unit.parts, plan);
      const dealLine = { ...subject, line: wholeDeal ? undefined : first.line };
      work.credited.push({ payee: payee.id, plan, component, atMs, subject: dealLine, line, returns });
    }
  });
}

/** The unit's basis in the plan's currency, shared among the holders. */
interface SharedBasis {
  readonly parts: readonly bigint[];
  readonly converted: Conversion | undefined;
}

function sharedBasisOf(work: Work, unit: Unit, holders: readonly Holder[], atMs: number): SharedBasis | undefined {
  const sumMinor = basisOf(work, unit);
  if (sumMinor === undefined) return undefined;
  const exchanged = convert(work, unit, sumMinor, atMs);
  if (exchanged === undefined) return undefined;
  const shares = holders.map(({ share }) => share);
  return { parts: allocate(exchanged.minor, shares, unit.credit.remainder), converted: exchanged.converted };
}

function meets(work: Work, credit: DirectCredit, subject: Subject, partner: PartnerAsOf): boolean {
  try {
    return meetsPartner(credit, subject, partner);
  } catch (fault) {
    if (!(fault instanceof EngineError) || fault.code !== 'ExpressionFailed') throw fault;
    addPending(work, 'TermsInvalid', `deal:${dealKey(work.deal)}`, fault.message);
    return false;
  }
}

/** What a line is measured in: a window of the calendar, its own deal, or all of the time. */
function windowOf({ calendar }: CompiledPlan, { measure: { over } }: CompiledComponent, atMs: number): string {
  if (over === 'deal') return 'deal';
  return typeof over === 'object' ? 'rolling' : windowAt(calendar, over, atMs);
}

/** What a flat amount is paid of: units, and the shares of those who split it. */
function unitsOf(
  { rate }: CompiledComponent,
  { quantity }: DealLine,
  holders: readonly Holder[],
  index: number,
): Pick<CreditLine, 'quantity' | 'split'> {
  if (rate.kind !== 'flat') return {};
  return {
    ...(rate.per === 'unit' && quantity !== undefined ? { quantity } : {}),
    ...(holders.length > 1 ? { split: { shares: holders.map(({ share }) => formatRate(share)), index } } : {}),
  };
}

/** Of the rules that fit the line, the one that names the earliest attribute, then the next; of equals, the first. */
function mostSpecificRule(
  { by, rules }: Extract<CompiledComponent['rate'], { readonly kind: 'matrix' }>,
  line: DealLine,
): number | undefined {
  let best: number | undefined;
  let bestRank = '';
  rules.forEach(({ values }, index) => {
    if (!values.every((value, at) => value === undefined || value === line[by[at] ?? 'product'])) return;
    const rank = values.map((value) => (value === undefined ? '0' : '1')).join('');
    if (best === undefined || rank > bestRank) {
      best = index;
      bestRank = rank;
    }
  });
  return best;
}

// ── The basis ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** The unit's basis in minor units of the deal's currency; undefined, with a reason, where the deal does not say what it takes. */
function basisOf(work: Work, { version: { plan }, credit, component, parts }: Unit): bigint | undefined {
  let sumMinor = 0n;
  for (const part of parts) {
    const basisMinor = basisOfPart(part, credit.basis, plan.decimals);
    const unitsFault =
      component.rate.kind === 'flat' && component.rate.per === 'unit' ? quantityFault(part.line) : undefined;
    const fault = typeof basisMinor === 'string' ? basisMinor : unitsFault;
    if (fault !== undefined || typeof basisMinor === 'string') {
      const code = fault?.endsWith('missing') ? 'TermsMissing' : 'TermsInvalid';
      addPending(
        work,
        code,
        `deal:${dealKey(work.deal)}`,
        `line ${part.line.id}, for ${plan.id}/${component.id}: ${fault}`,
      );
      return undefined;
    }
    sumMinor += basisMinor;
  }
  return sumMinor;
}

/** The basis in minor units, or why there is none. */
function basisOfPart(
  { line, netMinor, grossMinor, costMinor }: LinePart,
  basis: Basis,
  decimals: number,
): bigint | string {
  switch (basis) {
    // What a payment stands for is its part of the net: an instalment is what was collected.
    case 'net':
    case 'collected':
      return netMinor;
    case 'gross':
      return grossMinor ?? 'gross is missing';
    case 'margin':
      return costMinor === undefined ? 'cost is missing' : netMinor - costMinor;
    case 'quantity': {
      if (line.quantity === undefined) return 'quantity is missing';
      const fault = quantityFault(line);
      if (fault !== undefined) return fault;
      try {
        return parseMinor(line.quantity, decimals);
      } catch (tooPrecise) {
        if (tooPrecise instanceof MoneyError) return `quantity: ${tooPrecise.reason}`;
        throw tooPrecise;
      }
    }
    default:
      return basis satisfies never;
  }
}

function quantityFault(line: DealLine): string | undefined {
  if (line.quantity === undefined) return 'quantity is missing';
  const fault = decimalFault(line.quantity);
  if (fault !== undefined) return `quantity: ${fault}`;
  const { numerator, denominator } = parseDecimal(line.quantity);
  return magnitude(numerator) > QUANTITY_MAX * denominator
    ? `quantity: ${line.quantity} is more than any deal has`
    : undefined;
}

/** The basis in the plan's currency, rounded once; undefined, with a reason, where the rate is not known. */
function convert(
  work: Work,
  { version: { plan }, credit, parts }: Unit,
  minor: bigint,
  atMs: number,
): { readonly minor: bigint; readonly converted: Conversion | undefined } | undefined {
  const { currency: from } = work.terms;
  if (from === plan.currency || credit.basis === 'quantity') return { minor, converted: undefined };
  const { on } = plan.exchange;
  const found = exchangeRate(work, plan, parts, atMs);
  if (typeof found === 'string') {
    addPending(work, 'ExchangeRateMissing', `exchange-rate:${from}/${plan.currency}`, found);
    return undefined;
  }
  const { numerator, denominator } = parseRate(found.rate);
  const fromDecimals = decimalsOf(from);
  return {
    minor: divideRounded(
      minor * numerator * powerOfTen(plan.decimals),
      denominator * powerOfTen(fromDecimals),
      plan.rounding,
    ),
    converted: { from, amount: formatMinor(minor, fromDecimals), ...found, on },
  };
}

/** The rate, or why there is none. */
function exchangeRate(
  work: Work,
  plan: CompiledPlan,
  parts: readonly LinePart[],
  atMs: number,
): ExchangeRateAsOf | string {
  const { currency: from } = work.terms;
  const { calendar, currency: to } = plan;
  const { on, maxAgeDays } = plan.exchange;
  const needed = `the deal is in ${from}, the plan ${plan.id} in ${to}`;
  if (on === 'period-average') {
    const period = periodAt(calendar, atMs);
    const until = addDays(lastDayOfPeriod(calendar, period), 1);
    const average = work.lookup.exchangeAverage?.(from, to, windowStartDay(calendar, period), until);
    return average ?? `${needed}: no rate was published in ${period}`;
  }
  let day = dayAt(calendar.timeZone, atMs);
  if (on === 'period-end') day = lastDayOfPeriod(calendar, periodAt(calendar, atMs));
  if (on === 'invoice') {
    const invoiced = firstInvoiceOf(work.deal, parts[0]?.line.id);
    if (invoiced === undefined) return `${needed}: there is no invoice yet, whose day decides the rate`;
    day = dayAt(calendar.timeZone, parseInstant(invoiced));
  }
  const rate = work.lookup.exchangeRate?.(from, to, day, maxAgeDays);
  return rate ?? `${needed}: no rate was published in the ${maxAgeDays} days up to ${day}`;
}

function firstInvoiceOf({ invoices }: Deal, line: string | undefined): string | undefined {
  return invoices
    .filter(({ lines }) => lines === undefined || lines.some(({ id }) => id === line))
    .map(({ at }) => at)
    .sort((left, right) => parseInstant(left) - parseInstant(right))[0];
}

// ── Returns ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Return lines of a credited line: what came back of its parts, cause by cause. The basis is taken back cumulatively, so
 * that the lines of a whole return sum to the original, to the minor unit.
 */
function returnLines(
  { deal, terms }: Work,
  component: CompiledComponent,
  original: CreditLine,
  originalAtMs: number,
  basisMinor: bigint,
  parts: readonly LinePart[],
  plan: CompiledPlan,
): Credited['returns'] {
  if (component.returns.policy === 'none') return [];
  const netMinor = parts.reduce((sum, part) => sum + magnitude(part.netMinor), 0n);
  // Parts without any money can only come back whole: each counts the same.
  const weightOf = (taken: ReturnedPart): bigint => (netMinor > 0n ? taken.netMinor : taken.takesRemainder ? 1n : 0n);
  const of = netMinor > 0n ? netMinor : BigInt(parts.length);
  const causes = new Map<string, { readonly atMs: number; weight: bigint }>();
  for (const part of parts)
    for (const taken of part.returned) {
      const cause = causes.get(taken.name);
      if (cause === undefined) causes.set(taken.name, { atMs: taken.atMs, weight: weightOf(taken) });
      else cause.weight += weightOf(taken);
    }
  if (causes.size === 0) return [];
  const text = (weight: bigint) => (netMinor > 0n ? formatNet(weight, terms) : String(weight));
  const { window } = component.returns;
  let before = 0n;
  let basisBefore = 0n;
  return [...causes]
    .sort(([leftName, left], [rightName, right]) => left.atMs - right.atMs || compareText(leftName, rightName))
    .flatMap(([occurrence, { atMs: causeAtMs, weight }]) => {
      if (weight === 0n) return [];
      // A return dated before what it takes back belongs to where that was earned.
      const atMs = Math.max(causeAtMs, originalAtMs);
      const basisNow = divideRounded(basisMinor * (before + weight), of, plan.rounding);
      const { quantity: _quantity, split: _split, ...kept } = original;
      const line = {
        ...kept,
        occurrence,
        at: formatInstant(atMs),
        period: periodAt(plan.calendar, atMs),
        ...(window === 'current' ? { window: windowOf(plan, component, atMs) } : {}),
        basis: formatMinor(basisBefore - basisNow, plan.decimals),
        reverses: {
          occurrence: original.occurrence,
          returnedBefore: text(before),
          returned: text(weight),
          of: text(of),
          ...afterOf(deal, component, atMs, originalAtMs),
        },
      };
      before += weight;
      basisBefore = basisNow;
      return [line];
    });
}

/** What the bands of a component ask of a return: days, or instalments that were paid, since the line that it takes back. */
function afterOf(
  deal: Deal,
  { returns: { bands } }: CompiledComponent,
  atMs: number,
  originalAtMs: number,
): Pick<Reversal, 'after'> {
  if (bands === undefined) return {};
  return { after: bands.unit === 'days' ? floor((atMs - originalAtMs) / DAY_MS) : paymentsBefore(deal, atMs) };
}

function paymentsBefore({ payments }: Deal, atMs: number): number {
  return payments.filter(({ at, amount }) => parseInstant(at) <= atMs && !amount.startsWith('-')).length;
}

// ── Uplines ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Levels that are looked for at the most, of a team or a spread. */
const UPLINES_MAX = 50;

/** The partners above, from the nearest on. */
function uplinesOf(work: Work, partner: PartnerAsOf, day: string): readonly PartnerAsOf[] {
  const above: PartnerAsOf[] = [];
  const seen = new Set([partner.id]);
  for (let next = partner; above.length < UPLINES_MAX;) {
    const { upline } = next;
    // A circle is refused where uplines are recorded; corrected backwards, one may still show up on a day.
    if (upline === null || seen.has(upline)) break;
    seen.add(upline);
    const found = partnerAsOf(work, upline, day);
    if (found === undefined) break;
    above.push(found);
    next = found;
  }
  return above;
}

/**
 * Credits the partners above a payee, level by level, on the same basis, on what the child earns, or on the difference of
 * rates. A level whose partner does not take part in the plan, or does not meet the conditions, is paid to nobody; the levels
 * above keep their number.
 */
function creditUplines(work: Work, { id, versions }: History['components'][number], child: Credited): void {
  const version = inForce(versions, child.atMs);
  const component = version?.component;
  if (version === undefined || component === undefined || child.line.child !== undefined) return;
  const { credit, rate } = component;
  if (credit.kind !== 'override' || !credit.override.has(child.component.id)) return;
  const { plan } = version;
  const subject = { ...child.subject, day: dayAt(plan.calendar.timeZone, child.atMs) };
  if (!meetsDealAndLine(credit, subject)) return;
  const seller = partnerAsOf(work, child.payee, subject.day);
  if (seller === undefined) return;
  const levels = rate.kind === 'levels' ? rate.levels.length : UPLINES_MAX;
  let highest = rateOfSpread(component, subject, seller);
  for (const [index, partner] of uplinesOf(work, seller, subject.day).slice(0, levels).entries()) {
    const own = rateOfSpread(component, subject, partner);
    const isHigher = own.numerator * highest.denominator > highest.numerator * own.denominator;
    const spread = isHigher
      ? addRates(own, { numerator: -highest.numerator, denominator: highest.denominator })
      : undefined;
    if (isHigher) highest = own;
    if (rate.kind === 'spread' && spread === undefined) continue;
    if (!participates(partner, plan, subject.day) || !meetsPartner(credit, subject, partner)) continue;
    const overriding = {
      component: id,
      planHash: plan.hash,
      window: windowOf(plan, component, child.atMs),
      level: index + 1,
      child: { component: child.component.id, payee: child.payee },
      ...(rate.kind === 'spread' && spread !== undefined ? { spread: formatRate(spread) } : {}),
      // What the child earns is known where it is earned.
      ...(credit.of === 'earning' ? { basis: formatMinor(0n, plan.decimals) } : {}),
    };
    const overridden = (returned: Credited['returns'][number]): Credited['returns'][number] => {
      const { after: _after, ...taken } = returned.reverses;
      const reverses = { ...taken, ...afterOf(work.deal, component, parseInstant(returned.at), child.atMs) };
      const basis = credit.of === 'earning' ? {} : { basis: returned.basis };
      return { ...returned, ...overriding, ...basis, reverses };
    };
    work.credited.push({
      payee: partner.id,
      plan,
      component: component.hold === 'as-child' ? { ...component, hold: child.component.hold } : component,
      atMs: child.atMs,
      subject: child.subject,
      line: { ...withoutShares(child.line), ...overriding },
      returns: component.returns.policy === 'none' ? [] : child.returns.map(overridden),
    });
  }
}

function rateOfSpread({ credit }: CompiledComponent, subject: Subject, partner: PartnerAsOf): Rate {
  const none = { numerator: 0n, denominator: 1n };
  if (credit.kind !== 'override') return none;
  return credit.rates.find(({ where }) => isPartner(where, subject, partner))?.rate ?? none;
}

/** What a line is paid per unit, by rule, or as a part of a flat amount, is not what an override is paid on. */
function withoutShares(line: CreditLine): Omit<CreditLine, 'quantity' | 'split' | 'rule'> {
  if (line.quantity === undefined && line.split === undefined && line.rule === undefined) return line;
  const { quantity: _quantity, split: _split, rule: _rule, ...kept } = line;
  return kept;
}

// ── The answer ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Tells where a partner takes part in the plan at a time for which no version of it is in force. */
function addMissingVersion(work: Work, { components, newest: version }: History, parts: readonly LinePart[]): void {
  const newest = version?.plan;
  let occurrence: LinePart['occurrence'] | undefined;
  for (const part of parts) {
    if (part.occurrence === occurrence || newest === undefined) continue;
    occurrence = part.occurrence;
    const { atMs } = occurrence;
    if (components.some(({ versions }) => inForce(versions, atMs) !== undefined)) continue;
    const day = dayAt(newest.calendar.timeZone, atMs);
    const message =
      version?.lastDay !== undefined && version.lastDay < day
        ? `the plan ${newest.id} ended on ${version.lastDay}`
        : `no version of the plan ${newest.id} is in force on ${day}`;
    const roles = new Set(newest.components.flatMap(({ credit }) => (credit.kind === 'direct' ? [credit.to] : [])));
    for (const { role, partner } of work.terms.partners)
      if (roles.has(role) && work.lookup.partner(partner, day)?.plans.includes(newest.id))
        addPending(work, 'PlanNotInForce', `plan:${newest.id}`, message);
  }
}

function finish({ deal, terms, credited, pending }: Work): DealCredits {
  const byPayee = new Map<string, CreditLine[]>();
  for (const { payee, plan, component, line, returns } of credited) {
    let lines = byPayee.get(payee);
    if (lines === undefined) byPayee.set(payee, (lines = []));
    lines.push(line, ...returns);
    if (typeof component.hold === 'object') lines.push(...holdLines(deal, terms, plan, component.hold, line, returns));
  }
  return {
    credits: [...byPayee]
      .sort(([left], [right]) => compareText(left, right))
      .map(([payee, lines]) => ({ payee, lines: lines.sort(compareCreditLines) })),
    pending: [...pending.values()].sort(
      (left, right) => compareText(left.code, right.code) || compareText(left.subject, right.subject),
    ),
  };
}
