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
import { parseUUID } from '@eventstore/db-client/dist/utils/grpcUUID.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import { eventHash } from '../chain.js';
import { PAGE_BYTES_MAX } from '../limits.js';
import type { AppendedEvent, StoredEvent } from '../event-store.js';
import type { PreparedAppend } from '../prepared-append.js';

/** An event in one of our streams that this adapter did not write. */
export class ForeignEvent extends Error {
  readonly code = 'ForeignEvent';
  constructor(
    readonly stream: string,
    revision: number,
    reason: string,
  ) {
    super(`${stream}@${revision} was not written by Tantième: ${reason}`);
  }
}

export interface SentEvent {
  /** The event's id at the server: a UUID. */
  readonly id: string;
  readonly type: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

/** An event as it is sent to the server, and as it will be read. */
export interface Proposed {
  readonly sent: SentEvent;
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
    const sent = { id: randomUUID(), type, data: bytesOf(dataText), metadata: bytesOf(JSON.stringify(own)) };
    return { sent, event: { ...prepared, stream, revision, recordedAt, hash } };
  });
}

export interface ServerPosition {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** A record of the server's log. */
export interface Recorded {
  readonly position: ServerPosition;
  /** Its id at the server, which identifies the call that stored it. */
  readonly serverId: string;
  /** Size of its data. */
  readonly bytes: number;
  /** Why it is not an event of ours, if it is not. */
  readonly event: StoredEvent | ForeignEvent;
}

/** Read from the protocol's message: converting it first as the client does would cost half as much again. */
export function recordedOf(record: streams.ReadResp.ReadEvent.RecordedEvent, prefix: string): Recorded {
  const position = { commit: BigInt(record.getCommitPosition()), prepare: BigInt(record.getPreparePosition()) };
  const bytes = record.getData_asU8().length;
  return { position, serverId: parseUUID(record.getId()) ?? '', bytes, event: eventOf(record, prefix, position) };
}

/** True if a read of the log ended there because a page holds no more. */
export function isFull(records: readonly Recorded[]): boolean {
  return records.reduce((sum, { bytes }) => sum + bytes, 0) >= PAGE_BYTES_MAX;
}

export function ownEventOf(recorded: Recorded | undefined): StoredEvent | undefined {
  return recorded === undefined || recorded.event instanceof ForeignEvent ? undefined : recorded.event;
}

function eventOf(
  record: streams.ReadResp.ReadEvent.RecordedEvent,
  prefix: string,
  { commit, prepare }: ServerPosition,
): StoredEvent | ForeignEvent {
  const name = textOf(record.getStreamIdentifier()?.getStreamName_asU8());
  const revision = Number(record.getStreamRevision());
  const foreign = (reason: string): ForeignEvent => new ForeignEvent(name, revision, reason);
  if (!name.startsWith(prefix)) return foreign(`the name of its stream does not start with ${prefix}`);
  const properties = record.getMetadataMap();
  if (properties.get('content-type') !== CONTENT_TYPE) return foreign('its content type is not binary');
  const metadata = ownMetadataOf(textOf(record.getCustomMetadata_asU8()));
  if (metadata === undefined) return foreign('its metadata lacks our fields');
  if (commit !== prepare || commit > POSITION_MAX)
    return foreign('it has no position; EventStoreDB 22.6 or later is required');
  return {
    stream: name.slice(prefix.length),
    revision,
    position: commit,
    type: properties.get('type') ?? '',
    version: metadata.version,
    id: metadata.id,
    occurredAt: metadata.occurredAt,
    recordedAt: metadata.recordedAt,
    metadataText: metadata.metadata,
    dataText: textOf(record.getData_asU8()),
    hash: metadata.hash,
  };
}

const CONTENT_TYPE = 'application/octet-stream';

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

/** Undefined for the metadata of others, which need not even be JSON. */
function ownMetadataOf(text: string): OwnMetadata | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isOwn(value) ? value : undefined;
  } catch {
    return undefined;
  }
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

const TO_UTF_8 = new TextEncoder();

/** A plain `Uint8Array`: the client would serialise a Buffer as JSON. */
function bytesOf(text: string): Uint8Array {
  return TO_UTF_8.encode(text);
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
