/** Messages of EventStoreDB's protocol, for the in-memory server of `server.fixture.ts`. */
import { Metadata, status } from '@grpc/grpc-js';
import type { ServerErrorResponse } from '@grpc/grpc-js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import grpcStatus from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import any from 'google-protobuf/google/protobuf/any_pb.js';

export const SERVER_NOT_READY = 'Server Is Not Ready';

/** The default window of a filtered read. */
const WINDOW_EVENTS = 32;

export interface LogRecord {
  readonly position: bigint;
  /** Position of the next record. */
  readonly end: bigint;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  readonly created: bigint;
}

export type Proposal = Pick<LogRecord, 'id' | 'type' | 'contentType' | 'data' | 'metadata'>;
type Filter = (record: LogRecord) => boolean;
export type ProposedMessage = streams.BatchAppendReq.ProposedMessage;
export type Expectation = number | 'no_stream' | 'stream_exists' | 'any';

export class Refusal extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
    readonly trailers: Readonly<Record<string, string>> = {},
  ) {
    super(details);
  }
}

export class WrongExpectedVersion extends Error {
  constructor(
    readonly expected: Expectation,
    readonly current: number,
  ) {
    super('wrong expected version');
  }
}

export function streamDeleted(name: string): Refusal {
  const trailers = { exception: 'stream-deleted', 'stream-name': name };
  return new Refusal(status.FAILED_PRECONDITION, `Event stream '${name}' is deleted.`, trailers);
}

export function refusalOf(error: unknown): ServerErrorResponse {
  const { code, details, trailers } = refusalFrom(error);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return Object.assign(new Error(details), { code, details, metadata });
}

export function refusalFrom(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(status.UNKNOWN, error instanceof Error ? error.message : 'unknown');
}

export function memberOf(port: number, state: gossip.MemberInfo.VNodeState): gossip.MemberInfo {
  const id = new shared.UUID();
  id.setString(`00000000-0000-4000-8000-${String(port).padStart(12, '0')}`);
  const endPoint = new gossip.EndPoint();
  endPoint.setAddress('127.0.0.1');
  endPoint.setPort(port);
  const member = new gossip.MemberInfo();
  member.setInstanceId(id);
  member.setTimeStamp('0');
  member.setState(state);
  member.setIsAlive(true);
  member.setHttpEndPoint(endPoint);
  return member;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function proposalOf(message: ProposedMessage): Proposal {
  const properties = message.getMetadataMap();
  const id = message.getId()?.getString() ?? '';
  const type = properties.get('type') ?? '';
  if (!UUID.test(id) || /^[0-]*$/.test(id) || type === '')
    throw new Refusal(status.UNKNOWN, 'Exception was thrown by handler.');
  return {
    id: id.toLowerCase(),
    type,
    contentType: properties.get('content-type') ?? '',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

export function systemEvent(type: string, data = '{"of":"the system"}'): Proposal {
  return {
    id: '10000000-0000-4000-8000-000000000000',
    type,
    contentType: 'application/json',
    data: Buffer.from(data),
    metadata: new Uint8Array(),
  };
}

export function filterOf(options: streams.ReadReq.Options): { matches: Filter; checkpointInterval: number } {
  const filter = options.getFilter();
  if (filter === undefined) return { matches: () => true, checkpointInterval: Number.POSITIVE_INFINITY };
  const window = filter.hasMax() ? filter.getMax() : WINDOW_EVENTS;
  const ofStream = filter.getStreamIdentifier();
  const expression = ofStream ?? filter.getEventType();
  const prefixes = expression?.getPrefixList() ?? [];
  const regex = expression?.getRegex() ? new RegExp(expression.getRegex(), 'u') : undefined;
  return {
    matches: ({ stream, type }) => {
      const name = ofStream ? stream : type;
      return regex?.test(name) ?? prefixes.some((prefix) => name.startsWith(prefix));
    },
    checkpointInterval: window * filter.getCheckpointintervalmultiplier(),
  };
}

export function nameOf(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
}

export function expectationOf(
  options: streams.BatchAppendReq.Options | undefined,
): 'no_stream' | 'stream_exists' | 'any' {
  if (options?.hasNoStream()) return 'no_stream';
  return options?.hasStreamExists() ? 'stream_exists' : 'any';
}

/** What a stream of appends answers instead of an error; undefined for errors that end the stream. */
export function batchErrorOf(error: unknown): grpcStatus.Status | undefined {
  const answer = new grpcStatus.Status();
  const details = new any.Any();
  const pack = (message: { serializeBinary(): Uint8Array }, name: string): void =>
    details.pack(message.serializeBinary(), name);
  if (error instanceof WrongExpectedVersion) {
    const wrong = new shared.WrongExpectedVersion();
    if (error.current === -1) wrong.setCurrentNoStream(new shared.Empty());
    else wrong.setCurrentStreamRevision(String(error.current));
    if (typeof error.expected === 'number') wrong.setExpectedStreamPosition(String(error.expected));
    else wrong.setExpectedNoStream(new shared.Empty());
    pack(wrong, 'event_store.client.WrongExpectedVersion');
  } else {
    const { code, details: reason, trailers } = refusalFrom(error);
    answer.setMessage(reason);
    const { exception } = trailers;
    if (code === status.ABORTED) pack(new shared.Timeout(), 'event_store.client.Timeout');
    else if (exception === 'stream-deleted') pack(new shared.StreamDeleted(), 'event_store.client.StreamDeleted');
    else if (exception === 'access-denied') pack(new shared.AccessDenied(), 'event_store.client.AccessDenied');
    else if (trailers['maximum-append-size'] !== undefined) {
      const exceeded = new shared.MaximumAppendSizeExceeded();
      exceeded.setMaxappendsize(Number(trailers['maximum-append-size']));
      pack(exceeded, 'event_store.client.MaximumAppendSizeExceeded');
    } else if (code === status.UNKNOWN || reason === SERVER_NOT_READY)
      pack(new shared.Empty(), 'google.protobuf.Empty');
    else return undefined;
  }
  answer.setDetails(details);
  return answer;
}

export function supportedMethods(): features.SupportedMethods {
  const method = new features.SupportedMethod();
  method.setServiceName('event_store.client.streams.Streams');
  method.setMethodName('BatchAppend');
  const methods = new features.SupportedMethods();
  methods.setEventStoreServerVersion('23.10.7');
  methods.addMethods(method);
  return methods;
}

export function eventOf(record: LogRecord): streams.ReadResp {
  const { position, stream, revision, id, type, contentType, data, metadata, created } = record;
  const uuid = new shared.UUID();
  uuid.setString(id);
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream, 'utf8'));
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(uuid);
  recorded.setStreamIdentifier(identifier);
  recorded.setStreamRevision(String(revision));
  recorded.setCommitPosition(String(position));
  recorded.setPreparePosition(String(position));
  recorded.getMetadataMap().set('type', type).set('created', String(created)).set('content-type', contentType);
  recorded.setData(data);
  recorded.setCustomMetadata(metadata);
  const event = new streams.ReadResp.ReadEvent();
  event.setEvent(recorded);
  event.setCommitPosition(String(position));
  return responseWith((response) => response.setEvent(event));
}

export function checkpointAt(commit: bigint, prepare: bigint): streams.ReadResp {
  const checkpoint = new streams.ReadResp.Checkpoint();
  checkpoint.setCommitPosition(String(commit));
  checkpoint.setPreparePosition(String(prepare));
  return responseWith((response) => response.setCheckpoint(checkpoint));
}

export function responseWith(fill: (response: streams.ReadResp) => unknown): streams.ReadResp {
  const response = new streams.ReadResp();
  fill(response);
  return response;
}
