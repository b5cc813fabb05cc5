/**
 * Stage 1, credit: which payees a deal credits, with which lines, of what basis. A pure function of deal, plan versions
 * and partners.
 */
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { allocate, assertShares } from '@tantieme/money/allocation';
import { addRates, decimalFault, formatRate, ONE, parseDecimal, parseRate } from '@tantieme/money/decimal';
import type { Rate } from '@tantieme/money/decimal';
import { MoneyError } from '@tantieme/money/money-error';
import { divideRounded } from '@tantieme/money/rounding';
import { dayAt, periodAt, windowAt, windowStartDay } from './calendar.js';
import { dealKey } from './deal.js';
import type { Deal, DealLine, DealRole, DealTerms } from './deal.js';
import { formatInstant } from './instant.js';
import { compareText, formatNet, happened, magnitude, QUANTITY_MAX } from './occurrence.js';
import type { Part, TakenBack } from './occurrence.js';
import type {
  Basis,
  CompiledComponent,
  CompiledCondition,
  CompiledConditions,
  CompiledPlan,
  DirectCredit,
  Trigger,
} from './plan.js';

/** A partner as of a day. */
export interface PartnerAsOf {
  readonly id: string;
  readonly channel: string;
  readonly country: string;
  readonly tier: string | null;
  readonly upline: string | null;
  /** Plans that the partner has agreed to, in force on that day. */
  readonly plans: readonly string[];
}

export interface CreditLookup {
  /** The partner as of a day (`2026-03-05`), or undefined where none is known. */
  partner(id: string, day: string): PartnerAsOf | undefined;
}

export interface PlanVersion {
  /** Day in the plan's time zone; the version takes effect with the first measurement window that starts on or after it. */
  readonly effectiveFrom: string;
  readonly plan: CompiledPlan;
}

/** A return line: it takes back `returned` of `of`, after `returnedBefore` had been taken back. Net amounts, as magnitudes, in the deal's currency. */
export interface Reversal {
  /** Occurrence of the line that it takes back. */
  readonly occurrence: string;
  readonly returnedBefore: string;
  readonly returned: string;
  readonly of: string;
}

/**
 * One crediting of one line to one payee; plain JSON. Unique in its deal by `lineKey`. Amounts are decimal text with the
 * plan currency's decimals.
 */
export interface CreditLine {
  readonly component: string;
  readonly planHash: string;
  /** `booked`, `invoice:<id>`, `payment:<id>`, `sold-through:<id>`, `return:<id>`, `cancelled`. */
  readonly occurrence: string;
  /** The deal's line; empty where the component pays a deal as one. */
  readonly line: string;
  /** When it counts, `2026-03-05T10:00:00.000Z`. */
  readonly at: string;
  /** Period that it belongs to. */
  readonly period: string;
  /** Measurement window that it is measured in; a return line has its original's. */
  readonly window: string;
  /** The payee's part of the basis; of quantities, with the currency's decimals too. Negative in a return line. */
  readonly basis: string;
  /** Units of the line, whole (not the payee's part), where the rate is per unit. */
  readonly quantity?: string;
  /** Shares of all who hold the role, and which of them the payee's is, where a flat amount is to be split. */
  readonly split?: { readonly shares: readonly string[]; readonly index: number };
  /** Level of an override, from 1. */
  readonly level?: number;
  /** The credited line that an override is paid on. */
  readonly child?: { readonly component: string; readonly payee: string };
  readonly reverses?: Reversal;
}

export interface PayeeCredit {
  readonly payee: string;
  /** In canonical order. */
  readonly lines: readonly CreditLine[];
}

export type WaitingCode =
  | 'PartnerMissing'
  | 'PlanMissing'
  | 'PlanNotInForce'
  | 'AgreementMissing'
  | 'ExchangeRateMissing'
  | 'TermsMissing'
  | 'TermsInvalid';

/** Why a deal, or a part of it, is not credited yet. Nothing is guessed. */
export interface Waiting {
  readonly code: WaitingCode;
  /** What is missing: `partner:P1`, `plan:x`, `exchange-rate:EUR/USD`, `deal:crm|D-1`. */
  readonly subject: string;
  readonly message: string;
}

export interface DealCredits {
  /** In order of payee. */
  readonly credits: readonly PayeeCredit[];
  readonly waiting: readonly Waiting[];
}

/**
 * All that one plan credits for a deal. `versions` are all versions of the plan (of two that take effect on one day, the
 * later in the list counts); the list must not be changed afterwards. A partner of the deal without agreement to the plan
 * on the day is passed over: the caller tells whether any plan applied.
 *
 * A version is in force for a line when it is the latest whose day is not after the start of the component's measurement
 * window. A line is shared among the holders of the component's role, to the minor unit. A flat amount per deal or per line
 * is credited once, when its first occurrence happens. What of the deal cannot be read (a date that does not exist, an
 * amount that is none) makes it wait with the reason; nothing that a source can say throws.
 */
export function creditDeal(deal: Deal, versions: readonly PlanVersion[], lookup: CreditLookup): DealCredits {
  const terms = deal.terms;
  if (terms === undefined) {
    const subject = `deal:${dealKey(deal)}`;
    return {
      credits: [],
      waiting: [{ code: 'TermsMissing', subject, message: 'only facts without terms are known of the deal' }],
    };
  }
  const work = startWork(deal, terms, lookup);
  const history = historyOf(versions);
  for (const trigger of history.triggers) {
    const { parts, faults } = happened(deal, terms, trigger);
    for (const { code, message } of faults) wait(work, code, `deal:${dealKey(deal)}`, message);
    if (parts.length === 0) continue;
    for (const component of history.components) creditComponent(work, component, trigger, parts);
    tellOfNoVersion(work, history, parts);
  }
  const credited = work.credited.slice();
  for (const component of history.components)
    if (component.overrides) for (const child of credited) creditUplines(work, component, child);
  return finish(work);
}

/** Identity of a credit line within its deal and payee. */
export function lineKey(line: CreditLine): string {
  let key = `${line.component}|${line.occurrence}|${escaped(line.line)}`;
  if (line.reverses !== undefined) key += `|<${escaped(line.reverses.occurrence)}`;
  if (line.child !== undefined) key += `|^${line.child.component}|${escaped(line.child.payee)}`;
  return key;
}

/** Key of the line that a return line takes back. */
export function originalKey(line: CreditLine, reversal: Reversal): string {
  const key = `${line.component}|${reversal.occurrence}|${escaped(line.line)}`;
  return line.child === undefined ? key : `${key}|^${line.child.component}|${escaped(line.child.payee)}`;
}

function escaped(text: string): string {
  return text.includes('|') || text.includes('\\') ? text.replaceAll('\\', '\\\\').replaceAll('|', '\\|') : text;
}

/** Canonical order of the lines of one deal and payee. Total: 0 only for one and the same line. */
export function compareCreditLines(left: CreditLine, right: CreditLine): number {
  return (
    compareText(left.at, right.at) ||
    compareText(left.occurrence, right.occurrence) ||
    compareText(left.line, right.line) ||
    compareText(left.component, right.component) ||
    compareText(left.reverses?.occurrence ?? '', right.reverses?.occurrence ?? '') ||
    compareText(left.child?.component ?? '', right.child?.component ?? '') ||
    compareText(left.child?.payee ?? '', right.child?.payee ?? '')
  );
}

// ── Which version of a component is in force ────────────────────────────────────────────────────────────────────────

interface ComponentVersion {
  readonly effectiveFrom: string;
  readonly plan: CompiledPlan;
  /** Undefined where this version no longer has the component. */
  readonly component: CompiledComponent | undefined;
}

interface History {
  readonly components: readonly {
    readonly id: string;
    readonly versions: readonly ComponentVersion[];
    /** Whether any version of it pays the partners above a payee. */
    readonly overrides: boolean;
  }[];
  readonly triggers: readonly Trigger[];
  readonly newest: CompiledPlan | undefined;
}

/** A memo of a pure function, for the list that a caller passes for every deal. */
const histories = new WeakMap<readonly PlanVersion[], History>();

function historyOf(versions: readonly PlanVersion[]): History {
  let history = histories.get(versions);
  if (history === undefined) {
    const ordered = versions.slice().sort((left, right) => compareText(left.effectiveFrom, right.effectiveFrom));
    const components = ordered.flatMap(({ plan }) => plan.components);
    const ids = [...new Set(components.map(({ id }) => id))];
    history = {
      components: ids.map((id) => ({
        id,
        versions: ordered.map(({ effectiveFrom, plan }) => ({
          effectiveFrom,
          plan,
          component: plan.componentById.get(id),
        })),
        overrides: components.some((component) => component.id === id && component.credit.kind === 'override'),
      })),
      triggers: [
        ...new Set(components.flatMap(({ credit }) => (credit.kind === 'direct' ? [credit.trigger] : []))),
      ].sort(),
      newest: ordered.at(-1)?.plan,
    };
    histories.set(versions, history);
  }
  return history;
}

function inForce(versions: readonly ComponentVersion[], atMs: number): ComponentVersion | undefined {
  let found: ComponentVersion | undefined;
  for (const version of versions) {
    // A version without the component ends it with the window that the component had.
    const over = version.component?.over ?? found?.component?.over ?? 'period';
    if (version.effectiveFrom <= windowStartDay(version.plan.calendar, windowAt(version.plan.calendar, over, atMs)))
      found = version;
  }
  return found;
}

// ── The work on one deal ────────────────────────────────────────────────────────────────────────────────────────────

interface Credited {
  readonly payee: string;
  readonly component: string;
  readonly atMs: number;
  /** The deal's line, undefined for a deal that is paid as one. */
  readonly dealLine: DealLine | undefined;
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
  readonly waiting: Map<string, Waiting>;
  /** By day, then by id. */
  readonly partners: Map<string, Map<string, PartnerAsOf | undefined>>;
  readonly holders: Map<DealRole, readonly Holder[]>;
}

function startWork(deal: Deal, terms: DealTerms, lookup: CreditLookup): Work {
  return { deal, terms, lookup, credited: [], waiting: new Map(), partners: new Map(), holders: new Map() };
}

function wait(work: Work, code: WaitingCode, subject: string, message: string): void {
  const key = `${code} ${subject}`;
  // Of two reasons with one subject, the first in order of text is told, whatever the order of the search.
  const told = work.waiting.get(key);
  if (told === undefined || message < told.message) work.waiting.set(key, { code, subject, message });
}

function partnerAsOf(work: Work, id: string, day: string): PartnerAsOf | undefined {
  let ofDay = work.partners.get(day);
  if (ofDay === undefined) work.partners.set(day, (ofDay = new Map<string, PartnerAsOf | undefined>()));
  let partner = ofDay.get(id);
  if (partner === undefined && !ofDay.has(id)) {
    partner = work.lookup.partner(id, day);
    ofDay.set(id, partner);
  }
  if (partner === undefined) wait(work, 'PartnerMissing', `partner:${id}`, `the partner ${id} is not known on ${day}`);
  return partner;
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
    wait(work, 'TermsInvalid', `deal:${dealKey(work.deal)}`, `shares of the role ${role}: ${fault.reason}`);
    return [];
  }
  return Array.from(shares, ([partner, share]) => ({ partner, share }));
}

/** Parts that are paid together: one of a line, or all of a line or a deal where a flat amount is paid once. */
interface Unit {
  readonly version: ComponentVersion;
  readonly component: CompiledComponent;
  readonly credit: DirectCredit;
  readonly parts: Part[];
}

function creditComponent(
  work: Work,
  { versions }: History['components'][number],
  trigger: Trigger,
  parts: readonly Part[],
): void {
  const units = new Map<string, Unit>();
  let occurrence: Part['occurrence'] | undefined;
  let version: ComponentVersion | undefined;
  for (const part of parts) {
    if (part.occurrence !== occurrence) {
      occurrence = part.occurrence;
      version = inForce(versions, occurrence.atMs);
    }
    const component = version?.component;
    if (version === undefined || component === undefined) continue;
    const { credit } = component;
    if (credit.kind !== 'direct' || credit.trigger !== trigger || !meetsDealAndLine(credit, work, part.line)) continue;
    const key = unitKey(component, part);
    const unit = units.get(key);
    if (unit === undefined) units.set(key, { version, component, credit, parts: [part] });
    else unit.parts.push(part);
  }
  for (const unit of units.values()) creditUnit(work, unit);
}

function unitKey({ rate }: CompiledComponent, part: Part): string {
  if (rate.kind === 'flat' && rate.per === 'deal') return '';
  if (rate.kind === 'flat' && rate.per === 'line') return part.line.id;
  return `${part.occurrence.name} ${part.line.id}`;
}

function creditUnit(work: Work, unit: Unit): void {
  const { plan } = unit.version;
  const first = unit.parts[0];
  if (first === undefined) return;
  const { atMs } = first.occurrence;
  const day = dayAt(plan.calendar.timeZone, atMs);
  const holders = holdersOf(work, unit.credit.to);
  let basisMinor: readonly bigint[] | undefined;
  holders.forEach(({ partner: id }, index) => {
    const partner = partnerAsOf(work, id, day);
    if (
      partner === undefined ||
      !partner.plans.includes(plan.id) ||
      !meetsPartner(unit.credit, work, first.line, partner)
    )
      return;
    basisMinor ??= shareBasis(work, unit, holders);
    const partMinor = basisMinor?.[index];
    if (partMinor !== undefined) work.credited.push(creditHolder(work, unit, first, id, partMinor, holders, index));
  });
}

/** The unit's basis, shared; undefined, with a reason, where the deal does not say what it takes. */
function shareBasis(
  work: Work,
  { version: { plan }, credit, component, parts }: Unit,
  holders: readonly Holder[],
): readonly bigint[] | undefined {
  const { currency } = work.terms;
  if (currency !== plan.currency) {
    const message = `the deal is in ${currency}, the plan ${plan.id} in ${plan.currency}`;
    wait(work, 'ExchangeRateMissing', `exchange-rate:${currency}/${plan.currency}`, message);
    return undefined;
  }
  const shares = holders.map(({ share }) => share);
  let sumMinor = 0n;
  for (const part of parts) {
    const basisMinor = basisOf(part, credit.basis, plan.decimals);
    const unitsFault =
      component.rate.kind === 'flat' && component.rate.per === 'unit' ? quantityFault(part.line) : undefined;
    const fault = typeof basisMinor === 'string' ? basisMinor : unitsFault;
    if (fault !== undefined || typeof basisMinor === 'string') {
      const code = fault?.endsWith('missing') ? 'TermsMissing' : 'TermsInvalid';
      wait(work, code, `deal:${dealKey(work.deal)}`, `line ${part.line.id}, for ${plan.id}/${component.id}: ${fault}`);
      return undefined;
    }
    sumMinor += basisMinor;
  }
  return allocate(sumMinor, shares, 'largest');
}

/** The basis in minor units, or why there is none. */
function basisOf({ line, netMinor, grossMinor, costMinor }: Part, basis: Basis, decimals: number): bigint | string {
  switch (basis) {
    case 'net':
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

function creditHolder(
  work: Work,
  { version: { plan }, component, parts }: Unit,
  first: Part,
  payee: string,
  basisMinor: bigint,
  holders: readonly Holder[],
  index: number,
): Credited {
  const { atMs, name } = first.occurrence;
  const { rate } = component;
  const wholeDeal = rate.kind === 'flat' && rate.per === 'deal';
  const line: CreditLine = {
    component: component.id,
    planHash: plan.hash,
    occurrence: name,
    line: wholeDeal ? '' : first.line.id,
    at: formatInstant(atMs),
    period: periodAt(plan.calendar, atMs),
    window: windowAt(plan.calendar, component.over, atMs),
    basis: formatMinor(basisMinor, plan.decimals),
    ...(rate.kind === 'flat' && rate.per === 'unit' && first.line.quantity !== undefined
      ? { quantity: first.line.quantity }
      : {}),
    ...(rate.kind === 'flat' && holders.length > 1
      ? { split: { shares: holders.map(({ share }) => formatRate(share)), index } }
      : {}),
  };
  return {
    payee,
    component: component.id,
    atMs,
    dealLine: wholeDeal ? undefined : first.line,
    line,
    returns: returnLines(line, atMs, basisMinor, parts, work.terms, plan),
  };
}

/**
 * Return lines of a credited line: what came back of its parts, cause by cause. The basis is taken back cumulatively, so
 * that the lines of a whole return sum to the original, to the minor unit.
 */
function returnLines(
  original: CreditLine,
  originalAtMs: number,
  basisMinor: bigint,
  parts: readonly Part[],
  terms: DealTerms,
  plan: CompiledPlan,
): Credited['returns'] {
  const netMinor = parts.reduce((sum, part) => sum + magnitude(part.netMinor), 0n);
  // Parts without any money can only come back whole: each counts the same.
  const weightOf = (taken: TakenBack): bigint => (netMinor > 0n ? taken.netMinor : taken.rest ? 1n : 0n);
  const of = netMinor > 0n ? netMinor : BigInt(parts.length);
  const causes = new Map<string, { readonly atMs: number; weight: bigint }>();
  for (const part of parts)
    for (const taken of part.takenBack) {
      const cause = causes.get(taken.name);
      if (cause === undefined) causes.set(taken.name, { atMs: taken.atMs, weight: weightOf(taken) });
      else cause.weight += weightOf(taken);
    }
  if (causes.size === 0) return [];
  const text = (weight: bigint) => (netMinor > 0n ? formatNet(weight, terms) : String(weight));
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
        basis: formatMinor(basisBefore - basisNow, plan.decimals),
        reverses: {
          occurrence: original.occurrence,
          returnedBefore: text(before),
          returned: text(weight),
          of: text(of),
        },
      };
      before += weight;
      basisBefore = basisNow;
      return [line];
    });
}

// ── Uplines ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Credits the partners above a payee, level by level, on the same basis. A level whose partner does not take part in the
 * plan, or does not meet the conditions, is paid to nobody; the levels above keep their number.
 */
function creditUplines(work: Work, { id, versions }: History['components'][number], child: Credited): void {
  const version = inForce(versions, child.atMs);
  const component = version?.component;
  if (version === undefined || component === undefined) return;
  const { credit, rate } = component;
  if (credit.kind !== 'override' || rate.kind !== 'levels' || !credit.of.includes(child.component)) return;
  if (!meetsDealAndLine(credit, work, child.dealLine)) return;
  const { plan } = version;
  const day = dayAt(plan.calendar.timeZone, child.atMs);
  const above = new Set([child.payee]);
  let partner = partnerAsOf(work, child.payee, day);
  for (let level = 1; level <= rate.levels.length; level++) {
    const upline = partner?.upline ?? null;
    // A circle is refused where uplines are recorded; corrected backwards, one may still show up on a day.
    if (upline === null || above.has(upline)) return;
    above.add(upline);
    partner = partnerAsOf(work, upline, day);
    if (partner === undefined) return;
    if (!partner.plans.includes(plan.id) || !meetsPartner(credit, work, child.dealLine, partner)) continue;
    const overriding = {
      component: id,
      planHash: plan.hash,
      window: windowAt(plan.calendar, component.over, child.atMs),
      level,
      child: { component: child.component, payee: child.payee },
    };
    const line = withoutShares(child.line);
    work.credited.push({
      payee: upline,
      component: id,
      atMs: child.atMs,
      dealLine: child.dealLine,
      line: { ...line, ...overriding },
      returns: child.returns.map((returned) => ({ ...returned, ...overriding })),
    });
  }
}

/** What a line is paid per unit, or as a part of a flat amount, is not what an override is paid on. */
function withoutShares(line: CreditLine): Omit<CreditLine, 'quantity' | 'split'> {
  if (line.quantity === undefined && line.split === undefined) return line;
  const { quantity: _quantity, split: _split, ...kept } = line;
  return kept;
}

// ── Conditions ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** True where what is known of deal and line lets the credit through; conditions on the partner are still open. */
function meetsDealAndLine({ where, except }: CompiledConditions, work: Work, line: DealLine | undefined): boolean {
  for (const condition of where)
    if (condition.subject !== 'partner' && !meets(condition, dealOrLineValue(condition, work, line))) return false;
  // `except` bars where all its conditions hold; with one on the partner, that is decided by partner.
  if (except.length === 0 || except.some(({ subject }) => subject === 'partner')) return true;
  return !except.every((condition) => meets(condition, dealOrLineValue(condition, work, line)));
}

/** True where the conditions that ask about the partner let the credit through. */
function meetsPartner(
  { where, except }: CompiledConditions,
  work: Work,
  line: DealLine | undefined,
  partner: PartnerAsOf,
): boolean {
  for (const condition of where)
    if (condition.subject === 'partner' && !meets(condition, partnerValue(condition, partner))) return false;
  if (!except.some(({ subject }) => subject === 'partner')) return true;
  return !except.every((condition) =>
    meets(
      condition,
      condition.subject === 'partner' ? partnerValue(condition, partner) : dealOrLineValue(condition, work, line),
    ),
  );
}

function dealOrLineValue(
  { subject, name }: CompiledCondition,
  { deal, terms }: Work,
  line: DealLine | undefined,
): string | undefined {
  if (subject === 'line') return name === 'category' ? line?.category : line?.product;
  if (name === 'source') return deal.source;
  if (name === 'currency') return terms.currency;
  if (name === 'customer') return terms.customer;
  const { attributes } = terms;
  return attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

function partnerValue({ name }: CompiledCondition, partner: PartnerAsOf): string | undefined {
  if (name === 'channel') return partner.channel;
  if (name === 'country') return partner.country;
  if (name === 'id') return partner.id;
  return partner.tier ?? undefined;
}

function meets({ anyOf }: CompiledCondition, value: string | undefined): boolean {
  return value !== undefined && anyOf.has(value);
}

// ── The answer ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Tells where a partner takes part in the plan at a time for which no version of it is in force. */
function tellOfNoVersion(work: Work, { components, newest }: History, parts: readonly Part[]): void {
  let occurrence: Part['occurrence'] | undefined;
  for (const part of parts) {
    if (part.occurrence === occurrence || newest === undefined) continue;
    occurrence = part.occurrence;
    const { atMs } = occurrence;
    if (components.some(({ versions }) => inForce(versions, atMs) !== undefined)) continue;
    const day = dayAt(newest.calendar.timeZone, atMs);
    const roles = new Set(newest.components.flatMap(({ credit }) => (credit.kind === 'direct' ? [credit.to] : [])));
    for (const { role, partner } of work.terms.partners)
      if (roles.has(role) && work.lookup.partner(partner, day)?.plans.includes(newest.id))
        wait(work, 'PlanNotInForce', `plan:${newest.id}`, `no version of the plan ${newest.id} is in force on ${day}`);
  }
}

function finish({ credited, waiting }: Work): DealCredits {
  const byPayee = new Map<string, CreditLine[]>();
  for (const { payee, line, returns } of credited) {
    const lines = byPayee.get(payee);
    if (lines === undefined) byPayee.set(payee, [line, ...returns]);
    else lines.push(line, ...returns);
  }
  return {
    credits: [...byPayee]
      .sort(([left], [right]) => compareText(left, right))
      .map(([payee, lines]) => ({ payee, lines: lines.sort(compareCreditLines) })),
    waiting: [...waiting.values()].sort(
      (left, right) => compareText(left.code, right.code) || compareText(left.subject, right.subject),
    ),
  };
}
