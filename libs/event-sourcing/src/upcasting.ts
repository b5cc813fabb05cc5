import type { StoredEvent } from '@tantieme/event-store/event-store';

import type { Decider, DomainEvent } from './decider.js';

/** The part of a decider that reads stored events. */
export type Upcasting = Pick<Decider<never, never, DomainEvent>, 'upcast'>;

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

/** A stored event as its decider knows it: parsed, and upcast where it is of an older version. */
export function domainEventOf<Event extends DomainEvent>(
  stored: Pick<StoredEvent, 'type' | 'version' | 'occurredAt' | 'dataText'>,
  decider: {
    readonly upcast?: Decider<never, never, Event>['upcast'];
    readonly evolve?: (state: never, event: Event) => unknown;
  },
): Event {
  const { version, data } = upcastData(decider, stored.type, stored.version, JSON.parse(stored.dataText));
  // What is in the log was written by the same decider's types; upcasting brought it to the newest of them.
  return { type: stored.type, version, occurredAt: stored.occurredAt, data } as DomainEvent as Event;
}
