/**
 * Stage 1, credit: which payees a deal credits, with which lines and on what basis. Depends on deal, plan versions,
 * partners and exchange rates only.
 */
import { compareText } from '@tantieme/contracts/compare-text';
import { periodAt } from '@tantieme/time/calendar/periods';
import { dayAt } from '@tantieme/time/time-zone';
import { formatMinor } from '@tantieme/money/amount';
import { formatRate } from '@tantieme/money/decimal';
import { formatInstant } from '@tantieme/time/instant';
import { dealKey } from '../deal/deal.js';
import type { Deal, DealLine, Trigger } from '../deal/deal.js';
import { triggeredParts } from '../deal/occurrence.js';
import type { LinePart } from '../deal/occurrence.js';
import { monthParts, subscriptionFault } from '../deal/service-months.js';
import type { MonthPart } from '../deal/service-months.js';
import { EngineError } from '../engine-error.js';
import type { CompiledComponent, CompiledPlan, DirectCredit } from '../plan/compiled.js';
import { historyOf, inForce } from '../plan/history.js';
import type { ComponentVersion, History, PlanVersion } from '../plan/history.js';
import { sharedBasisOf } from './basis.js';
import type { SharedBasis, CreditUnit } from './basis.js';
import { meetsDealAndLine, meetsPartner } from './conditions.js';
import type { Subject } from './conditions.js';
import { compareCreditLines } from './credit-line.js';
import type { CreditLine } from './credit-line.js';
import { addPending, holdersOf, participates, partnerAsOf, startCrediting, windowOf } from './crediting.js';
import type { Holder, Crediting } from './crediting.js';
import { holdLines } from './hold.js';
import type { CreditLookup } from './lookup.js';
import type { PartnerAsOf } from './partner.js';
import type { Pending } from './pending.js';
import { returnLines } from './return-lines.js';
import { creditUplines, uplinesOf } from './uplines.js';

export interface PayeeCredit {
  readonly payee: string;
  /** In canonical order. */
  readonly lines: readonly CreditLine[];
}

export interface DealCredits {
  /** In order of payee. */
  readonly credits: readonly PayeeCredit[];
  readonly pending: readonly Pending[];
}

/**
 * Everything that one plan credits for a deal.
 *
 * - A partner of the deal without an agreement to the plan on the day is skipped; the caller checks whether any plan
 *   applied.
 * - The version in force for a line is the latest that takes effect on or before the start of the component's
 *   measurement window. None is in force after the plan's last day.
 * - A line is converted to the plan's currency and shared among the holders of the component's role, to the minor unit.
 * - A flat amount per deal or per line is credited once, at its first occurrence.
 * - Data that cannot be read (a date that does not exist, a malformed amount) makes the deal pending. Nothing in a deal
 *   makes this function throw.
 *
 * @param versions all versions of the plan; of two that take effect on the same day, the later in the list counts.
 *   Results are memoized by the list: do not change it afterwards.
 */
export function creditDeal(deal: Deal, versions: readonly PlanVersion[], lookup: CreditLookup): DealCredits {
  const terms = deal.terms;
  if (terms === undefined) {
    // All of its facts were withdrawn.
    if (isEmpty(deal)) return { credits: [], pending: [] };
    const subject = `deal:${dealKey(deal)}`;
    return {
      credits: [],
      pending: [{ code: 'TermsMissing', subject, message: 'the deal has facts but no terms yet' }],
    };
  }
  const crediting = startCrediting(deal, terms, lookup);
  const history = historyOf(versions);
  for (const trigger of history.triggers) {
    const { parts, faults } = triggeredParts(deal, terms, trigger);
    for (const { code, message } of faults) addPending(crediting, code, `deal:${dealKey(deal)}`, message);
    if (parts.length === 0) continue;
    for (const component of history.components) creditComponent(crediting, component, trigger, parts);
    addMissingVersion(crediting, history, parts);
  }
  const credited = crediting.credited.slice();
  for (const component of history.components)
    if (component.overrides) for (const child of credited) creditUplines(crediting, component, child);
  return finish(crediting);
}

/** True for a deal without a single fact. */
function isEmpty({ invoices, payments, soldThrough, returns, registrations, ...moments }: Deal): boolean {
  const { registeredAt, bookedAt, cancelledAt } = moments;
  const lists = [invoices, payments, soldThrough, returns, registrations ?? []];
  return (
    registeredAt === undefined &&
    bookedAt === undefined &&
    cancelledAt === undefined &&
    lists.every(({ length }) => length === 0)
  );
}

function creditComponent(
  crediting: Crediting,
  { versions }: History['components'][number],
  trigger: Trigger,
  parts: readonly LinePart[],
): void {
  const units = new Map<string, CreditUnit>();
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
    const subject = subjectOf(crediting, part.line, version.plan, occurrence.atMs);
    if (!isDuring(credit, subject.day) || !meetsDealAndLine(credit, subject)) continue;
    for (const one of component.rate.kind === 'recurring'
      ? monthsOf(crediting, version.plan, component, part)
      : [part]) {
      const key = unitKey(component, one);
      const unit = units.get(key);
      if (unit === undefined) units.set(key, { version, component, credit, parts: [one] });
      else unit.parts.push(one);
    }
  }
  for (const unit of units.values()) creditUnit(crediting, unit);
}

function subjectOf({ deal, terms }: Crediting, line: DealLine | undefined, plan: CompiledPlan, atMs: number): Subject {
  return { deal, terms, line, day: dayAt(plan.calendar.timeZone, atMs) };
}

function isDuring({ during }: DirectCredit, day: string): boolean {
  return during === undefined || (during[0] <= day && day <= during[1]);
}

/** The months of service of a part. Empty, and pending, where the line's subscription is missing or invalid. */
function monthsOf(
  crediting: Crediting,
  plan: CompiledPlan,
  { id }: CompiledComponent,
  part: LinePart,
): readonly MonthPart[] {
  const { subscription } = part.line;
  const fault = subscriptionFault(part.line);
  if (subscription === undefined || fault !== undefined) {
    const code = subscription === undefined ? 'TermsMissing' : 'TermsInvalid';
    addPending(
      crediting,
      code,
      `deal:${dealKey(crediting.deal)}`,
      `line ${part.line.id}, for ${plan.id}/${id}: ${fault ?? ''}`,
    );
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

function creditUnit(crediting: Crediting, unit: CreditUnit): void {
  const { plan } = unit.version;
  const first = unit.parts[0];
  if (first === undefined) return;
  const { component } = unit;
  const { atMs } = first.occurrence;
  const wholeDeal = component.rate.kind === 'flat' && component.rate.per === 'deal';
  const rule = component.rate.kind === 'matrix' ? mostSpecificRule(component.rate, first.line) : undefined;
  if (component.rate.kind === 'matrix' && rule === undefined) return;
  const subject = subjectOf(crediting, first.line, plan, atMs);
  const holders = holdersOf(crediting, unit.credit.to);
  let basis: SharedBasis | undefined;
  holders.forEach(({ partner: id }, index) => {
    const partner = partnerAsOf(crediting, id, subject.day);
    if (partner === undefined) return;
    const payees = component.measure.team ? [partner, ...uplinesOf(crediting, partner, subject.day)] : [partner];
    for (const payee of payees) {
      if (!participates(payee, plan, subject.day) || !meets(crediting, unit.credit, subject, payee)) continue;
      basis ??= sharedBasisOf(crediting, unit, holders, atMs);
      const partMinor = basis?.parts[index];
      if (basis === undefined || partMinor === undefined) return;
      const line: CreditLine = {
        component: component.id,
        planVersion: plan.version,
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
      const returns = returnLines(crediting, component, line, atMs, partMinor, unit.parts, plan);
      const dealLine = { ...subject, line: wholeDeal ? undefined : first.line };
      crediting.credited.push({ payee: payee.id, plan, component, atMs, subject: dealLine, line, returns });
    }
  });
}

function meets(crediting: Crediting, credit: DirectCredit, subject: Subject, partner: PartnerAsOf): boolean {
  try {
    return meetsPartner(credit, subject, partner);
  } catch (fault) {
    if (!(fault instanceof EngineError) || fault.code !== 'ExpressionFailed') throw fault;
    addPending(crediting, 'TermsInvalid', `deal:${dealKey(crediting.deal)}`, fault.message);
    return false;
  }
}

/** What a flat amount is paid for: the units, and the shares of the holders who split it. */
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

/**
 * Of the rules that match the line, the one that names the first attribute, then the second and so on; of equals, the
 * first.
 */
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

/**
 * Marks the deal as pending where a partner has an agreement to the plan at a time when no version of it is in force.
 */
function addMissingVersion(
  crediting: Crediting,
  { components, newest: version }: History,
  parts: readonly LinePart[],
): void {
  const newest = version?.plan;
  let occurrence: LinePart['occurrence'] | undefined;
  for (const part of parts) {
    if (part.occurrence === occurrence || newest === undefined) continue;
    occurrence = part.occurrence;
    const { atMs } = occurrence;
    if (components.some(({ versions }) => inForce(versions, atMs) !== undefined)) continue;
    const day = dayAt(newest.calendar.timeZone, atMs);
    // After the plan's end, and within a window that began before the plan, there is nothing to wait for.
    const isOver = version?.lastDay !== undefined && version.lastDay < day;
    if (isOver || components.some(({ versions }) => versions.some(({ effectiveFrom }) => effectiveFrom <= day)))
      continue;
    const message = `no version of the plan ${newest.id} is in force on ${day}`;
    const roles = new Set(newest.components.flatMap(({ credit }) => (credit.kind === 'direct' ? [credit.to] : [])));
    for (const { role, partner } of crediting.terms.partners)
      if (roles.has(role) && crediting.lookup.partner(partner, day)?.plans.includes(newest.id))
        addPending(crediting, 'PlanNotInForce', `plan:${newest.id}`, message);
  }
}

function finish({ deal, terms, credited, pending }: Crediting): DealCredits {
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
