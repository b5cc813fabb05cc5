import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import type { DomainEvent } from '@tantieme/event-sourcing/decider';
import type { StoredEvent } from '@tantieme/event-store/event-store';

/** Events of a generation: what the readers of the log are apart at the most, as they go in step. */
const GENERATION_EVENTS = 2500;

/** A memo of a pure function, by the event's hash. Two generations, the older of which is given up as a whole. */
let young = new Map<string, DomainEvent>();
let old = new Map<string, DomainEvent>();

/**
 * A stored event of this service, parsed. Relay, index and read model read the same events shortly after each other: the
 * first one parses for all of them. Not to be changed.
 */
export function parsedEvent<Event extends DomainEvent>(stored: StoredEvent): Event {
  const known = young.get(stored.hash) ?? old.get(stored.hash);
  // The caller knows the type by the event's name, as it does where it parses by itself.
  if (known !== undefined) return known as Event;
  const parsed = domainEventOf<Event>(stored, {});
  if (young.size >= GENERATION_EVENTS) {
    old = young;
    young = new Map();
  }
  young.set(stored.hash, parsed);
  return parsed;
}
