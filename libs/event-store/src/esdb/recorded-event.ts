/**
 * How an event is stored in EventStoreDB (ADR 10). Its data is the canonical text as bytes, with a binary content type:
 * the client would parse JSON and lose the text. Our other fields are one JSON object in its metadata:
 *
 *     {"hash":"…","id":"…","metadata":"{\"actor\":…}","occurredAt":"…","version":1,"writer":"…"}
 *
 * `metadata` is the canonical text of the event's metadata, as a string. `id` is present only if the event has another
 * id in EventStoreDB. `writer` identifies the call that stored the event, which distinguishes a repetition.
 */
import { hash } from 'node:crypto';
import type { AllStreamRecordedEvent, EventData, RecordedEvent } from '@eventstore/db-client';
import { eventHash } from '../chain.js';
import type { StoredEvent } from '../event-store.js';
import type { PreparedEvent } from '../prepared-append.js';

/** An event in one of our streams that this adapter did not write. */
export class ForeignEvent extends Error {
  readonly code = 'ForeignEvent';
  constructor(stream: string, revision: bigint, reason: string) {
    super(`${stream}@${revision} was not written by Tantième: ${reason}`);
  }
}

/** An event as it is sent, and the hash to which the next one is chained. */
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
    },
  };
}

/** Bytes that EventStoreDB counts for an event: it stores the type in two bytes per character. */
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
 * @param prefix the prefix of our stream names.
 * @throws {ForeignEvent} if this adapter did not write it.
 */
export function recordedOf(recorded: RecordedEvent | AllStreamRecordedEvent, prefix: string): Recorded {
  const { streamId, revision, type, created, data, metadata, position } = recorded;
  if (!streamId.startsWith(prefix))
    throw new ForeignEvent(streamId, revision, `the name of its stream does not start with ${prefix}`);
  if (!(data instanceof Uint8Array)) throw new ForeignEvent(streamId, revision, 'its content type is not binary');
  if (!isOwn(metadata)) throw new ForeignEvent(streamId, revision, 'its metadata lacks our fields');
  if (position === undefined || position.commit !== position.prepare || position.commit > POSITION_MAX)
    throw new ForeignEvent(streamId, revision, 'it has no position; EventStoreDB 22.6 or later is required');
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

/** For logs that other systems write to as well. @returns undefined for their events. */
export function ownEventOf(recorded: AllStreamRecordedEvent | undefined, prefix: string): StoredEvent | undefined {
  if (recorded === undefined) return undefined;
  try {
    return recordedOf(recorded, prefix).event;
  } catch (error) {
    if (error instanceof ForeignEvent) return undefined;
    throw error;
  }
}

/** Servers that do not return the position of an event return the largest unsigned one instead. */
const POSITION_MAX = 2n ** 63n - 1n;

/** UUIDs of versions 1 to 7 in lower case: EventStoreDB returns exactly this text. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-7][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The id of an event in EventStoreDB, which requires a UUID. A lower-case UUID of version 1 to 7 is used as it is; any
 * other id is mapped to a UUID of version 8 (RFC 9562) made from its SHA-256, so that two ids never become the same.
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

/** A plain `Uint8Array`: the client would serialise a Buffer as JSON. */
function bytesOf(text: string): Uint8Array {
  return TO_UTF_8.encode(text);
}

function lengthOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : 0;
}
