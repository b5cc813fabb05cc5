/**
 * What the adapter needs of `@eventstore/db-client` beyond its public functions, written in the manner of the client's own
 * (`this: EventStoreDBClient`) over its own stubs; its version is exact in package.json, and the contract suite says
 * whether a newer one still fits.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { connectivityState } from '@grpc/grpc-js';
import type { Channel } from '@grpc/grpc-js';
import type { AllStreamResolvedEvent } from '@eventstore/db-client';
import { ReadStream } from '@eventstore/db-client/dist/streams/utils/ReadStream.js';
import { convertGrpcEvent } from '@eventstore/db-client/dist/utils/convertGrpcEvent.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';

/**
 * One append a call. The public `appendToStream` sends all appends over one stream of batches, whose promises are kept in
 * one map for all clients of the process: an error on one connection loses the others' answers.
 */
export { append as appendToStream } from '@eventstore/db-client/dist/streams/appendToStream/append.js';

/** Begins of names, as the server compares them; without any, all that the system does not write for itself. */
export interface ServerFilter {
  readonly of: 'stream' | 'type';
  readonly prefixes: readonly string[];
}

/** Matches what does not begin with a dollar sign: the system's own streams do. */
export const NOT_OF_THE_SYSTEM = '^[^$]';

export interface ReadAllRequest {
  readonly direction: 'forwards' | 'backwards';
  /** Forwards with what is there, backwards with what is before it. Left out: the start forwards, the end backwards. */
  readonly from?: { readonly commit: bigint; readonly prepare: bigint };
  readonly filter: ServerFilter;
  readonly limit: number;
}

/** `$all` with a filter, which the client has for subscriptions only. */
export function readAllFiltered(
  this: EventStoreDBClient,
  { direction, from, filter, limit }: ReadAllRequest,
): AsyncIterable<AllStreamResolvedEvent> {
  const all = new streams.ReadReq.Options.AllOptions();
  if (from !== undefined) {
    const position = new streams.ReadReq.Options.Position();
    position.setCommitPosition(from.commit.toString());
    position.setPreparePosition(from.prepare.toString());
    all.setPosition(position);
  } else if (direction === 'forwards') all.setStart(new shared.Empty());
  else all.setEnd(new shared.Empty());

  const uuids = new streams.ReadReq.Options.UUIDOption();
  uuids.setString(new shared.Empty());
  const options = new streams.ReadReq.Options();
  options.setAll(all);
  options.setReadDirection(
    direction === 'forwards'
      ? streams.ReadReq.Options.ReadDirection.FORWARDS
      : streams.ReadReq.Options.ReadDirection.BACKWARDS,
  );
  options.setCount(limit.toString());
  options.setResolveLinks(false);
  options.setUuidOption(uuids);
  options.setFilter(filterOptions(filter));
  const request = new streams.ReadReq();
  request.setOptions(options);

  const call = this.GRPCStreamCreator(StreamsClient, 'readAll', (client) =>
    client.read(request, ...this.callArguments({ requiresLeader: true }, { deadline: Infinity })),
  );
  return new ReadStream<AllStreamResolvedEvent>(call, convertGrpcEvent, {});
}

function filterOptions({ of, prefixes }: ServerFilter): streams.ReadReq.Options.FilterOptions {
  const expression = new streams.ReadReq.Options.FilterOptions.Expression();
  if (prefixes.length > 0) expression.setPrefixList([...prefixes]);
  else expression.setRegex(NOT_OF_THE_SYSTEM);
  const options = new streams.ReadReq.Options.FilterOptions();
  if (of === 'stream') options.setStreamIdentifier(expression);
  else options.setEventType(expression);
  options.setMax(SEARCH_WINDOW);
  return options;
}

/** Events that the server looks at in one of the steps in which it reads. */
const SEARCH_WINDOW = 500;

/**
 * Resolves when there is a connection, or when the attempt has failed: the call that follows says why. Without it, a read would wait for
 * minutes for a host that does not answer at all.
 * @returns false where neither came about in time.
 */
export async function connectWithin(this: EventStoreDBClient, ms: number): Promise<boolean> {
  const late = pause(ms, false, { ref: false });
  return Promise.race([late, this.getChannel().then((channel) => settledBy(channel, Date.now() + ms))]);
}

function settledBy(channel: Channel, deadline: number): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) resolve(true);
      else channel.watchConnectivityState(state, deadline, (error) => (error === undefined ? look() : resolve(false)));
    };
    look();
  });
}

/** Ends what is under way; the client's own `dispose` leaves the connection open. */
export async function closeClient(this: EventStoreDBClient, connected: boolean): Promise<void> {
  await this.dispose();
  // Asked for without one, the client would look for a server only to leave it again.
  if (connected) (await this.getChannel()).close();
}

const SCHEMES: Readonly<Record<string, string>> = {
  'esdb:': 'esdb:',
  'esdb+discover:': 'esdb+discover:',
  'kurrentdb:': 'esdb:',
  'kurrentdb+discover:': 'esdb+discover:',
};

/** The client's options, by their names without hyphens, underscores and capitals, as it compares them. */
const OPTIONS: ReadonlySet<string> = new Set([
  'usercertfile',
  'userkeyfile',
  'maxdiscoverattempts',
  'connectionname',
  'defaultdeadline',
  'discoveryinterval',
  'gossiptimeout',
  'nodepreference',
  'tls',
  'tlscafile',
  'keepaliveinterval',
  'keepalivetimeout',
]);

/** @throws {TypeError} for an option that the client would ignore, with a warning that quotes the password. */
function mustBeOptions(connection: string): void {
  const query = /\?(.*)$/.exec(connection.slice(connection.lastIndexOf('@') + 1))?.[1] ?? '';
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const name = pair.split('=')[0] ?? '';
    if (!OPTIONS.has(name.toLowerCase().replace(/[_-]/g, '')))
      throw new TypeError(`the connection string has the option ${name}, which has no effect here`);
  }
}

/** @throws {TypeError} without the connection string in it, which holds a password. */
export function clientOf(connection: string): EventStoreDBClient {
  const scheme = /^[a-z+]+:/.exec(connection)?.[0] ?? '';
  const known = SCHEMES[scheme];
  if (known === undefined) throw new TypeError(`no connection string of ${Object.keys(SCHEMES).join(' ')}`);
  mustBeOptions(connection);
  try {
    return EventStoreDBClient.connectionString(known + connection.slice(scheme.length));
  } catch (error) {
    // The client's message quotes the string from where it went wrong; its errors about certificates do not.
    const about = error instanceof Error && /certificate|user(Cert|Key)File/i.test(error.message) ? error.message : '';
    throw new TypeError(about || 'the connection string cannot be read: esdb://user:password@host:2113?tls=true');
  }
}
