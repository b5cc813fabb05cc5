/** Stored events as domain events: parsed, and upcast to the newest version of their type. */
import type { StoredEvent } from '@tantieme/event-store/event-store';

import { isPart } from '@tantieme/event-store/run';

import type { Decider, DomainEvent } from './decider.js';

/** The part of a decider that reads stored events; `{}` if its event types have only one version. */
export interface EventReader<Event extends DomainEvent> {
  readonly upcast?: Decider<never, never, Event>['upcast'] | undefined;
  readonly evolve?: (state: never, event: Event) => unknown;
}

/** The fields of a stored event that are read here. */
export type StoredFields = Pick<StoredEvent, 'type' | 'version' | 'occurredAt' | 'dataText'>;

/** Applies the upcasters of the type one by one, from `version` to the newest. */
export function upcastData(
  reader: Pick<EventReader<DomainEvent>, 'upcast'>,
  type: string,
  version: number,
  data: object,
): { readonly version: number; readonly data: object } {
  const steps = reader.upcast?.[type];
  if (steps === undefined) return { version, data };
  let newest = data;
  let reached = version;
  for (let step = steps[reached]; step !== undefined; step = steps[reached]) {
    // Data of old versions has no type in the code any more.
    newest = step(newest as never);
    reached += 1;
  }
  return { version: reached, data: newest };
}

/** Parsed data by stored event: readers at the head of the log share the same events. */
const parsedData = new WeakMap<object, object>();

/** Keeps the data from which an event was stored, so that readers of the log in this thread need not parse it. */
export function cacheParsedData(stored: StoredFields, data: object): void {
  parsedData.set(stored, data);
}

/**
 * A stored event as a domain event. Other readers may share its data: do not change it, and do not keep it in a state
 * that changes.
 */
export function domainEventOf<Event extends DomainEvent>(stored: StoredFields, reader: EventReader<Event>): Event {
  // An upcaster may change the data in place.
  if (reader.upcast?.[stored.type] !== undefined) return parseDomainEvent(stored, reader);
  let data = parsedData.get(stored);
  if (data === undefined) {
    data = parseDomainEvent(stored, reader).data;
    parsedData.set(stored, data);
  }
  const { type, version, occurredAt } = stored;
  return { type, version, occurredAt, data } as DomainEvent as Event;
}

/** Like {@link domainEventOf}, with freshly parsed data: the caller may keep and change it. */
export function parseDomainEvent<Event extends DomainEvent>(stored: StoredFields, reader: EventReader<Event>): Event {
  if (isPart(stored)) throw new Error(`a part of a run of ${stored.type} was read as an event: use withWholeEvents`);
  const parsed = JSON.parse(stored.dataText) as object;
  const { version, data } = upcastData(reader, stored.type, stored.version, parsed);
  // The decider of these types wrote the event, and its upcasters made it of the newest version.
  return { type: stored.type, version, occurredAt: stored.occurredAt, data } as DomainEvent as Event;
}
