/** Which lines and partners meet a component's conditions. */
import type { PartnerAsOf } from './partner.js';
import type { Deal, DealLine, DealTerms } from '../deal/deal.js';
import type { CompiledCondition, CompiledConditions } from '../plan/compiled.js';

/** What conditions are checked against. `line` is undefined where the component credits the deal as one. */
export interface Subject {
  readonly deal: Deal;
  readonly terms: DealTerms;
  readonly line: DealLine | undefined;
  /** Day of the trigger, in the plan's time zone. */
  readonly day: string;
}

/** True where deal and line meet the conditions on them; conditions on the partner are left to `meetsPartner`. */
export function meetsDealAndLine({ where, excepts }: CompiledConditions, subject: Subject): boolean {
  for (const condition of where)
    if (condition.subject !== 'partner' && !meets(condition, dealOrLineValues(condition, subject))) return false;
  // A group of `except` bars the credit where all its conditions hold. Groups with a condition on the partner are
  // checked there.
  return !excepts.some(
    (group) =>
      group.every((condition) => condition.subject !== 'partner') &&
      group.every((condition) => meets(condition, dealOrLineValues(condition, subject))),
  );
}

/**
 * True where the partner meets the conditions on the partner, and every expression holds.
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

/** True where the partner meets all of the conditions. */
export function isPartner(conditions: readonly CompiledCondition[], subject: Subject, partner: PartnerAsOf): boolean {
  return conditions.every((condition) => meetsOf(condition, conditions, subject, partner));
}

/** @param group all conditions that must hold together with this one */
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
    // Status and holder must be those of the same registration: another partner's approval does not count.
    const statuses = group.filter(({ subject: of, name: attribute }) => of === 'deal' && attribute === 'registration');
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

/** Registrations of the deal in force on the day of the trigger. */
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
