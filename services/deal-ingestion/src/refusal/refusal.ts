/** A fact that was refused, stored with its reasons: one stream per content, so that sending it again adds nothing. */
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Decider, EventTypes } from '@tantieme/event-sourcing/decide/decider';
import type { CellFault } from '@tantieme/tabular/cell';

export const REFUSAL_KINDS = ['invalid', 'conflict'] as const;
/** `invalid`: it is not a valid fact. `conflict`: the same fact is recorded with other content. */
export type RefusalKind = (typeof REFUSAL_KINDS)[number];

export interface RefusedFact {
  readonly kind: RefusalKind;
  /** What was sent, as text: all of it, or its first piece where there are `parts`. */
  readonly raw: string;
  /** Pieces that follow the first, each an event of its own. */
  readonly parts?: number;
  readonly errors: readonly CellFault[];
  /** The deal, as far as it can be read. */
  readonly source?: string;
  readonly deal?: string;
  /** Which fact of the deal, as far as it can be read: `booked`, `returned:R-1` (`factKeyOf`). */
  readonly fact?: string;
  /** The import that brought it first. */
  readonly import?: string;
  /** Name of the imported file, as the client gave it. */
  readonly file?: string;
  /** Rows of the file that make the fact, in order; the first row of a file is 1. */
  readonly rows?: readonly number[];
}

export interface RefuseFact extends RefusedFact {
  /** ISO 8601 instant at which it arrived: the time of the fact may be what is wrong with it. */
  readonly at: string;
}

/** A piece of what was sent, stored before the refusal so that a refusal is always whole. */
export interface RefusedPart {
  /** Number of the piece, from 1. */
  readonly part: number;
  readonly raw: string;
}

export interface StorePart extends RefusedPart {
  /** ISO 8601 instant. */
  readonly at: string;
}

export const RESOLUTIONS = ['recorded', 'amended', 'revised', 'withdrawn', 'retried'] as const;
/**
 * `recorded`: the same fact arrived later and was right. `amended`: an amendment replaced the terms that two contents
 * disagreed about. `revised`: a higher revision of the fact replaced both. `withdrawn`: the fact was withdrawn.
 * `retried`: it was recorded again from what was stored, and accepted.
 */
export type Resolution = (typeof RESOLUTIONS)[number];

/** The end of a refusal that two people discarded, as it is listed beside the resolutions. */
export const DISCARDED = 'discarded';

export interface ResolveRefusal {
  readonly resolution: Resolution;
  /** SHA-256 of the fact that resolved it. */
  readonly hash: string;
  /** ISO 8601 instant. */
  readonly at: string;
}

/** Two people decided that nobody has to correct the fact. */
export interface RefusalDiscard {
  readonly reason: string;
  readonly proposedBy: string;
  readonly confirmedBy: string;
}

export interface DiscardRefusal extends RefusalDiscard {
  /** ISO 8601 instant. */
  readonly at: string;
}

export type RefusalCommand = StorePart | RefuseFact | ResolveRefusal | DiscardRefusal;

export interface FactRefused {
  readonly type: 'FactRefused';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: RefusedFact;
}

export interface RefusedPartStored {
  readonly type: 'RefusedPartStored';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: RefusedPart;
}

export interface RefusalResolved {
  readonly type: 'RefusalResolved';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Omit<ResolveRefusal, 'at'>;
}

export interface RefusalDiscarded {
  readonly type: 'RefusalDiscarded';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: RefusalDiscard;
}

export type RefusalEvent = RefusedPartStored | FactRefused | RefusalResolved | RefusalDiscarded;

/**
 * A refusal that was resolved or discarded stays so: the same wrong content may arrive again, and the right fact is
 * recorded.
 */
export interface RefusalState {
  readonly status: 'unknown' | 'refused' | 'resolved' | 'discarded';
  /** Pieces that are stored, not counting the first. */
  readonly parts: number;
}

export const REFUSAL_EVENTS: EventTypes<RefusalEvent> = {
  RefusedPartStored: { version: 1 },
  FactRefused: { version: 1 },
  RefusalResolved: { version: 1 },
  RefusalDiscarded: { version: 1 },
};

const STATUS_AFTER = { FactRefused: 'refused', RefusalResolved: 'resolved', RefusalDiscarded: 'discarded' } as const;

export const refusalDecider: Decider<RefusalState, RefusalCommand, RefusalEvent> = {
  category: 'refusal',
  events: REFUSAL_EVENTS,
  initialState: () => ({ status: 'unknown', parts: 0 }),
  decide({ at: occurredAt, ...data }, state) {
    if ('resolution' in data)
      return state.status === 'refused' ? [{ type: 'RefusalResolved', version: 1, occurredAt, data }] : [];
    if ('confirmedBy' in data) return discard(data, occurredAt, state);
    if ('part' in data)
      return data.part === state.parts + 1 ? [{ type: 'RefusedPartStored', version: 1, occurredAt, data }] : [];
    return state.status === 'unknown' ? [{ type: 'FactRefused', version: 1, occurredAt, data }] : [];
  },
  evolve(state, { type, data }) {
    if (type === 'RefusedPartStored') return { ...state, parts: data.part };
    return { ...state, status: STATUS_AFTER[type] };
  },
  commandOf: ({ occurredAt, data }) => ({ ...data, at: occurredAt }),
  sizeOf: () => 64,
};

/** @throws {DomainError} `RefusalUnknown`, `RefusalResolved` */
function discard(data: RefusalDiscard, occurredAt: string, { status }: RefusalState): readonly RefusalEvent[] {
  // Repeated after a crash.
  if (status === 'discarded') return [];
  if (status === 'unknown') throw new DomainError('RefusalUnknown', 'there is no such refusal', 'not-found');
  if (status === 'resolved') throw refusalResolved();
  return [{ type: 'RefusalDiscarded', version: 1, occurredAt, data }];
}

export function refusalResolved(): DomainError {
  return new DomainError('RefusalResolved', 'the refusal is already resolved or discarded', 'conflict');
}

/** @param id SHA-256 of kind and content */
export function refusalStream(id: string): string {
  return `${refusalDecider.category}-${id}`;
}

/** The id of the refusal in a stream. */
export function refusalOf(stream: string): string {
  return stream.slice(refusalDecider.category.length + 1);
}
