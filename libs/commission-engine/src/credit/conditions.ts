/** Which lines and partners a component's conditions let through. */
import type { PartnerAsOf } from './partner.js';
import type { Deal, DealLine, DealTerms } from '../deal/deal.js';
import type { CompiledCondition, CompiledConditions } from '../plan/compiled.js';

/** What conditions are asked about; a deal that is paid as one has no line. */
export interface Subject {
  readonly deal: Deal;
  readonly terms: DealTerms;
  readonly line: DealLine | undefined;
  /** Day of the trigger, in the plan's time zone. */
  readonly day: string;
}

/** True where what is known of deal and line lets the credit through; conditions on the partner are still open. */
export function meetsDealAndLine({ where, excepts }: CompiledConditions, subject: Subject): boolean {
  for (const condition of where)
    if (condition.subject !== 'partner' && !meets(condition, dealOrLineValues(condition, subject))) return false;
  // A group of `except` bars where all its conditions hold; with one on the partner, that is decided by partner.
  return !excepts.some(
    (group) =>
      group.every((condition) => condition.subject !== 'partner') &&
      group.every((condition) => meets(condition, dealOrLineValues(condition, subject))),
  );
}

/**
 * True where the conditions that ask about the partner let the credit through, and every expression holds.
 * @throws {EngineError} `ExpressionFailed`
 */
export function meetsPartner(
  { where, excepts, expressions }: CompiledConditions,
  subject: Subject,
  partner: PartnerAsOf,
): boolean {
  for (const condition of where)
    if (condition.subject === 'partner' && !meetsOf(condition, where, subject, partner)) return false;
  const barred = excepts.some(
    (group) =>
      group.some((condition) => condition.subject === 'partner') &&
      group.every((condition) => meetsOf(condition, group, subject, partner)),
  );
  if (barred) return false;
  const { deal, terms, line } = subject;
  return expressions.every((expression) =>
    expression.holds({ deal: { ...terms, source: deal.source, id: deal.id }, line: line ?? {}, partner }),
  );
}

/** True where a partner meets all of these conditions, each on the partner. */
export function isPartner(conditions: readonly CompiledCondition[], subject: Subject, partner: PartnerAsOf): boolean {
  return conditions.every((condition) => meetsOf(condition, conditions, subject, partner));
}

/** @param group the conditions that it stands among */
function meetsOf(
  condition: CompiledCondition,
  group: readonly CompiledCondition[],
  subject: Subject,
  partner: PartnerAsOf,
): boolean {
  if (condition.subject !== 'partner') return meets(condition, dealOrLineValues(condition, subject));
  const { name, anyOf, count = 0 } = condition;
  if (name === 'certification') {
    const { certifications = {} } = partner;
    return [...anyOf].some((one) => Object.hasOwn(certifications, one) && (certifications[one] ?? 0) >= count);
  }
  if (name === 'registration-holder') {
    // Status and holder are asked of one and the same registration: another's approval is not the payee's.
    const statuses = group.filter(({ subject: of, name: asked }) => of === 'deal' && asked === 'registration');
    return registrationsOn(subject).some(
      ({ holder, status }) => holder === partner.id && statuses.every(({ anyOf: allowed }) => allowed.has(status)),
    );
  }
  return meets(condition, [partnerValue(name, partner)]);
}

function partnerValue(name: string, partner: PartnerAsOf): string | undefined {
  if (name === 'channel') return partner.channel;
  if (name === 'country') return partner.country;
  if (name === 'id') return partner.id;
  return partner.tier ?? undefined;
}

/** Registrations of the deal that are in force on the day of the trigger. */
function registrationsOn({ deal, day }: Subject): NonNullable<Deal['registrations']> {
  return (deal.registrations ?? []).filter(
    ({ from, until }) => (from === undefined || from <= day) && (until === undefined || day < until),
  );
}

function dealOrLineValues({ subject: of, name }: CompiledCondition, subject: Subject): readonly (string | undefined)[] {
  const { deal, terms, line } = subject;
  if (of === 'line') {
    if (name === 'product') return [line?.product];
    if (name === 'family') return [line?.family];
    if (name === 'variant') return [line?.variant];
    return [name === 'subscription' ? line?.subscription?.id : line?.category];
  }
  if (name === 'source') return [deal.source];
  if (name === 'currency') return [terms.currency];
  if (name === 'customer') return [terms.customer];
  if (name === 'registration' && deal.registrations !== undefined)
    return registrationsOn(subject).map(({ status }) => status);
  const { attributes } = terms;
  return [attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined];
}

function meets({ anyOf }: CompiledCondition, values: readonly (string | undefined)[]): boolean {
  return values.some((value) => value !== undefined && anyOf.has(value));
}
