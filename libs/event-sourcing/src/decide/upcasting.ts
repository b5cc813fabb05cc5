/**
 * The one place that reads the data and metadata of stored events. An event of an older version is upcast, step by step,
 * to the version that this build writes; an event that this build does not know is refused by name.
 */
import type { EventMetadata, StoredEvent } from '@tantieme/event-store/event-store';

import { isPart } from '@tantieme/event-store/run';

import type { Decider, DomainEvent, EventType, EventTypes } from './decider.js';

/** The fields of a stored event that are read here. */
export type StoredFields = Pick<StoredEvent, 'stream' | 'revision' | 'type' | 'version' | 'occurredAt' | 'dataText'>;

/** A newer build wrote the event, or the upcasters of its type have a gap. */
export class EventUnknown extends Error {
  readonly code = 'EventUnknown';
  constructor({ stream, revision, type }: StoredFields, reason: string) {
    super(
      `${stream} has an event that this build cannot read, ${type} at revision ${revision}: ${reason}; run the version of the program that wrote this log, or a later one`,
    );
  }
}

/** Parsed and upcast data by stored event: readers at the head of the log share the same events. */
const parsedData = new WeakMap<object, object>();

/** Keeps the data from which an event was stored, so that readers of the log in this thread need not parse it. */
export function cacheParsedData(stored: StoredFields, data: object): void {
  parsedData.set(stored, data);
}

/**
 * A stored event as a domain event. Other readers may share its data: do not change it, and do not keep it in a state
 * that changes.
 * @throws {EventUnknown}
 */
export function domainEventOf<Event extends DomainEvent>(stored: StoredFields, types: EventTypes<Event>): Event {
  const data = parsedData.get(stored);
  if (data !== undefined) return eventOf(stored, typeOf(stored, types).version, data);
  const event = parseDomainEvent(stored, types);
  parsedData.set(stored, event.data);
  return event;
}

/**
 * Like {@link domainEventOf}, with freshly parsed data: the caller may keep and change it.
 * @throws {EventUnknown}
 */
export function parseDomainEvent<Event extends DomainEvent>(stored: StoredFields, types: EventTypes<Event>): Event {
  if (isPart(stored)) throw new Error(`a part of a run of ${stored.type} was read as an event: use withWholeEvents`);
  const { version: newest, upcast } = typeOf(stored, types);
  let data = JSON.parse(stored.dataText) as object;
  for (let { version } = stored; version < newest; version += 1) {
    const step = upcast?.[version];
    if (step === undefined)
      throw new EventUnknown(stored, `there is no upcaster from its version ${version} to ${version + 1}`);
    // Data of old versions has no type in the code any more.
    data = step(data as never);
  }
  return eventOf(stored, newest, data);
}

/** A decider together with the reader of its stored events, as the verification of a log takes it. */
export function withReader<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
): Decider<State, Command, Event> & { readonly read: (stored: StoredFields) => Event } {
  return { ...decider, read: (stored) => parseDomainEvent(stored, decider.events) };
}

/** See `EventType.namesCause`. */
export function namesCause<Event extends DomainEvent>(type: Event['type'], types: EventTypes<Event>): boolean {
  return (types as Readonly<Record<string, EventType>>)[type]?.namesCause === true;
}

function typeOf<Event extends DomainEvent>(stored: StoredFields, types: EventTypes<Event>): EventType {
  const known = types as Readonly<Record<string, EventType>>;
  const type = Object.hasOwn(known, stored.type) ? known[stored.type] : undefined;
  if (type === undefined) throw new EventUnknown(stored, `it knows only ${Object.keys(types).join(', ')}`);
  if (stored.version > type.version)
    throw new EventUnknown(stored, `the event has version ${stored.version}, and it knows up to ${type.version}`);
  return type;
}

function eventOf<Event extends DomainEvent>({ type, occurredAt }: StoredFields, version: number, data: object): Event {
  // The decider of these types wrote the event, and its upcasters made it of the newest version.
  return { type, version, occurredAt, data } as DomainEvent as Event;
}

/** The data as it was stored, in the version that the event names: for copies of a log, never for decisions. */
export function storedDataOf({ dataText }: Pick<StoredEvent, 'dataText'>): object {
  return JSON.parse(dataText) as object;
}

export function metadataOf({ metadataText }: Pick<StoredEvent, 'metadataText'>): EventMetadata {
  return JSON.parse(metadataText) as EventMetadata;
}
