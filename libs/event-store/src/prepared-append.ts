/** An append as every adapter takes it: checked against the promises of the port, and with its canonical texts. */
import { canonicalJson } from './canonical-json.js';
import { APPEND_BYTES_MAX, EVENT_OVERHEAD_BYTES, EventTooLarge, InvalidAppend } from './event-store.js';
import type { Append, NewEvent } from './event-store.js';

export interface PreparedEvent extends Omit<NewEvent, 'data' | 'metadata'> {
  readonly metadataText: string;
  readonly dataText: string;
}

export interface PreparedAppend extends Omit<Append, 'events'> {
  readonly events: readonly PreparedEvent[];
}

/**
 * Everything that can be refused is refused here, before anything is stored.
 * @throws {InvalidAppend} @throws {NotCanonical} @throws {EventTooLarge}
 */
export function prepareAppends(appends: readonly Append[]): readonly PreparedAppend[] {
  if (appends.length > 1 && new Set(appends.map(({ stream }) => stream)).size !== appends.length) {
    throw new InvalidAppend('a call names a stream at most once');
  }
  return appends.map((append) => {
    const { stream, expectedRevision } = append;
    mustBeName('the stream', stream);
    mustBeOurs('the stream', stream);
    if (append.events.length === 0) throw new InvalidAppend(`the append to ${stream} has no events`);
    if (expectedRevision !== 'no-stream' && !(Number.isSafeInteger(expectedRevision) && expectedRevision >= 0)) {
      throw new InvalidAppend(`expected revision of ${stream}: ${String(expectedRevision)}`);
    }
    const events = append.events.map(prepareEvent);
    mustFit(stream, events);
    return { stream, expectedRevision, events };
  });
}

function prepareEvent(event: NewEvent): PreparedEvent {
  const { id, type, version, occurredAt, metadata, data } = event;
  mustBeName('the id', id);
  mustBeName('the type', type);
  mustBeOurs('the type', type);
  mustBeName('occurredAt', occurredAt);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new InvalidAppend(`the version of ${type} is ${String(version)}`);
  return {
    id,
    type,
    version,
    occurredAt,
    metadataText: canonicalJson(metadata),
    dataText: canonicalJson(data),
  };
}

/** Printable text that survives UTF-8: an engine would replace a lone surrogate, and the hash would not fit any more. */
const NAME = /^[^\p{Cc}\p{Cs}]+$/u;
const PLAIN_NAME = /^[\x20-\x7e]+$/;

function mustBeName(what: string, name: string): void {
  if (!PLAIN_NAME.test(name) && !NAME.test(name))
    throw new InvalidAppend(`${what} is empty or not printable: ${JSON.stringify(name)}`);
}

/** EventStoreDB keeps what begins with a dollar sign for itself. */
function mustBeOurs(what: string, name: string): void {
  if (name.startsWith('$'))
    throw new InvalidAppend(`${what} begins with $, which engines keep for themselves: ${name}`);
}

function mustFit(stream: string, events: readonly PreparedEvent[]): void {
  let bytes = 0;
  // Counting has a welcome effect: V8 makes one piece of a text that was put together from many, before hash and insert each do.
  for (const { metadataText, dataText } of events) {
    bytes += Buffer.byteLength(metadataText) + Buffer.byteLength(dataText) + EVENT_OVERHEAD_BYTES;
  }
  if (bytes > APPEND_BYTES_MAX) throw new EventTooLarge(stream, bytes);
}
