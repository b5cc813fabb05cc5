/**
 * A parked item: a message that a process can never handle, or an event that cannot be published. It is set aside with
 * the reason, so that the rest flows on, until somebody retries or discards it.
 */
import { DomainError } from '../decide/decider.js';
import type { Decider, EventTypes } from '../decide/decider.js';
import { uuidOf } from '../decide/identity.js';

/** Category of the streams. */
export const PARKED = 'parked';

export const RETRY_REQUESTED = 'ParkedRetryRequested';

/** Where it comes from: a message of a topic, or an event of the log. */
export type ParkedOrigin =
  | { readonly topic: string; readonly partition: number; readonly offset: string }
  | { readonly stream: string; readonly revision: number };

/** A message as it was received. */
export interface ParkedMessage {
  readonly key: string;
  /** Cut at a limit: then it cannot be retried. */
  readonly value: string;
  readonly isCut: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ParkedItem {
  /** The process that refused it, or the publication that could not be made. */
  readonly process: string;
  readonly topic: string;
  readonly origin: ParkedOrigin;
  /** `InvalidMessage: …` */
  readonly reason: string;
  /** ISO 8601: nothing before it can change by what was refused. Absent where that is not known. */
  readonly touchesFrom?: string;
  /** Absent for an event, which its origin names. */
  readonly message?: ParkedMessage;
}

interface Discarded {
  readonly reason: string;
  readonly proposedBy: string;
  readonly confirmedBy: string;
}

export type ParkedCommand =
  | { readonly type: 'park'; readonly at: string; readonly item: ParkedItem }
  | { readonly type: 'request-retry'; readonly at: string; readonly by: string }
  /** @param reason why it was refused again; null if it was handled */
  | { readonly type: 'answer-retry'; readonly at: string; readonly retry: number; readonly reason: string | null }
  | ({ readonly type: 'discard'; readonly at: string } & Discarded);

interface Recorded<Type extends string, Data extends object> {
  readonly type: Type;
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: Data;
}

export type ParkedEvent =
  | Recorded<'ItemParked', ParkedItem>
  | Recorded<'ParkedRetryRequested', { readonly by: string; readonly retry: number }>
  | Recorded<'ParkedRetryAnswered', { readonly retry: number; readonly reason: string | null }>
  | Recorded<'ParkedItemDiscarded', Discarded>;

export interface ParkedState {
  readonly item: ParkedItem | undefined;
  readonly status: 'parked' | 'retrying' | 'handled' | 'discarded';
  readonly reason: string;
  readonly retries: number;
}

/** The same refusal again is the same item. */
export function parkedStream(process: string, origin: ParkedOrigin): string {
  const place =
    'stream' in origin ? `${origin.stream} ${origin.revision}` : `${origin.topic} ${origin.partition} ${origin.offset}`;
  return streamOfParked(uuidOf(`${process} ${place}`));
}

/** `deals.inbound/0@17`, or `deal-crm|D-1@3` of an event. */
export function placeOf(origin: ParkedOrigin): string {
  return 'stream' in origin
    ? `${origin.stream}@${origin.revision}`
    : `${origin.topic}/${origin.partition}@${origin.offset}`;
}

/** @param id as in `GET /parked/{id}` */
export function streamOfParked(id: string): string {
  return `${PARKED}-${id}`;
}

export function parkedIdOf(stream: string): string {
  return stream.slice(PARKED.length + 1);
}

export const PARKED_EVENTS: EventTypes<ParkedEvent> = {
  ItemParked: { version: 1 },
  ParkedRetryRequested: { version: 1 },
  ParkedRetryAnswered: { version: 1 },
  ParkedItemDiscarded: { version: 1 },
};

export const parkedDecider: Decider<ParkedState, ParkedCommand, ParkedEvent> = {
  category: PARKED,
  events: PARKED_EVENTS,
  initialState: () => ({ item: undefined, status: 'parked', reason: '', retries: 0 }),
  decide(command, state) {
    const { type, at: occurredAt } = command;
    if (type === 'park')
      return state.item === undefined ? [{ type: 'ItemParked', version: 1, occurredAt, data: command.item }] : [];
    if (state.item === undefined)
      throw new DomainError('ParkedUnknown', 'nothing is parked under this id', 'not-found');
    switch (type) {
      case 'request-retry':
        if (state.status === 'retrying') return [];
        assertOpen(state);
        if (state.item.message?.isCut === true)
          throw new DomainError(
            'ParkedMessageCut',
            'the message was too long to be kept whole, so it cannot be retried: publish it again',
            'conflict',
          );
        return [{ type: RETRY_REQUESTED, version: 1, occurredAt, data: { by: command.by, retry: state.retries + 1 } }];
      case 'answer-retry': {
        const { retry, reason } = command;
        if (state.status !== 'retrying' || retry !== state.retries) return [];
        return [{ type: 'ParkedRetryAnswered', version: 1, occurredAt, data: { retry, reason } }];
      }
      case 'discard': {
        // Repeated after a crash.
        if (state.status === 'discarded') return [];
        assertOpen(state);
        const { reason, proposedBy, confirmedBy } = command;
        return [{ type: 'ParkedItemDiscarded', version: 1, occurredAt, data: { reason, proposedBy, confirmedBy } }];
      }
      default:
        return type satisfies never;
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'ItemParked':
        return { ...state, item: event.data, reason: event.data.reason };
      case 'ParkedRetryRequested':
        return { ...state, status: 'retrying', retries: event.data.retry };
      case 'ParkedRetryAnswered': {
        const { reason } = event.data;
        return reason === null ? { ...state, status: 'handled' } : { ...state, status: 'parked', reason };
      }
      case 'ParkedItemDiscarded':
        return { ...state, status: 'discarded' };
      default:
        return event satisfies never;
    }
  },
  commandOf(event) {
    const { occurredAt: at } = event;
    switch (event.type) {
      case 'ItemParked':
        return { type: 'park', at, item: event.data };
      case 'ParkedRetryRequested':
        return { type: 'request-retry', at, by: event.data.by };
      case 'ParkedRetryAnswered':
        return { type: 'answer-retry', at, ...event.data };
      case 'ParkedItemDiscarded':
        return { type: 'discard', at, ...event.data };
      default:
        return event satisfies never;
    }
  },
};

function assertOpen({ status }: ParkedState): void {
  if (status === 'handled' || status === 'discarded')
    throw new DomainError('ParkedClosed', `the item is ${status} already`, 'conflict');
}
