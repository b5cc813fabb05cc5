/** A deal as a function of the set of its facts, and the decider that takes one fact after the other. */
import { compareText } from '@tantieme/contracts/compare-text';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider } from '@tantieme/event-sourcing/decide/decider';
import type { Deal, DealFact, DealLine, DealRegistration, DealTerms, ReturnedLine } from '@tantieme/contracts/deal';
import { utcDay } from '@tantieme/time/instant';
import { identityOf } from './deal-fact.js';
import { compareIds } from './order.js';

/** A fact in its normal form, with the SHA-256 of that form's canonical JSON (lower-case hex). */
export interface HeldFact {
  readonly fact: DealFact;
  readonly hash: string;
}

export type DealCommand = HeldFact;

/** The fact, and the whole deal after it. */
export interface DealFactRecorded {
  readonly type: 'DealFactRecorded';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: HeldFact & { readonly deal: Deal };
}

/** All facts that are known of the deal, by identity. Only `evolve` changes it. */
export type DealState = Map<string, HeldFact>;

/** Facts of a deal at the most: each of its events and messages holds the whole deal. */
export const FACTS_MAX = 1000;

/** The same identity with other content: what was known first stays, and the other is kept aside. */
export const FACT_CONFLICT = 'FactConflict';

export const dealDecider: Decider<DealState, DealCommand, DealFactRecorded> = {
  category: 'deal',
  initialState: () => new Map(),
  decide({ fact, hash }, state) {
    const identity = identityOf(fact, hash);
    const known = state.get(identity);
    if (known !== undefined) {
      if (known.hash === hash) return [];
      throw new DomainError(
        FACT_CONFLICT,
        `the fact ${identity} of deal ${fact.source}|${fact.deal} is known with other content`,
        'conflict',
        differences(known.fact, fact),
      );
    }
    if (state.size >= FACTS_MAX)
      throw new DomainError(
        'DealTooLarge',
        `deal ${fact.source}|${fact.deal} has ${state.size} facts already, the most that is taken`,
      );
    const held = { fact, hash };
    const deal = dealOf(fact.source, fact.deal, [...state.values(), held]);
    return [{ type: 'DealFactRecorded', version: 1, occurredAt: fact.occurredAt, data: { fact, hash, deal } }];
  },
  evolve(state, { data: { fact, hash } }) {
    return state.set(identityOf(fact, hash), { fact, hash });
  },
  commandOf: ({ data: { fact, hash } }) => ({ fact, hash }),
  sizeOf: (state) => {
    let bytes = 200;
    for (const { fact } of state.values()) bytes += FACT_BYTES + linesOf(fact) * LINE_BYTES;
    return bytes;
  },
};

/** What facts and lines take in memory, measured roughly: objects, short texts, pointers. */
const FACT_BYTES = 1200;
const LINE_BYTES = 400;

function linesOf(fact: DealFact): number {
  return ('lines' in fact ? (fact.lines?.length ?? 0) : 0) + ('terms' in fact ? (fact.terms?.lines.length ?? 0) : 0);
}

/** The stream of a deal. */
export function dealStream(deal: { readonly source: string; readonly deal: string }): string {
  return `deal-${deal.source}|${deal.deal}`;
}

/** The deal that a set of facts makes, in whatever order they are given. */
export function dealOf(source: string, id: string, facts: Iterable<HeldFact>): Deal {
  const held = [...facts];
  const { terms, changes } = termsOf(held);
  const currency = terms?.currency;
  const moments: { registeredAt?: string; bookedAt?: string; cancelledAt?: string } = {};
  const invoices: Deal['invoices'][number][] = [];
  const payments: Deal['payments'][number][] = [];
  const soldThrough: Deal['soldThrough'][number][] = [];
  const returns: Deal['returns'][number][] = [];
  const registrations: SaidOfRegistration[] = [];
  for (const { fact, hash } of held) {
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
        invoices.push({ id: fact.id, at, ...(lines === undefined ? {} : { lines }) });
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
        returns.push({ id: fact.id, at, ...(lines === undefined ? {} : { lines }) });
        break;
      }
      case 'registration': {
        const { id: registration, status, holder, from = utcDay(at), until, revision = -1 } = fact;
        const span = { id: registration, status, holder, from, ...(until === undefined ? {} : { until }) };
        registrations.push({ revision, at, hash, span });
        break;
      }
      case 'amended':
        break;
      default:
        fact satisfies never;
    }
  }
  const { registeredAt, bookedAt, cancelledAt } = moments;
  return {
    source,
    id,
    ...(terms === undefined ? {} : { terms }),
    ...(registeredAt === undefined ? {} : { registeredAt }),
    ...(bookedAt === undefined ? {} : { bookedAt }),
    invoices: inOrder(invoices),
    payments: inOrder(payments),
    soldThrough: inOrder(soldThrough),
    returns: inOrder(returns),
    ...(cancelledAt === undefined ? {} : { cancelledAt }),
    ...(registrations.length === 0 ? {} : { registrations: registrationsInForce(registrations) }),
    ...(changes.length === 0 ? {} : { changes }),
  };
}

/** What one fact says of a registration, and how strong that is. */
interface SaidOfRegistration {
  readonly revision: number;
  readonly at: string;
  readonly hash: string;
  readonly span: DealRegistration & { readonly from: string };
}

/**
 * Of every registration and day what counts: the highest revision (none is below all that there are), then the latest, then
 * the highest hash. Spans do not overlap; neighbours differ. In order of id, then day.
 */
function registrationsInForce(said: readonly SaidOfRegistration[]): readonly DealRegistration[] {
  return [...Map.groupBy(said, ({ span }) => span.id)]
    .sort(([left], [right]) => compareIds(left, right))
    .flatMap(([, ofOne]) => spansInForce(ofOne));
}

function spansInForce(said: readonly SaidOfRegistration[]): readonly DealRegistration[] {
  const strongestFirst = said
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
    const goesOn = last?.until === day && last.status === status && last.holder === holder;
    const from = goesOn ? last.from : day;
    if (goesOn) spans.pop();
    spans.push({ id, status, holder, from, ...(until === undefined ? {} : { until }) });
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

/** Whose terms count: an amendment's before a booking's before a registration's before an invoice's. */
const STANDING = { amended: 3, booked: 2, registered: 1, invoiced: 0 } as const;

/**
 * The terms in force. Of several amendments the highest source revision wins (one that names none is below all that do),
 * then the latest, then the highest hash; of several invoices the latest, then the highest hash. Changes that win over the
 * terms count from their own dates: one that a stronger change precedes has never counted.
 */
function termsOf(facts: readonly HeldFact[]): {
  readonly terms: DealTerms | undefined;
  readonly changes: NonNullable<Deal['changes']>;
} {
  let best: Candidate | undefined;
  let others: Candidate[] | undefined;
  for (const { fact, hash } of facts) {
    if (!('terms' in fact) || fact.terms === undefined) continue;
    const candidate = {
      standing: STANDING[fact.kind],
      revision: fact.kind === 'amended' ? (fact.revision ?? -1) : -1,
      at: fact.occurredAt,
      hash,
      terms: fact.terms,
    };
    if (fact.kind === 'amended' && fact.as === 'change') (others ??= []).push(candidate);
    else if (best === undefined || compareCandidates(candidate, best) > 0) best = candidate;
  }
  if (others === undefined) return { terms: best?.terms, changes: [] };
  const strongestFirst = others.sort((left, right) => compareCandidates(right, left));
  // Without terms from before it, or in another currency, there is nothing that a change could be the difference to.
  const correction = strongestFirst.find(({ terms }) => terms.currency !== best?.terms.currency);
  if (correction !== undefined && (best === undefined || compareCandidates(correction, best) > 0)) best = correction;
  const counting: Candidate[] = [];
  for (const change of strongestFirst) {
    if (best !== undefined && compareCandidates(change, best) <= 0) break;
    const next = counting.at(-1);
    if (next === undefined || change.at < next.at) counting.push(change);
  }
  const changes = counting.reverse().map(({ revision, at, hash, terms }) => ({
    id: revision < 0 ? hash.slice(0, 16) : String(revision),
    at,
    lines: terms.lines,
  }));
  return { terms: best?.terms, changes };
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
 * An amount that came without its currency, with the decimals of the deal's. One that has more stays as its source said
 * it: it was accepted without knowing, and whoever credits the deal says that it does not fit.
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

/** The fields in which two contents of one fact differ, for whoever has to find out which is right. */
function differences(known: DealFact, other: DealFact): { readonly field: string; readonly reason: string }[] {
  const found: { field: string; reason: string }[] = [];
  compareValues(known, other, '', found);
  return found.slice(0, DIFFERENCES_MAX);
}

const DIFFERENCES_MAX = 20;

function compareValues(known: unknown, other: unknown, path: string, found: { field: string; reason: string }[]): void {
  if (Object.is(known, other) || found.length >= DIFFERENCES_MAX) return;
  if (isObject(known) && isObject(other)) {
    const [knownFields, otherFields] = [new Map(Object.entries(known)), new Map(Object.entries(other))];
    for (const name of new Set([...knownFields.keys(), ...otherFields.keys()]))
      compareValues(knownFields.get(name), otherFields.get(name), path === '' ? name : `${path}.${name}`, found);
    return;
  }
  found.push({ field: path, reason: `is known as ${shown(known)}, not ${shown(other)}` });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
