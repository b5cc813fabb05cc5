/** A deal as a function of the set of its facts, and the decider that records one fact after the other. */
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import { compareText } from '@tantieme/contracts/compare-text';
import { utcDay } from '@tantieme/time/instant';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Deal, DealFact, DealLine, DealRegistration, DealTerms, ReturnedLine } from '@tantieme/contracts/deal';
import { identityOf, isWithdrawal, namedKeyOf } from './deal-fact.js';
import { factsInForce } from './facts-in-force.js';
import type { DealState, FactInForce, RecordedFact } from './facts-in-force.js';
import { compareIds } from './order.js';
import { FACTS_MAX, DIFFERENCES_MAX } from '../limits.js';

export type DealCommand = RecordedFact;

/** The fact, and the whole deal after it; without the deal where it follows from this fact alone, its first one. */
export interface DealFactRecorded {
  readonly type: 'DealFactRecorded';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: RecordedFact & { readonly deal?: Deal };
}

/** The same identity with other content: the first one stays, and the other is refused. */
export const FACT_CONFLICT = 'FactConflict';

export const DEAL_EVENTS: EventTypes<DealFactRecorded> = { DealFactRecorded: { version: 1 } };

export const dealDecider: Decider<DealState, DealCommand, DealFactRecorded> = {
  category: 'deal',
  events: DEAL_EVENTS,
  initialState: () => new Map(),
  decide(command, state) {
    const { fact, hash } = command;
    const identity = identityOf(fact, hash);
    const recorded = state.get(identity);
    if (recorded !== undefined) {
      if (recorded.hash === hash || isWithdrawal(fact)) return [];
      throw new DomainError(
        FACT_CONFLICT,
        `the fact ${identity} of deal ${fact.source}|${fact.deal} is already recorded with other content; send a correction with a higher revision`,
        'conflict',
        differences(recorded.fact, fact),
      );
    }
    // What is recorded can always be withdrawn.
    if (state.size >= FACTS_MAX && !(isWithdrawal(fact) && state.has(namedKeyOf(fact))))
      throw new DomainError(
        'DealTooLarge',
        `deal ${fact.source}|${fact.deal} has ${state.size} facts, the most that a deal may have`,
      );
    const data =
      state.size === 0 ? command : { ...command, deal: dealOf(fact.source, fact.deal, [...state.values(), command]) };
    return [{ type: 'DealFactRecorded', version: 1, occurredAt: fact.occurredAt, data }];
  },
  evolve(state, { data: { deal: _, ...recorded } }) {
    return state.set(identityOf(recorded.fact, recorded.hash), recorded);
  },
  commandOf: ({ data: { deal: _, ...recorded } }) => recorded,
  sizeOf: (state) => {
    let bytes = 200;
    for (const { fact } of state.values()) bytes += FACT_BYTES + linesOf(fact) * LINE_BYTES;
    return bytes;
  },
};

/** Rough bytes of a fact and of a line in memory: objects, short texts, pointers. */
const FACT_BYTES = 1200;
const LINE_BYTES = 400;

function linesOf(fact: DealFact): number {
  return ('lines' in fact ? (fact.lines?.length ?? 0) : 0) + ('terms' in fact ? (fact.terms?.lines.length ?? 0) : 0);
}

/** The stream of a deal. */
export function dealStream(deal: { readonly source: string; readonly deal: string }): string {
  return `deal-${deal.source}|${deal.deal}`;
}

/** The whole deal after the event. */
export function dealAfter({ data: { deal, ...recorded } }: DealFactRecorded): Deal {
  return deal ?? dealOf(recorded.fact.source, recorded.fact.deal, [recorded]);
}

/** The deal that a set of facts makes, whatever their order. */
export function dealOf(source: string, id: string, facts: Iterable<RecordedFact>): Deal {
  const inForce = factsInForce(facts);
  const { terms, changes } = termsOf(inForce);
  const currency = terms?.currency;
  const moments: { registeredAt?: string; bookedAt?: string; cancelledAt?: string } = {};
  const invoices: Deal['invoices'][number][] = [];
  const payments: Deal['payments'][number][] = [];
  const soldThrough: Deal['soldThrough'][number][] = [];
  const returns: Deal['returns'][number][] = [];
  const registrations: RegistrationClaim[] = [];
  for (const { fact, hash } of inForce) {
    const at = fact.occurredAt;
    switch (fact.kind) {
      case 'registered':
        moments.registeredAt = at;
        break;
      case 'booked':
        moments.bookedAt = at;
        break;
      case 'cancelled':
        moments.cancelledAt = at;
        break;
      case 'invoiced': {
        const lines = fact.lines?.map((line) => withAmounts(line, currency));
        invoices.push({ id: fact.id, at, ...omitUndefined({ lines }) });
        break;
      }
      case 'paid':
        payments.push({ id: fact.id, at, amount: amountIn(currency, fact.amount) });
        break;
      case 'sold-through':
        soldThrough.push({ id: fact.id, at });
        break;
      case 'returned': {
        const lines = fact.lines?.map((line) => returnedWithAmount(line, currency));
        returns.push({ id: fact.id, at, ...omitUndefined({ lines }) });
        break;
      }
      case 'registration': {
        const { id: registration, status, holder, from = utcDay(at), until, revision = -1 } = fact;
        const span = { id: registration, status, holder, from, ...omitUndefined({ until }) };
        registrations.push({ revision, at, hash, span });
        break;
      }
      case 'amended':
        break;
      default:
        fact satisfies never;
    }
  }
  return omitUndefined({
    source,
    id,
    terms,
    registeredAt: moments.registeredAt,
    bookedAt: moments.bookedAt,
    invoices: inOrder(invoices),
    payments: inOrder(payments),
    soldThrough: inOrder(soldThrough),
    returns: inOrder(returns),
    cancelledAt: moments.cancelledAt,
    registrations: registrations.length === 0 ? undefined : registrationsInForce(registrations),
    changes: changes.length === 0 ? undefined : changes,
  });
}

/** The status of a registration as one fact claims it, and what decides between claims. */
interface RegistrationClaim {
  readonly revision: number;
  readonly at: string;
  readonly hash: string;
  readonly span: DealRegistration & { readonly from: string };
}

/**
 * The claim in force for each registration and day: the highest revision (none is below all that have one), then the
 * latest, then the highest hash. Spans do not overlap, and neighbours differ. In order of id, then day.
 */
function registrationsInForce(claims: readonly RegistrationClaim[]): readonly DealRegistration[] {
  return [...Map.groupBy(claims, ({ span }) => span.id)]
    .sort(([left], [right]) => compareIds(left, right))
    .flatMap(([, ofOne]) => spansInForce(ofOne));
}

function spansInForce(claims: readonly RegistrationClaim[]): readonly DealRegistration[] {
  const strongestFirst = claims
    .toSorted(
      (left, right) =>
        right.revision - left.revision || compareText(right.at, left.at) || compareText(right.hash, left.hash),
    )
    .map(({ span }) => span);
  const edges = [...new Set(strongestFirst.flatMap(({ from, until = from }) => [from, until]))].sort();
  const spans: (DealRegistration & { readonly from: string })[] = [];
  for (const [index, day] of edges.entries()) {
    const strongest = strongestFirst.find(({ from, until }) => from <= day && (until === undefined || day < until));
    if (strongest === undefined) continue;
    const { id, status, holder } = strongest;
    const until = edges[index + 1];
    const last = spans.at(-1);
    const continues = last?.until === day && last.status === status && last.holder === holder;
    const from = continues ? last.from : day;
    if (continues) spans.pop();
    spans.push({ id, status, holder, from, ...omitUndefined({ until }) });
  }
  return spans;
}

/** In order of time, then id. */
function inOrder<Moment extends { readonly id: string; readonly at: string }>(
  moments: readonly Moment[],
): readonly Moment[] {
  if (moments.length < 2) return moments;
  return [...moments].sort((left, right) => compareText(left.at, right.at) || compareIds(left.id, right.id));
}

/** Whose terms win: an amendment's over a booking's over a registration's over an invoice's. */
const STANDING = { amended: 3, booked: 2, registered: 1, invoiced: 0 } as const;

/**
 * The terms in force. Of several amendments the highest source revision wins (none is below all that have one), then
 * the latest, then the highest hash; of several invoices the latest, then the highest hash. Changes that win over the
 * terms apply from their own dates. A change that is preceded by a stronger one never applies.
 */
function termsOf(facts: readonly FactInForce[]): {
  readonly terms: DealTerms | undefined;
  readonly changes: NonNullable<Deal['changes']>;
} {
  let best: Candidate | undefined;
  let changes: Candidate[] | undefined;
  for (const { fact, hash } of facts) {
    if (!('terms' in fact) || fact.terms === undefined) continue;
    const candidate = {
      standing: STANDING[fact.kind],
      revision: fact.kind === 'amended' ? (fact.revision ?? -1) : -1,
      at: fact.occurredAt,
      hash,
      terms: fact.terms,
    };
    if (fact.kind === 'amended' && fact.as === 'change') (changes ??= []).push(candidate);
    else if (best === undefined || compareCandidates(candidate, best) > 0) best = candidate;
  }
  if (changes === undefined) return { terms: best?.terms, changes: [] };
  const strongestFirst = changes.sort((left, right) => compareCandidates(right, left));
  // A change needs earlier terms in its own currency to be the difference to; otherwise it is a correction.
  const correction = strongestFirst.find(({ terms }) => terms.currency !== best?.terms.currency);
  if (correction !== undefined && (best === undefined || compareCandidates(correction, best) > 0)) best = correction;
  const applying: Candidate[] = [];
  for (const change of strongestFirst) {
    if (best !== undefined && compareCandidates(change, best) <= 0) break;
    const next = applying.at(-1);
    if (next === undefined || change.at < next.at) applying.push(change);
  }
  return {
    terms: best?.terms,
    changes: applying.reverse().map(({ revision, at, hash, terms }) => ({
      id: revision < 0 ? hash.slice(0, 16) : String(revision),
      at,
      lines: terms.lines,
    })),
  };
}

interface Candidate {
  readonly standing: number;
  readonly revision: number;
  readonly at: string;
  readonly hash: string;
  readonly terms: DealTerms;
}

function compareCandidates(left: Candidate, right: Candidate): number {
  return (
    left.standing - right.standing ||
    left.revision - right.revision ||
    compareText(left.at, right.at) ||
    compareText(left.hash, right.hash)
  );
}

function withAmounts(line: DealLine, currency: string | undefined): DealLine {
  return {
    ...line,
    net: amountIn(currency, line.net),
    ...(line.gross === undefined ? {} : { gross: amountIn(currency, line.gross) }),
    ...(line.cost === undefined ? {} : { cost: amountIn(currency, line.cost) }),
  };
}

function returnedWithAmount(returned: ReturnedLine, currency: string | undefined): ReturnedLine {
  return returned.net === undefined ? returned : { ...returned, net: amountIn(currency, returned.net) };
}

/**
 * An amount that was recorded without a currency, with the decimals of the deal's. One with more decimals stays as it
 * is: it was accepted before the currency was known, and crediting the deal reports it.
 */
function amountIn(currency: string | undefined, text: string): string {
  if (currency === undefined) return text;
  try {
    return formatAmount(parseAmount(text, currency), currency);
  } catch (error) {
    if (error instanceof MoneyError) return text;
    throw error;
  }
}

/** The fields in which two contents of one fact differ. */
function differences(recorded: DealFact, other: DealFact): { readonly field: string; readonly reason: string }[] {
  const found: { field: string; reason: string }[] = [];
  compareValues(recorded, other, '', found);
  return found.slice(0, DIFFERENCES_MAX);
}

function compareValues(
  recorded: unknown,
  other: unknown,
  path: string,
  found: { field: string; reason: string }[],
): void {
  if (Object.is(recorded, other) || found.length >= DIFFERENCES_MAX) return;
  if (isObject(recorded) && isObject(other)) {
    const [recordedFields, otherFields] = [new Map(Object.entries(recorded)), new Map(Object.entries(other))];
    for (const name of new Set([...recordedFields.keys(), ...otherFields.keys()]))
      compareValues(recordedFields.get(name), otherFields.get(name), path === '' ? name : `${path}.${name}`, found);
    return;
  }
  found.push({ field: path, reason: `is recorded as ${shown(recorded)}, not as ${shown(other)}` });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
