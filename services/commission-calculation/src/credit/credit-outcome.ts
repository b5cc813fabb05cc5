/** What becomes of a deal: credits, what it waits for and which closings that touches, or why it is credited to nobody. */
import { uncreditedBy } from '@tantieme/commission-engine/credit/uncredited';
import type { Uncredited } from '@tantieme/commission-engine/credit/uncredited';
import type { PartnerAsOf } from '@tantieme/commission-engine/credit/partner';
import type { Pending } from '@tantieme/commission-engine/credit/pending';
import { dealKey } from '@tantieme/commission-engine/deal/deal';
import type { PlanVersion } from '@tantieme/commission-engine/plan/history';
import { compareText } from '@tantieme/contracts/compare-text';
import type { Deal } from '@tantieme/contracts/deal';
import { normalInstant } from '@tantieme/time/instant';
import { dayOf } from '@tantieme/time/time-zone';
import { partnerKey } from '../reference/stream/reference-keys.js';

/** Partners and plans at the time of a decision; undefined for what does not exist yet. */
interface View {
  partner(id: string):
    | {
        /** Every plan that the partner ever agreed to, in order of text. */
        readonly plans: readonly string[];
        asOf(day: string): PartnerAsOf;
      }
    | undefined;
  plan(id: string): { readonly versions: readonly PlanVersion[] } | undefined;
}

/** The periods that a pending deal may touch: those that end after its first day. */
export interface Touches {
  /** The deal's earliest instant, in UTC; empty where none can be read. */
  readonly from: string;
  /** Keys of the calendars, in order; absent where the deal may belong to any. */
  readonly calendars?: readonly string[];
}

export interface Credited<Credit> {
  readonly credits: readonly Credit[];
  readonly pending: readonly Pending[];
  /** Empty where somebody is credited. */
  readonly uncredited: readonly Uncredited[];
}

/** @param reasons why no plan credits anything, where the deal waits for nothing */
export function outcome<Credit>(
  deal: Deal,
  credits: readonly Credit[],
  pending: readonly Pending[],
  reasons: () => readonly Uncredited[] = () => [],
): Credited<Credit> {
  const subject = `deal:${dealKey(deal)}`;
  const ended = endOf(deal);
  if (ended !== undefined)
    return { credits, pending: [], uncredited: credits.length > 0 ? [] : [{ ...ended, subject }] };
  if (credits.length > 0) return { credits, pending, uncredited: [] };
  const [first] = pending;
  if (first === undefined) return { credits, pending, uncredited: reasons() };
  return { credits, pending, uncredited: [{ code: 'Pending', subject, message: first.message }] };
}

/** A deal that waits for nothing any more, whatever is missing. */
function endOf(deal: Deal): Pick<Uncredited, 'code' | 'message'> | undefined {
  if (deal.cancelledAt !== undefined) return { code: 'Cancelled', message: 'the deal was cancelled' };
  const facts = [deal.terms, deal.registeredAt, ...momentsOf(deal), ...(deal.registrations ?? [])];
  if (facts.every((fact) => fact === undefined))
    return { code: 'Withdrawn', message: 'all facts of the deal were withdrawn' };
  return undefined;
}

function momentsOf(deal: Deal): readonly string[] {
  return [
    ...(deal.bookedAt === undefined ? [] : [deal.bookedAt]),
    ...[...deal.invoices, ...deal.payments, ...deal.soldThrough, ...deal.returns].map(({ at }) => at),
  ];
}

/** Which closings wait for a pending deal. */
export function touchesOf(deal: Deal, used: View): Touches {
  const [first = ''] = momentsOf(deal)
    .map((at) => normalInstant(at) ?? '')
    .sort();
  const calendars = new Set<string | undefined>();
  for (const { partner } of deal.terms?.partners ?? []) {
    const found = used.partner(partner);
    if (found === undefined) return { from: first };
    for (const plan of found.plans) calendars.add(used.plan(plan)?.versions[0]?.plan.calendarKey);
  }
  const known = [...calendars].flatMap((key) => key ?? []).sort();
  return known.length === 0 || known.length < calendars.size ? { from: first } : { from: first, calendars: known };
}

/** Days on which something happened that a plan could pay for. In UTC: there is no plan here to give a time zone. */
function daysOf(deal: Deal): readonly string[] {
  const instants = [
    ...(deal.bookedAt === undefined ? [] : [deal.bookedAt]),
    ...[...deal.invoices, ...deal.payments, ...deal.soldThrough].map(({ at }) => at),
  ];
  return [...new Set(instants.map((at) => dayOf('UTC', at)))];
}

export function isAgreed(deal: Deal, ids: readonly string[], plan: string, used: View): boolean {
  return daysOf(deal).some((day) => ids.some((id) => used.partner(id)?.asOf(day).plans.includes(plan)));
}

/**
 * Where no plan applied: the partners without an agreement on the days of the deal. A deal after the end of an agreement
 * waits for none.
 */
export function agreementsMissing(deal: Deal, ids: readonly string[], used: View): readonly Pending[] {
  const days = daysOf(deal);
  if (days.length === 0) return [];
  const missing = ids.filter((id) => days.every((day) => used.partner(id)?.asOf(day).plans.length === 0));
  if (missing.some((id) => days.some((day) => (used.partner(id)?.asOf(day).ended ?? []).length > 0))) return [];
  return missing.map((id) => ({
    code: 'AgreementMissing',
    subject: partnerKey(id),
    message: `the partner ${id} has no agreement on the days of this deal`,
  }));
}

export function byCodeAndSubject(left: Omit<Uncredited, 'code'> & { code: string }, right: typeof left): number {
  return compareText(left.code, right.code) || compareText(left.subject, right.subject);
}

/** Why a deal that waits for nothing is credited to nobody. */
export function reasonsOf(
  deal: Deal,
  ids: readonly string[],
  plans: ReadonlySet<string>,
  used: View,
): readonly Uncredited[] {
  const { terms } = deal;
  if (terms === undefined || ids.length === 0)
    return [{ code: 'NoPartners', subject: `deal:${dealKey(deal)}`, message: 'the deal names no partner' }];
  const days = daysOf(deal);
  const agreed = [...plans].filter((plan) => isAgreed(deal, ids, plan, used));
  if (agreed.length === 0 && days.length > 0)
    return ids.map((id) => ({
      code: 'NotCovered',
      subject: partnerKey(id),
      message: `no agreement of the partner ${id} covers the days of this deal`,
    }));
  return agreed.flatMap((plan) => uncreditedBy(plan, deal, terms, used.plan(plan)?.versions ?? []));
}
