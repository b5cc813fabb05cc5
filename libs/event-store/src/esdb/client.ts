/**
 * What the adapter needs from `@eventstore/db-client` beyond its public API: functions in the client's own style
 * (`this: EventStoreDBClient`) over its own stubs. package.json pins the client's version, and the contract suite shows
 * whether a newer one still works.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { connectivityState } from '@grpc/grpc-js';
import type { Channel, ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js';
import { convertToCommandError } from '@eventstore/db-client/dist/utils/CommandError.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { PAGE_BYTES_MAX } from '../limits.js';
import { recordedOf } from './recorded-event.js';
import type { Recorded, ServerPosition } from './recorded-event.js';

type BatchAppendCall = ClientDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;

/** Opens a stream for many appends. */
export function openBatchAppend(this: EventStoreDBClient): Promise<BatchAppendCall> {
  return this.GRPCStreamCreator(StreamsClient, 'append', (client) =>
    client.batchAppend(...this.callArguments({ requiresLeader: true }, { deadline: Infinity })),
  )();
}

/** Filters by name prefix; without prefixes, matches everything but system events. */
export interface ServerFilter {
  readonly of: 'stream' | 'type';
  readonly prefixes: readonly string[];
}

/** Regular expression for the names of streams that are not system streams, which start with a dollar sign. */
export const NO_SYSTEM_STREAM = '^[^$]';

interface ReadRequest {
  readonly direction: 'forwards' | 'backwards';
  readonly limit: number;
}

export interface ReadAllRequest extends ReadRequest {
  /** Inclusive forwards, exclusive backwards. Default: the start forwards, the end backwards. */
  readonly from?: ServerPosition | undefined;
  /** Default: all events, also those of the system. */
  readonly filter?: ServerFilter | undefined;
}

export interface ReadStreamRequest extends ReadRequest {
  readonly stream: string;
  /** Inclusive. Default: the start forwards, the newest backwards. */
  readonly from?: number | undefined;
}

type ReadCall = ClientReadableStream<streams.ReadResp>;

/**
 * Reads `$all`, with a filter, which the client supports only for subscriptions, or a stream, which is empty if it does
 * not exist.
 * @param prefix the prefix of our stream names.
 */
export async function readRecords(
  this: EventStoreDBClient,
  request: ReadAllRequest | ReadStreamRequest,
  prefix: string,
): Promise<readonly Recorded[]> {
  const call = await openRead.call(this, readRequest(request));
  return new Promise((resolve, reject) => {
    const records: Recorded[] = [];
    let bytes = 0;
    call.on('data', (response: streams.ReadResp) => {
      const record = response.getEvent()?.getEvent();
      if (record === undefined) return;
      const recorded = recordedOf(record, prefix);
      records.push(recorded);
      bytes += recorded.bytes;
      // A stream is read whole.
      if ('stream' in request || bytes < PAGE_BYTES_MAX) return;
      resolve(records);
      call.cancel();
    });
    call.on('error', (error: Error) => reject(convertToCommandError(error)));
    call.on('end', () => resolve(records));
  });
}

/** Subscribes to `$all` after a position; 0n is the start. */
export function subscribeToAll(this: EventStoreDBClient, after: bigint, filter: ServerFilter): Promise<ReadCall> {
  const from = after === 0n ? undefined : { commit: after, prepare: after };
  const request = readRequest({ direction: 'forwards', limit: 0, from, filter });
  const options = request.getOptions();
  // Replaces the count of the read.
  options?.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
  options?.getFilter()?.setCheckpointintervalmultiplier(CHECKPOINT_INTERVAL);
  return openRead.call(this, request);
}

function openRead(this: EventStoreDBClient, request: streams.ReadReq): Promise<ReadCall> {
  return this.GRPCStreamCreator(StreamsClient, 'read', (client) =>
    client.read(request, ...this.callArguments({ requiresLeader: true }, { deadline: Infinity })),
  )();
}

function readRequest(read: ReadAllRequest | ReadStreamRequest): streams.ReadReq {
  const uuids = new streams.ReadReq.Options.UUIDOption();
  uuids.setString(new shared.Empty());
  const options = new streams.ReadReq.Options();
  if ('stream' in read) options.setStream(streamOptions(read));
  else options.setAll(allOptions(read));
  if ('filter' in read && read.filter !== undefined) options.setFilter(filterOptions(read.filter));
  else options.setNoFilter(new shared.Empty());
  const { FORWARDS, BACKWARDS } = streams.ReadReq.Options.ReadDirection;
  options.setReadDirection(read.direction === 'forwards' ? FORWARDS : BACKWARDS);
  options.setCount(read.limit.toString());
  options.setResolveLinks(false);
  options.setUuidOption(uuids);
  const request = new streams.ReadReq();
  request.setOptions(options);
  return request;
}

function allOptions({ from, direction }: ReadAllRequest): streams.ReadReq.Options.AllOptions {
  const all = new streams.ReadReq.Options.AllOptions();
  if (from !== undefined) {
    const position = new streams.ReadReq.Options.Position();
    position.setCommitPosition(from.commit.toString());
    position.setPreparePosition(from.prepare.toString());
    all.setPosition(position);
  } else if (direction === 'forwards') all.setStart(new shared.Empty());
  else all.setEnd(new shared.Empty());
  return all;
}

export function streamIdentifier(stream: string): shared.StreamIdentifier {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream, 'utf8'));
  return identifier;
}

function streamOptions({ stream, from, direction }: ReadStreamRequest): streams.ReadReq.Options.StreamOptions {
  const options = new streams.ReadReq.Options.StreamOptions();
  options.setStreamIdentifier(streamIdentifier(stream));
  if (from !== undefined) options.setRevision(from.toString());
  else if (direction === 'forwards') options.setStart(new shared.Empty());
  else options.setEnd(new shared.Empty());
  return options;
}

function filterOptions({ of, prefixes }: ServerFilter): streams.ReadReq.Options.FilterOptions {
  const expression = new streams.ReadReq.Options.FilterOptions.Expression();
  if (prefixes.length > 0) expression.setPrefixList([...prefixes]);
  else expression.setRegex(NO_SYSTEM_STREAM);
  const options = new streams.ReadReq.Options.FilterOptions();
  if (of === 'stream') options.setStreamIdentifier(expression);
  else options.setEventType(expression);
  options.setMax(SEARCH_WINDOW);
  return options;
}

/** Events that the server scans per step of a read. */
const SEARCH_WINDOW = 1000;

/** Checkpoint messages of a subscription, in steps of its search window: rare, as they are not used. */
const CHECKPOINT_INTERVAL = 1000;

/**
 * Resolves once there is a connection or the attempt has failed: the next call then throws the reason. Without it, a
 * read would wait minutes for a host that does not answer.
 * @returns false if neither happens in time.
 */
export async function connectWithin(this: EventStoreDBClient, ms: number): Promise<boolean> {
  const late = pause(ms, false, { ref: false });
  return Promise.race([late, this.getChannel().then((channel) => settlesBefore(channel, Date.now() + ms))]);
}

function settlesBefore(channel: Channel, deadline: number): Promise<boolean> {
  return new Promise((resolve) => {
    const check = (): void => {
      const state = channel.getConnectivityState(true);
      if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) resolve(true);
      else channel.watchConnectivityState(state, deadline, (error) => (error === undefined ? check() : resolve(false)));
    };
    check();
  });
}

/** Ends running calls and closes the connection, which the client's own `dispose` leaves open. */
export async function closeClient(this: EventStoreDBClient, connected: boolean): Promise<void> {
  await this.dispose();
  // Without a connection, `getChannel` would open one first.
  if (connected) (await this.getChannel()).close();
}

const SCHEMES: Readonly<Record<string, string>> = {
  'esdb:': 'esdb:',
  'esdb+discover:': 'esdb+discover:',
  'kurrentdb:': 'esdb:',
  'kurrentdb+discover:': 'esdb+discover:',
};

/** The client's options, which it compares without regard to case, hyphens and underscores. */
const OPTIONS: readonly string[] = [
  'connectionName',
  'defaultDeadline',
  'discoveryInterval',
  'gossipTimeout',
  'keepAliveInterval',
  'keepAliveTimeout',
  'maxDiscoverAttempts',
  'nodePreference',
  'tls',
  'tlsCAFile',
  'userCertFile',
  'userKeyFile',
];
const OPTION_KEYS: ReadonlySet<string> = new Set(OPTIONS.map((name) => name.toLowerCase()));

/** @throws {TypeError} for an unknown option: the client would ignore it, with a warning that quotes the password. */
function mustHaveKnownOptions(connection: string): void {
  const query = /\?(.*)$/.exec(connection.slice(connection.lastIndexOf('@') + 1))?.[1] ?? '';
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const name = pair.split('=')[0] ?? '';
    if (!OPTION_KEYS.has(name.toLowerCase().replace(/[_-]/g, '')))
      throw new TypeError(`the connection string has the unknown option ${name}; known are ${OPTIONS.join(', ')}`);
  }
}

/** @throws {TypeError} The message does not quote the connection string, which has a password. */
export function clientOf(connection: string): EventStoreDBClient {
  const scheme = /^[a-z+]+:/.exec(connection)?.[0] ?? '';
  const known = SCHEMES[scheme];
  if (known === undefined)
    throw new TypeError(`the connection string must start with one of ${Object.keys(SCHEMES).join(' ')}`);
  mustHaveKnownOptions(connection);
  try {
    return EventStoreDBClient.connectionString(known + connection.slice(scheme.length));
  } catch (error) {
    // Most messages of the client quote the string from the fault onwards; those about certificates do not.
    const detail = error instanceof Error && /certificate|user(Cert|Key)File/i.test(error.message) ? error.message : '';
    throw new TypeError(
      detail || 'the connection string is malformed; an example: esdb://user:password@host:2113?tls=true',
    );
  }
}
