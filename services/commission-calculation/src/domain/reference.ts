/** What this service took from partner-registry: each partner whole, its newest revision. */
import type { PartnerAsOf } from '@tantieme/commission-engine/credit';
import type { Dated, Partner } from '@tantieme/contracts/partner';
import type { Decider } from '@tantieme/event-sourcing/decider';

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

export interface PartnerTaken {
  readonly type: 'PartnerTaken';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Omit<TakePartner, 'at'>;
}

export interface ReferenceState {
  readonly partner?: Partner;
  readonly originRevision: number;
}

export const referenceDecider: Decider<ReferenceState, TakePartner, PartnerTaken> = {
  category: REFERENCE,
  initialState: () => ({ originRevision: -1 }),
  decide({ partner, origin, at }, { originRevision }) {
    if (origin.revision <= originRevision) return [];
    return [{ type: 'PartnerTaken', version: 1, occurredAt: at, data: { partner, origin } }];
  },
  evolve: (_, { data: { partner, origin } }) => ({ partner, originRevision: origin.revision }),
  commandOf: ({ occurredAt, data: { partner, origin } }) => ({ partner, origin, at: occurredAt }),
};

/** The partner on a day (`2026-03-05`): what is dated counts from its day on, an agreement to the day before `until`. */
export function partnerAsOf(partner: Partner, day: string): PartnerAsOf {
  const plans = new Set<string>();
  for (const { plan, from, until } of partner.agreements)
    if (from <= day && (until === undefined || day < until)) plans.add(plan);
  return {
    id: partner.id,
    channel: partner.channel,
    country: partner.country,
    tier: valueOn(partner.tiers, day),
    upline: valueOn(partner.uplines, day),
    plans: [...plans].sort(),
  };
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
