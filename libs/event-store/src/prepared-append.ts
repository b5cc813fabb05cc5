/** Checks appends against the rules of the port and adds their canonical texts, for every adapter. */
import { canonicalJson, canonicalText } from './canonical-json.js';
import { EventTooLarge, InvalidAppend } from './event-store.js';
import { EVENT_OVERHEAD_BYTES, APPEND_BYTES_MAX } from './limits.js';
import type { Append, NewEvent } from './event-store.js';

export interface PreparedEvent extends Omit<NewEvent, 'data' | 'metadata' | 'causationId'> {
  readonly metadataText: string;
  readonly dataText: string;
}

export interface PreparedAppend extends Omit<Append, 'events'> {
  readonly events: readonly PreparedEvent[];
}

/** @throws {InvalidAppend} {NotCanonical} {EventTooLarge} before anything is stored. */
export function prepareAppends(appends: readonly Append[]): readonly PreparedAppend[] {
  if (appends.length > 1 && new Set(appends.map(({ stream }) => stream)).size !== appends.length) {
    throw new InvalidAppend('the appends of one call must be to different streams');
  }
  return appends.map((append) => {
    const { stream, expectedRevision } = append;
    mustBeName('the stream', stream);
    mustBeOurs('the stream', stream);
    if (append.events.length === 0) throw new InvalidAppend(`the append to ${stream} has no events`);
    if (expectedRevision !== 'no-stream' && !(Number.isSafeInteger(expectedRevision) && expectedRevision >= 0)) {
      throw new InvalidAppend(
        `the expected revision of ${stream} is ${String(expectedRevision)}: use a whole number from 0, or "no-stream"`,
      );
    }
    const events = append.events.map(prepareEvent);
    mustFit(stream, events);
    return { stream, expectedRevision, events };
  });
}

/** True if the stored events are those of an append, which is then a repetition. */
export function haveSameIds(stored: readonly { readonly id: string }[], events: readonly PreparedEvent[]): boolean {
  return stored.length === events.length && stored.every(({ id }, index) => id === events[index]?.id);
}

function prepareEvent(event: NewEvent): PreparedEvent {
  const { id, type, version, occurredAt, metadata, data } = event;
  mustBeName('the id', id);
  mustBeName('the type', type);
  mustBeOurs('the type', type);
  mustBeName('occurredAt', occurredAt);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new InvalidAppend(`the version of ${type} is ${String(version)}: use a whole number from 1`);
  return {
    id,
    type,
    version,
    occurredAt,
    metadataText: canonicalJson(metadata),
    dataText: canonicalText(data),
  };
}

/** Printable text that UTF-8 can encode: an engine would replace a lone surrogate, and the hash would not match. */
const NAME = /^[^\p{Cc}\p{Cs}]+$/u;
const PLAIN_NAME = /^[\x20-\x7e]+$/;

function mustBeName(what: string, name: string): void {
  if (!PLAIN_NAME.test(name) && !NAME.test(name))
    throw new InvalidAppend(`${what} is empty or has characters that are not printable: ${JSON.stringify(name)}`);
}

/** EventStoreDB reserves names that start with a dollar sign. */
function mustBeOurs(what: string, name: string): void {
  if (name.startsWith('$')) throw new InvalidAppend(`${what} starts with $, which is reserved: ${name}`);
}

function mustFit(stream: string, events: readonly PreparedEvent[]): void {
  const bytes = bytesOf(events);
  if (bytes > APPEND_BYTES_MAX) throw new EventTooLarge(stream, bytes);
}

/**
 * What an append counts towards {@link APPEND_BYTES_MAX}. Counting also flattens V8's concatenated strings once, before
 * both the hash and the insert would.
 */
export function bytesOf(events: readonly PreparedEvent[]): number {
  let bytes = 0;
  for (const { metadataText, dataText } of events)
    bytes += Buffer.byteLength(metadataText) + Buffer.byteLength(dataText) + EVENT_OVERHEAD_BYTES;
  return bytes;
}
