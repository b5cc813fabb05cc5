/** A partner: who it is, and its effective-dated tier, upline, agreements and certifications. */
import { compareText } from '@tantieme/contracts/compare-text';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { oneOf } from '@tantieme/contracts/suggest';
import type { Agreement, Certification, ChannelType, Dated, Partner } from '@tantieme/contracts/partner';
import { DAY_DESCRIPTION, isDay } from '@tantieme/time/day';
import { findCircle } from './upline.js';
import type { Uplines, UplinesOf } from './upline.js';

/** Who a partner is. Without dates: what plans look up by day is in the lists. */
export interface PartnerDetails {
  readonly name: string;
  readonly channel: ChannelType;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
}

/** Days are ISO dates. An entry replaces the one of the same day, or with the same id. */
export type PartnerChange =
  | { readonly kind: 'details'; readonly details: PartnerDetails }
  | { readonly kind: 'tier'; readonly from: string; readonly tier: string }
  /** `above`: the uplines of everybody above at any time, as looked up, to prove that nobody is above themselves. */
  | { readonly kind: 'upline'; readonly from: string; readonly upline: string | null; readonly above: UplinesOf }
  | { readonly kind: 'agreement'; readonly agreement: Agreement }
  | { readonly kind: 'certification'; readonly certification: Certification }
  /**
   * An entry was recorded by mistake: the partner is as if it had never been. `key`: its day, or its id. With `entry`, it
   * stays if it has other content by now. `above`: for uplines, as there.
   */
  | {
      readonly kind: 'withdrawal';
      readonly of: WithdrawableKind;
      readonly key: string;
      readonly entry?: PartnerEntry;
      readonly above: UplinesOf;
    }
  /** The whole document: what it leaves out is removed. */
  | { readonly kind: 'document'; readonly partner: Partner; readonly above: UplinesOf };

/** What a partner has from day to day, and the lists that hold it. */
const LIST_OF = {
  tier: 'tiers',
  upline: 'uplines',
  agreement: 'agreements',
  certification: 'certifications',
} as const;

export type WithdrawableKind = keyof typeof LIST_OF;
export type PartnerEntry = Dated<string | null> | Agreement | Certification;

export interface PartnerCommand {
  readonly id: string;
  readonly change: PartnerChange;
  /** ISO 8601 instant of the request. */
  readonly at: string;
}

const EVENT_TYPES = {
  details: 'PartnerRegistered',
  tier: 'TierAssigned',
  upline: 'UplineAssigned',
  agreement: 'AgreementMade',
  certification: 'CertificationRecorded',
  withdrawal: 'PartnerEntryWithdrawn',
  document: 'PartnerImported',
} as const;

/** The change, and the whole partner after it. */
export interface PartnerEvent {
  readonly type: (typeof EVENT_TYPES)[PartnerChange['kind']];
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly change: PartnerChange; readonly partner: Partner };
}

/** Undefined while the partner is not registered. */
export type PartnerState = Partner | undefined;

export const PARTNER_EVENTS: EventTypes<PartnerEvent> = {
  PartnerRegistered: { version: 1 },
  TierAssigned: { version: 1 },
  UplineAssigned: { version: 1 },
  AgreementMade: { version: 1 },
  CertificationRecorded: { version: 1 },
  PartnerEntryWithdrawn: { version: 1 },
  PartnerImported: { version: 1 },
};

export const partnerDecider: Decider<PartnerState, PartnerCommand, PartnerEvent> = {
  category: 'partner',
  events: PARTNER_EVENTS,
  initialState: () => undefined,
  decide({ id, change, at }, state) {
    const partner = changed(id, change, state);
    if (state !== undefined && samePartner(state, partner)) return [];
    return [{ type: EVENT_TYPES[change.kind], version: 1, occurredAt: at, data: { change, partner } }];
  },
  evolve: (_, { data }) => data.partner,
  commandOf: ({ occurredAt, data }) => ({ id: data.partner.id, change: data.change, at: occurredAt }),
  sizeOf: (partner) =>
    partner === undefined
      ? 64
      : 600 +
        120 * (partner.tiers.length + partner.uplines.length) +
        240 * (partner.agreements.length + certificationsOf(partner).length),
};

export function partnerStream(id: string): string {
  return `partner-${id}`;
}

function changed(id: string, change: PartnerChange, state: PartnerState): Partner {
  switch (change.kind) {
    case 'details': {
      checkDetails(change.details);
      const { name, channel, country } = change.details;
      const { tiers = [], uplines = [], agreements = [], certifications } = state ?? {};
      return omitUndefined({ id, name, channel, country, tiers, uplines, agreements, certifications });
    }
    case 'tier':
      checkDay(change.from, 'from');
      return {
        ...registered(id, state),
        tiers: withEntry(registered(id, state).tiers, { from: change.from, value: change.tier }),
      };
    case 'upline': {
      checkDay(change.from, 'from');
      const partner = registered(id, state);
      const uplines = withEntry(partner.uplines, { from: change.from, value: change.upline });
      checkUplines(id, uplines, change.above);
      return { ...partner, uplines };
    }
    case 'agreement':
      checkAgreement(change.agreement, 'agreement');
      return {
        ...registered(id, state),
        agreements: withAgreement(registered(id, state).agreements, change.agreement),
      };
    case 'certification': {
      const { certification } = change;
      checkCertification(certification, 'certification');
      const others = certificationsOf(registered(id, state)).filter((one) => one.id !== certification.id);
      return { ...registered(id, state), certifications: inOrder([...others, normalCertification(certification)]) };
    }
    case 'withdrawal':
      return withdrawn(registered(id, state), change);
    case 'document':
      checkDocument(id, change.partner);
      checkUplines(id, change.partner.uplines, change.above);
      return normalPartner(change.partner);
    default:
      return change satisfies never;
  }
}

function registered(id: string, state: PartnerState): Partner {
  if (state === undefined) throw new DomainError('PartnerUnknown', `no partner ${id} is registered`, 'not-found');
  return state;
}

/** Withdrawing what is not there changes nothing. */
function withdrawn(
  partner: Partner,
  { of, key, entry, above }: Extract<PartnerChange, { readonly kind: 'withdrawal' }>,
): Partner {
  const list: readonly PartnerEntry[] = partner[LIST_OF[of]] ?? [];
  const found = list.find((one) => keyOf(one) === key);
  if (found === undefined) return partner;
  if (entry !== undefined && canonicalJson(found) !== canonicalJson(entry)) {
    const reason = `the ${of} ${key} was replaced since: it is ${canonicalJson(found)}`;
    throw new DomainError('EntryReplaced', `${reason}, and stays`, 'conflict', [{ field: of, reason }]);
  }
  const after = normalPartner({ ...partner, [LIST_OF[of]]: list.filter((one) => one !== found) });
  if (of === 'upline') checkUplines(partner.id, after.uplines, above);
  return after;
}

function keyOf(entry: PartnerEntry): string {
  return 'id' in entry ? entry.id : entry.from;
}

// ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The list with the entry, in order of days, with one entry per day. */
function withEntry<Value>(entries: readonly Dated<Value>[], entry: Dated<Value>): readonly Dated<Value>[] {
  return [...entries.filter(({ from }) => from !== entry.from), entry].sort(byDay);
}

function byDay(left: { readonly from: string }, right: { readonly from: string }): number {
  return compareText(left.from, right.from);
}

function withAgreement(agreements: readonly Agreement[], agreement: Agreement): readonly Agreement[] {
  const others = agreements.filter(({ id }) => id !== agreement.id);
  const overlapping = others.find((other) => other.plan === agreement.plan && overlaps(other, agreement));
  if (overlapping !== undefined) throw overlap(agreement, overlapping, 'from');
  return inOrder([...others, agreement]);
}

/** Whether two spans share a day; a span ends on the day before `until`. */
function overlaps(left: Agreement, right: Agreement): boolean {
  return (
    (right.until === undefined || left.from < right.until) && (left.until === undefined || right.from < left.until)
  );
}

function overlap(agreement: Agreement, other: Agreement, field: string): DomainError {
  const until = other.until === undefined ? 'without end' : `until ${other.until}`;
  const reason = `overlaps with the agreement ${other.id} to the same plan, from ${other.from} ${until}`;
  return new DomainError('AgreementOverlaps', `the agreement ${agreement.id} ${reason}`, 'conflict', [
    { field, reason },
  ]);
}

function inOrder<Span extends { readonly id: string; readonly from: string }>(spans: readonly Span[]): readonly Span[] {
  return [...spans].sort((left, right) => byDay(left, right) || compareText(left.id, right.id));
}

function certificationsOf({ certifications = [] }: Partner): readonly Certification[] {
  return certifications;
}

/** Without defaults: a certificate without a count is held by one person. */
export function normalCertification({ id, certification, from, until, count = 1 }: Certification): Certification {
  return omitUndefined({ id, certification, from, until, count: count === 1 ? undefined : count });
}

function normalPartner(partner: Partner): Partner {
  const certifications = inOrder(certificationsOf(partner).map(normalCertification));
  return omitUndefined({
    id: partner.id,
    name: partner.name,
    channel: partner.channel,
    country: partner.country,
    tiers: [...partner.tiers].sort(byDay),
    uplines: [...partner.uplines].sort(byDay),
    agreements: inOrder(partner.agreements),
    certifications: certifications.length === 0 ? undefined : certifications,
  });
}

function samePartner(left: Partner, right: Partner): boolean {
  return (
    left.name === right.name &&
    left.channel === right.channel &&
    left.country === right.country &&
    sameList(left.tiers, right.tiers, (one, other) => one.from === other.from && one.value === other.value) &&
    sameList(left.uplines, right.uplines, (one, other) => one.from === other.from && one.value === other.value) &&
    sameList(
      left.agreements,
      right.agreements,
      (one, other) =>
        one.id === other.id && one.plan === other.plan && one.from === other.from && one.until === other.until,
    ) &&
    sameList(
      certificationsOf(left),
      certificationsOf(right),
      (one, other) =>
        one.id === other.id &&
        one.certification === other.certification &&
        one.from === other.from &&
        one.until === other.until &&
        one.count === other.count,
    )
  );
}

function sameList<Entry>(
  left: readonly Entry[],
  right: readonly Entry[],
  same: (one: Entry, other: Entry) => boolean,
): boolean {
  if (left.length !== right.length) return false;
  return left.every((entry, index) => {
    const other = right[index];
    return other !== undefined && same(entry, other);
  });
}

// ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function invalid(field: string, reason: string): DomainError {
  return new DomainError('PartnerInvalid', `${field} ${reason}`, 'invalid', [{ field, reason }]);
}

function checkDetails({ channel, country }: PartnerDetails): void {
  if (!CHANNEL_TYPES.includes(channel)) throw invalid('channel', `must be ${oneOf(CHANNEL_TYPES, channel)}`);
  if (!/^[A-Z]{2}$/.test(country))
    throw invalid('country', 'must be an ISO 3166-1 code of two capital letters, such as FR');
}

function checkDay(text: string, field: string): void {
  if (!isDay(text)) throw invalid(field, `must be ${DAY_DESCRIPTION}`);
}

function checkAgreement(agreement: Agreement, path: string): void {
  checkSpan(agreement, path, 'must be after from: it is the first day without the agreement');
}

function checkCertification(certification: Certification, path: string): void {
  checkSpan(certification, path, 'must be after from: it is the first day without the certification');
  const { count = 1 } = certification;
  if (!Number.isSafeInteger(count) || count < 1) throw invalid(`${path}.count`, 'must be a whole number from 1');
}

function checkSpan(
  { from, until }: { readonly from: string; readonly until?: string },
  path: string,
  reason: string,
): void {
  checkDay(from, `${path}.from`);
  if (until === undefined) return;
  checkDay(until, `${path}.until`);
  if (until <= from) throw invalid(`${path}.until`, reason);
}

function checkDocument(id: string, partner: Partner): void {
  if (partner.id !== id) throw invalid('id', `is ${partner.id}, not ${id}`);
  checkDetails(partner);
  checkDated(partner.tiers, 'tiers');
  checkDated(partner.uplines, 'uplines');
  const ids = new Set<string>();
  const earlier: Agreement[] = [];
  for (const [index, agreement] of partner.agreements.entries()) {
    checkAgreement(agreement, `agreements.${index}`);
    if (ids.has(agreement.id)) throw invalid(`agreements.${index}.id`, `${agreement.id} is listed twice`);
    ids.add(agreement.id);
    const other = earlier.find((one) => one.plan === agreement.plan && overlaps(one, agreement));
    if (other !== undefined) throw overlap(agreement, other, `agreements.${index}.from`);
    earlier.push(agreement);
  }
  const certificates = new Set<string>();
  for (const [index, certification] of certificationsOf(partner).entries()) {
    const path = `certifications.${index}`;
    checkCertification(certification, path);
    if (certificates.has(certification.id)) throw invalid(`${path}.id`, `${certification.id} is listed twice`);
    certificates.add(certification.id);
  }
}

function checkDated(entries: readonly Dated<unknown>[], path: string): void {
  const days = new Set<string>();
  for (const [index, { from }] of entries.entries()) {
    checkDay(from, `${path}.${index}.from`);
    if (days.has(from)) throw invalid(`${path}.${index}.from`, `${from} is listed twice`);
    days.add(from);
  }
}

function checkUplines(id: string, uplines: Uplines, above: UplinesOf): void {
  const circle = findCircle(id, uplines, above);
  if (circle === undefined) return;
  const reason = `on ${circle.day} ${circle.path.join(' is below ')}`;
  throw new DomainError('UplineCircle', `nobody can be above themselves: ${reason}`, 'conflict', [
    { field: 'upline', reason },
  ]);
}
