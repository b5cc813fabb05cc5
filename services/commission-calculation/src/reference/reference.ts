/**
 * What deals and earnings refer to. From partner-registry each partner whole, its newest revision; exchange rates and quotas as
 * sets of facts, which come late and in any order.
 */
import type { PartnerAsOf } from '@tantieme/commission-engine/credit/partner';
import type { Certification, Dated, Partner } from '@tantieme/contracts/partner';
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import { identityOfRate, takeExchangeRate } from './facts/exchange-rate.js';
import type { ExchangeRateTaken } from './facts/exchange-rate.js';
import { identityOfQuota, takeQuota } from './facts/quota.js';
import type { QuotaTaken } from './facts/quota.js';

export const REFERENCE = 'reference';

/** Reference streams and the index name a partner so; `plan:<id>` is its sibling, kept as a plan stream. */
export function partnerKey(partner: string): string {
  return `partner:${partner}`;
}

export function planKey(plan: string): string {
  return `plan:${plan}`;
}

export function referenceStream(partner: string): string {
  return `${REFERENCE}-${partnerKey(partner)}`;
}

/** The partner of a reference stream's name. */
export function partnerOfStream(stream: string): string {
  return stream.slice(referenceStream('').length);
}

/** How a pair is named by who asks for it, and by what waits for it. */
export function exchangeRateKey(base: string, quote: string): string {
  return `exchange-rate:${base}/${quote}`;
}

/** The pair of such a key. */
export function pairOfKey(key: string): { readonly base: string; readonly quote: string } {
  const [base = '', quote = ''] = key.slice('exchange-rate:'.length).split('/');
  return { base, quote };
}

/** The stream of a pair, in order of text: it holds what is published in both directions. */
export function exchangeRateStream(base: string, quote: string): string {
  return `${REFERENCE}-${base < quote ? exchangeRateKey(base, quote) : exchangeRateKey(quote, base)}`;
}

export function quotaStream(payee: string, plan: string): string {
  return `${REFERENCE}-quota:${payee}|${plan}`;
}

export type ReferenceCommand = TakePartner | TakeExchangeRate | TakeQuota;
export type ReferenceEvent = PartnerSnapshotReceived | ExchangeRateTaken | QuotaTaken;

/** In their normal form. */
export interface TakeExchangeRate {
  readonly exchangeRate: ExchangeRate;
  readonly at: string;
}

export interface TakeQuota {
  readonly quota: Quota;
  readonly at: string;
}

export interface TakePartner {
  readonly partner: Partner;
  /** Stream and revision in partner-registry: the newest counts. */
  readonly origin: Origin;
  readonly at: string;
}

export interface Origin {
  readonly stream: string;
  readonly revision: number;
}

export interface PartnerSnapshotReceived {
  readonly type: 'PartnerTaken';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Omit<TakePartner, 'at'>;
}

/** A stream is of one kind: a partner, a pair of currencies, or a payee and plan. */
export interface ReferenceState {
  readonly partner?: Partner;
  readonly originRevision: number;
  /** By `identityOfRate`. */
  readonly rates?: Map<string, ExchangeRate>;
  /** By `identityOfQuota`. */
  readonly quotas?: Map<string, Quota>;
}

export const referenceDecider: Decider<ReferenceState, ReferenceCommand, ReferenceEvent> = {
  category: REFERENCE,
  initialState: () => ({ originRevision: -1 }),
  decide(command, { originRevision, rates = new Map(), quotas = new Map() }): readonly ReferenceEvent[] {
    if ('exchangeRate' in command) return takeExchangeRate(command.exchangeRate, command.at, rates);
    if ('quota' in command) return takeQuota(command.quota, command.at, quotas);
    const { partner, origin, at } = command;
    if (origin.revision <= originRevision) return [];
    return [{ type: 'PartnerTaken', version: 1, occurredAt: at, data: { partner, origin } }];
  },
  evolve(state, { type, data }) {
    switch (type) {
      case 'PartnerTaken':
        return { partner: data.partner, originRevision: data.origin.revision };
      case 'ExchangeRateTaken': {
        const { rates = new Map<string, ExchangeRate>() } = state;
        return { ...state, rates: rates.set(identityOfRate(data.exchangeRate), data.exchangeRate) };
      }
      case 'QuotaTaken': {
        const { quotas = new Map<string, Quota>() } = state;
        return { ...state, quotas: quotas.set(identityOfQuota(data.quota), data.quota) };
      }
    }
  },
  commandOf({ type, occurredAt: at, data }) {
    switch (type) {
      case 'PartnerTaken':
        return { partner: data.partner, origin: data.origin, at };
      case 'ExchangeRateTaken':
        return { exchangeRate: data.exchangeRate, at };
      case 'QuotaTaken':
        return { quota: data.quota, at };
    }
  },
};

/** The partner on a day (`2026-03-05`): what is dated counts from its day on, an agreement to the day before `until`. */
export function partnerAsOf(partner: Partner, day: string): PartnerAsOf {
  const plans = new Set<string>();
  for (const { plan, from, until } of partner.agreements)
    if (from <= day && (until === undefined || day < until)) plans.add(plan);
  const certifications = certificationsOn(partner.certifications ?? [], day);
  const ended = endedBy(partner, plans, day);
  return {
    id: partner.id,
    channel: partner.channel,
    country: partner.country,
    tier: valueOn(partner.tiers, day),
    upline: valueOn(partner.uplines, day),
    plans: [...plans].sort(),
    ...(ended.length === 0 ? {} : { ended }),
    ...(certifications === undefined ? {} : { certifications }),
  };
}

/** The days on which something about the partner changes, in order: from each to before the next, `partnerAsOf` says the same. */
export function turningDays({ agreements, certifications = [], tiers, uplines }: Partner): readonly string[] {
  const days = new Set([...tiers, ...uplines].map(({ from }) => from));
  for (const { from, until } of [...agreements, ...certifications]) {
    days.add(from);
    if (until !== undefined) days.add(until);
  }
  return [...days].sort();
}

/** Agreements that are over on the day, the last of each plan that none is in force to. */
function endedBy(
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

/** How many people hold each; undefined where nobody holds any. */
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

/** Every plan that the partner ever agreed to, in order of text. */
export function plansOfPartner({ agreements }: Partner): readonly string[] {
  return [...new Set(agreements.map(({ plan }) => plan))].sort();
}

/** Every partner that ever stood directly above. */
export function uplinesOfPartner({ uplines }: Partner): readonly string[] {
  return [...new Set(uplines.flatMap(({ value }) => (value === null ? [] : [value])))];
}
