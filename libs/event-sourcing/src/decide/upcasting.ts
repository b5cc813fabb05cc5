import type { StoredEvent } from '@tantieme/event-store/event-store';

import type { Decider, DomainEvent } from './decider.js';

/** The part of a decider that reads stored events. */
export interface Upcasting {
  readonly upcast?: Decider<never, never, DomainEvent>['upcast'] | undefined;
}

/** Data of an old version, brought step by step to the newest that the steps lead to. */
export function upcastData(
  upcasting: Upcasting,
  type: string,
  version: number,
  data: object,
): { readonly version: number; readonly data: object } {
  const steps = upcasting.upcast?.[type];
  if (steps === undefined) return { version, data };
  let newest = data;
  let reached = version;
  for (let step = steps[reached]; step !== undefined; step = steps[reached]) {
    // A step takes what the version before it was; the log is the only witness of that type.
    newest = step(newest as never);
    reached += 1;
  }
  return { version: reached, data: newest };
}

/** What `stored` has to have of a stored event. */
export type Stored = Pick<StoredEvent, 'type' | 'version' | 'occurredAt' | 'dataText'>;

/** What reads stored events: a decider, or nothing where there is no older version. */
export interface ReadsEvents<Event extends DomainEvent> {
  readonly upcast?: Decider<never, never, Event>['upcast'];
  readonly evolve?: (state: never, event: Event) => unknown;
}

/** Data by the event that holds it: at the head of the log several followers are given the same event, and its data as it was decided or parsed. */
const dataOf = new WeakMap<object, object>();

/** The data that a stored event was made from: who follows the log in the same thread need not parse its text. */
export function rememberData(stored: Stored, data: object): void {
  dataOf.set(stored, data);
}

/**
 * A stored event as its decider knows it: parsed, and upcast where it is of an older version. The data may be shared with whoever else
 * reads the same event: it must not be changed, nor be kept in a state that changes.
 */
export function domainEventOf<Event extends DomainEvent>(stored: Stored, decider: ReadsEvents<Event>): Event {
  // An upcaster may work in place.
  if (decider.upcast?.[stored.type] !== undefined) return ownDomainEventOf(stored, decider);
  let data = dataOf.get(stored);
  if (data === undefined) {
    data = ownDomainEventOf(stored, decider).data as object;
    dataOf.set(stored, data);
  }
  const { type, version, occurredAt } = stored;
  return { type, version, occurredAt, data } as DomainEvent as Event;
}

/** As {@link domainEventOf}, with data of its own: a state may keep and change it. */
export function ownDomainEventOf<Event extends DomainEvent>(stored: Stored, decider: ReadsEvents<Event>): Event {
  const { version, data } = upcastData(decider, stored.type, stored.version, JSON.parse(stored.dataText));
  // What is in the log was written by the same decider's types; upcasting brought it to the newest of them.
  return { type: stored.type, version, occurredAt: stored.occurredAt, data } as DomainEvent as Event;
}
