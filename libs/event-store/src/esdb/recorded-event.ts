/**
 * How an event lies in EventStoreDB (ADR 10). Its data are the canonical text as bytes, of binary content type: the
 * client would parse JSON and lose the text. Everything else that is ours is one JSON object in its metadata:
 *
 *     {"hash":"…","id":"…","metadata":"{\"actor\":…}","occurredAt":"…","version":1,"writer":"…"}
 *
 * `metadata` is the canonical text of the event's metadata, as text; `id` is there only where EventStoreDB knows the event
 * by another one; `writer` names the call that stored it, which tells a repetition from the first time.
 */
import { hash } from 'node:crypto';
import type { AllStreamRecordedEvent, EventData, RecordedEvent } from '@eventstore/db-client';
import { eventHash } from '../chain.js';
import type { StoredEvent } from '../event-store.js';
import type { PreparedEvent } from '../prepared-append.js';

/** What is in a stream of ours, and was not written by this adapter. */
export class ForeignEvent extends Error {
  readonly code = 'ForeignEvent';
  constructor(stream: string, revision: bigint, reason: string) {
    super(`${stream}@${revision} is no event of ours: ${reason}`);
  }
}

/** An event as it is sent, and the hash that the next one is chained to. */
export interface Proposed {
  readonly event: EventData;
  readonly hash: string;
}

export function propose(
  stream: string,
  revision: number,
  previousHash: string,
  writer: string,
  event: PreparedEvent,
): Proposed {
  const { id, type, version, occurredAt, metadataText, dataText } = event;
  const hash = eventHash(previousHash, { stream, revision, id, type, version, occurredAt, metadataText, dataText });
  const uuid = uuidOf(id);
  const own = { hash, ...(uuid === id ? {} : { id }), metadata: metadataText, occurredAt, version, writer };
  return {
    hash,
    event: {
      id: uuid,
      type,
      contentType: 'application/octet-stream',
      data: bytesOf(dataText),
      metadata: bytesOf(JSON.stringify(own)),
    } as EventData,
  };
}

/** Bytes that EventStoreDB counts for an event: it keeps the type in two bytes a character. */
export function bytesProposed({ event }: Proposed): number {
  const { data, metadata } = event;
  return lengthOf(data) + lengthOf(metadata) + 2 * event.type.length;
}

/** A stored event, and the call that stored it. */
export interface Recorded {
  readonly event: StoredEvent;
  readonly writer: string;
}

/**
 * @param prefix what stands before the names of our streams.
 * @throws {ForeignEvent} where it was not written by this adapter.
 */
export function recordedOf(recorded: RecordedEvent | AllStreamRecordedEvent, prefix: string): Recorded {
  const { streamId, revision, type, created, data, metadata, position } = recorded;
  if (!streamId.startsWith(prefix))
    throw new ForeignEvent(streamId, revision, `its stream does not begin with ${prefix}`);
  if (!(data instanceof Uint8Array)) throw new ForeignEvent(streamId, revision, 'its data are not of our content type');
  if (!isOwn(metadata)) throw new ForeignEvent(streamId, revision, 'its metadata are not ours');
  if (position === undefined || position.commit !== position.prepare || position.commit > POSITION_MAX)
    throw new ForeignEvent(streamId, revision, 'it has no position of its own: EventStoreDB 22.6 or later is needed');
  return {
    writer: metadata.writer,
    event: {
      stream: streamId.slice(prefix.length),
      revision: Number(revision),
      position: position.commit,
      type,
      version: metadata.version,
      id: metadata.id ?? recorded.id,
      occurredAt: metadata.occurredAt,
      recordedAt: created.toISOString(),
      metadataText: metadata.metadata,
      dataText: UTF_8.decode(data),
      hash: metadata.hash,
    },
  };
}

/** The same, for logs that others write to as well. @returns undefined for what is not ours. */
export function ownEventOf(recorded: AllStreamRecordedEvent | undefined, prefix: string): StoredEvent | undefined {
  if (recorded === undefined) return undefined;
  try {
    return recordedOf(recorded, prefix).event;
  } catch (error) {
    if (error instanceof ForeignEvent) return undefined;
    throw error;
  }
}

/** Servers that do not know the position of an event in a stream say the greatest unsigned one. */
const POSITION_MAX = 2n ** 63n - 1n;

/** Versions 1 to 7, as UUIDs are written: EventStoreDB gives back exactly this text. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-7][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * EventStoreDB knows events by UUIDs. One of version 1 to 7 in its usual writing is taken as it is; any other id becomes
 * a UUID of version 8 (RFC 9562) made of its SHA-256, so that no two ids become the same.
 */
export function uuidOf(id: string): string {
  if (UUID.test(id)) return id;
  const hex = hash('sha256', id, 'hex');
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) % 4];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

interface OwnMetadata {
  readonly hash: string;
  readonly id?: string;
  readonly metadata: string;
  readonly occurredAt: string;
  readonly version: number;
  readonly writer: string;
}

function isOwn(metadata: unknown): metadata is OwnMetadata {
  return (
    typeof metadata === 'object' &&
    metadata !== null &&
    'hash' in metadata &&
    typeof metadata.hash === 'string' &&
    'metadata' in metadata &&
    typeof metadata.metadata === 'string' &&
    'occurredAt' in metadata &&
    typeof metadata.occurredAt === 'string' &&
    'version' in metadata &&
    typeof metadata.version === 'number' &&
    'writer' in metadata &&
    typeof metadata.writer === 'string' &&
    (!('id' in metadata) || typeof metadata.id === 'string')
  );
}

const UTF_8 = new TextDecoder('utf-8', { ignoreBOM: true });
const TO_UTF_8 = new TextEncoder();

/** A plain `Uint8Array`: of a Buffer the client would make JSON. */
function bytesOf(text: string): Uint8Array {
  return TO_UTF_8.encode(text);
}

function lengthOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : 0;
}
