/**
 * How an event is stored in EventStoreDB (ADR 10). Its data is the canonical text as bytes, with a binary content type:
 * the client would parse JSON and lose the text. Our other fields are one JSON object in its metadata:
 *
 *     {"hash":"…","id":"…","metadata":"{\"actor\":…}","occurredAt":"…","recordedAt":"…","version":1}
 *
 * `metadata` is the canonical text of the event's metadata, as a string. The id at the server is a random one of the
 * call that stored the event. The server therefore takes only the call itself for a repetition, and confirms an append
 * only if it stored exactly these bytes.
 */
import { randomUUID } from 'node:crypto';
import type { AllStreamRecordedEvent, EventData, RecordedEvent } from '@eventstore/db-client';
import { eventHash } from '../chain.js';
import type { AppendedEvent, StoredEvent } from '../event-store.js';
import type { PreparedAppend } from '../prepared-append.js';

/** An event in one of our streams that this adapter did not write. */
export class ForeignEvent extends Error {
  readonly code = 'ForeignEvent';
  constructor(stream: string, revision: bigint, reason: string) {
    super(`${stream}@${revision} was not written by Tantième: ${reason}`);
  }
}

/** An event as it is sent to the server, and as it will be read. */
export interface Proposed {
  readonly sent: EventData;
  readonly event: AppendedEvent;
}

/** @param previousHash of the event to which the first one is chained. */
export function propose(
  { stream, expectedRevision, events }: PreparedAppend,
  previousHash: string,
): readonly Proposed[] {
  const recordedAt = new Date().toISOString();
  let hash = previousHash;
  let revision = expectedRevision === 'no-stream' ? -1 : expectedRevision;
  return events.map((prepared) => {
    revision += 1;
    hash = eventHash(hash, { ...prepared, stream, revision });
    const { id, type, version, occurredAt, metadataText, dataText } = prepared;
    const own = { hash, id, metadata: metadataText, occurredAt, recordedAt, version };
    const sent: EventData = {
      id: randomUUID(),
      type,
      contentType: 'application/octet-stream',
      data: bytesOf(dataText),
      metadata: bytesOf(JSON.stringify(own)),
    };
    return { sent, event: { ...prepared, stream, revision, recordedAt, hash } };
  });
}

/** A stored event, and its id at the server, which identifies the call that stored it. */
export interface Recorded {
  readonly event: StoredEvent;
  readonly serverId: string;
}

/**
 * @param prefix the prefix of our stream names.
 * @throws {ForeignEvent} if this adapter did not write it.
 */
export function recordedOf(recorded: RecordedEvent | AllStreamRecordedEvent, prefix: string): Recorded {
  const { streamId, revision, type, data, metadata, position } = recorded;
  if (!streamId.startsWith(prefix))
    throw new ForeignEvent(streamId, revision, `the name of its stream does not start with ${prefix}`);
  if (!(data instanceof Uint8Array)) throw new ForeignEvent(streamId, revision, 'its content type is not binary');
  if (!isOwn(metadata)) throw new ForeignEvent(streamId, revision, 'its metadata lacks our fields');
  if (position === undefined || position.commit !== position.prepare || position.commit > POSITION_MAX)
    throw new ForeignEvent(streamId, revision, 'it has no position; EventStoreDB 22.6 or later is required');
  return {
    serverId: recorded.id,
    event: {
      stream: streamId.slice(prefix.length),
      revision: Number(revision),
      position: position.commit,
      type,
      version: metadata.version,
      id: metadata.id,
      occurredAt: metadata.occurredAt,
      recordedAt: metadata.recordedAt,
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

interface OwnMetadata {
  readonly hash: string;
  readonly id: string;
  readonly metadata: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly version: number;
}

function isOwn(metadata: unknown): metadata is OwnMetadata {
  if (typeof metadata !== 'object' || metadata === null) return false;
  const { hash, id, metadata: text, occurredAt, recordedAt, version } = metadata as Partial<Record<string, unknown>>;
  return (
    typeof hash === 'string' &&
    typeof id === 'string' &&
    typeof text === 'string' &&
    typeof occurredAt === 'string' &&
    typeof recordedAt === 'string' &&
    typeof version === 'number'
  );
}

const UTF_8 = new TextDecoder('utf-8', { ignoreBOM: true });
const TO_UTF_8 = new TextEncoder();

/** A plain `Uint8Array`: the client would serialise a Buffer as JSON. */
function bytesOf(text: string): Uint8Array {
  return TO_UTF_8.encode(text);
}
