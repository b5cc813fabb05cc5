/** A partner's document, as of a day. */
import type { PartnerAsOf } from '@tantieme/commission-engine/credit/partner';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Certification, Dated, Partner } from '@tantieme/contracts/partner';

/**
 * The partner on a day (`2026-03-05`): a dated entry counts from its day on, an agreement until the day before `until`.
 */
export function partnerAsOf(partner: Partner, day: string): PartnerAsOf {
  const plans = new Set<string>();
  for (const { plan, from, until } of partner.agreements)
    if (from <= day && (until === undefined || day < until)) plans.add(plan);
  const ended = endedAgreements(partner, plans, day);
  return omitUndefined({
    id: partner.id,
    channel: partner.channel,
    country: partner.country,
    tier: valueOn(partner.tiers, day),
    upline: valueOn(partner.uplines, day),
    plans: [...plans].sort(),
    ended: ended.length === 0 ? undefined : ended,
    certifications: certificationsOn(partner.certifications ?? [], day),
  });
}

/** The days on which something about the partner changes, in order. Between two of them `partnerAsOf` is constant. */
export function changeDays({ agreements, certifications = [], tiers, uplines }: Partner): readonly string[] {
  const days = new Set([...tiers, ...uplines].map(({ from }) => from));
  for (const { from, until } of [...agreements, ...certifications]) {
    days.add(from);
    if (until !== undefined) days.add(until);
  }
  return [...days].sort();
}

/** Agreements that ended on or before the day, the last one per plan, except of plans with an agreement in force. */
function endedAgreements(
  { agreements }: Partner,
  inForce: ReadonlySet<string>,
  day: string,
): NonNullable<PartnerAsOf['ended']> {
  const last = new Map<string, string>();
  for (const { plan, until } of agreements)
    if (until !== undefined && until <= day && !inForce.has(plan) && until > (last.get(plan) ?? ''))
      last.set(plan, until);
  return [...last].sort().map(([plan, until]) => ({ plan, until }));
}

/** Number of people who hold each certification; undefined where nobody holds any. */
function certificationsOn(certifications: readonly Certification[], day: string): Record<string, number> | undefined {
  const held = new Map<string, number>();
  for (const { certification, from, until, count = 1 } of certifications)
    if (from <= day && (until === undefined || day < until))
      held.set(certification, (held.get(certification) ?? 0) + count);
  return held.size === 0 ? undefined : Object.fromEntries(held);
}

/** Null before the first entry. */
function valueOn<Value>(dated: readonly Dated<Value>[], day: string): Value | null {
  let value: Value | null = null;
  for (const entry of dated) {
    if (entry.from > day) break;
    value = entry.value;
  }
  return value;
}

/** Every plan that the partner ever agreed to, in text order. */
export function plansOfPartner({ agreements }: Partner): readonly string[] {
  return [...new Set(agreements.map(({ plan }) => plan))].sort();
}

/** Every partner that was ever directly above this one. */
export function uplinesOfPartner({ uplines }: Partner): readonly string[] {
  return [...new Set(uplines.flatMap(({ value }) => (value === null ? [] : [value])))];
}
