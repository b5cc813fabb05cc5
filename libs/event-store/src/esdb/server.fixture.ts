/**
 * A small in-memory server with EventStoreDB's protocol, for tests where there is neither a server nor a container
 * runtime. It is built on the client's own stubs and behaves like server 25.0 wherever an adapter could notice:
 *
 * - `$all` has system events between the others. A position is the offset of a record in the log, so positions have
 *   gaps, and others are refused. Reading from a position includes its record; subscribing excludes it.
 * - Ids are UUIDs and are returned in lower case. The same ids at the same revision of a stream are stored once.
 * - A read proceeds in pages; a filter matches name prefixes or a pattern. A filtered subscription reports its position
 *   only occasionally.
 * - An append is limited to 1 MiB, counted as the server does. A follower redirects calls for the leader.
 *
 * Missing: what the adapter does not use (batch appends, persistent subscriptions, projections, links, deletion, access
 * lists of streams). The contract suite tests it together with the adapter.
 */
import { EventEmitter } from 'node:events';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type {
  sendUnaryData,
  ServerErrorResponse,
  ServerReadableStream,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';

const APPEND_BYTES_MAX = 1024 * 1024;
/** The largest number of events per step of a read; also the default window of a filtered read. */
const PAGE_EVENTS = 32;
const TICKS_PER_MILLISECOND = 10_000n;
/** How often the server writes its statistics into the log. */
const APPENDS_BETWEEN_STATISTICS = 7;

interface LogRecord {
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

type Proposal = Pick<LogRecord, 'id' | 'type' | 'contentType' | 'data' | 'metadata'>;
type Filter = (record: LogRecord) => boolean;
type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;

export interface EsdbServerOptions {
  /** Default: connections are not encrypted. */
  readonly tls?: { readonly certificate: Buffer; readonly key: Buffer } | undefined;
  /** Passwords by user name. Default: no authentication. */
  readonly users?: Readonly<Record<string, string>> | undefined;
}

export class EsdbServer {
  readonly #log: LogRecord[] = [];
  readonly #streams = new Map<string, LogRecord[]>();
  readonly #grown = new EventEmitter().setMaxListeners(0);
  #server = new Server();
  #port = 0;
  #appends = 0;
  /** The number of following appends to store without answering. */
  answersToLose = 0;
  /** Redirects calls for the leader to another server: this one is then a follower. */
  leader: EsdbServer | undefined;

  constructor(private readonly options: EsdbServerOptions = {}) {
    this.#write('$epoch-information', [systemEvent('$epoch-information')]);
    this.#write('$users', [systemEvent('$UserCreated'), systemEvent('$UserCreated')]);
  }

  static async start(options: EsdbServerOptions = {}): Promise<EsdbServer> {
    const server = new EsdbServer(options);
    await server.start();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.#port}?tls=false`;
  }

  /** Starts listening. After a stop, it reuses the port and keeps the data. */
  async start(): Promise<void> {
    this.#server = new Server();
    this.#server.addService(StreamsService, this.#service());
    this.#server.addService(GossipService, {
      read: (_: unknown, answer: sendUnaryData<gossip.ClusterInfo>) => answer(null, this.#cluster()),
    });
    const { tls } = this.options;
    const credentials = tls
      ? ServerCredentials.createSsl(null, [{ cert_chain: tls.certificate, private_key: tls.key }])
      : ServerCredentials.createInsecure();
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  /** Aborts all calls. */
  async stop(): Promise<void> {
    this.#server.forceShutdown();
  }

  /** Stores an event of another system, with any content. */
  write(stream: string, event: { readonly type: string; readonly data: string; readonly metadata: string }): void {
    const { type, data, metadata } = event;
    const id = `00000000-0000-4000-8000-${String(this.#log.length).padStart(12, '0')}`;
    const contentType = 'application/json';
    this.#write(stream, [{ id, type, contentType, data: Buffer.from(data), metadata: Buffer.from(metadata) }]);
  }

  #service(): UntypedServiceImplementation {
    return {
      append: (call: ServerReadableStream<streams.AppendReq, streams.AppendResp>, answer: never) =>
        void this.#append(call, answer),
      read: (call: ReadCall) => void this.#read(call),
    } as never;
  }

  #cluster(): gossip.ClusterInfo {
    const { FOLLOWER, LEADER } = gossip.MemberInfo.VNodeState;
    const info = new gossip.ClusterInfo();
    info.addMembers(memberOf(this.port, this.leader === undefined ? LEADER : FOLLOWER));
    if (this.leader !== undefined) info.addMembers(memberOf(this.leader.port, LEADER));
    return info;
  }

  /** @throws {Refusal} */
  #mayCall(metadata: Metadata): void {
    const { users } = this.options;
    if (users !== undefined) {
      const [authorization] = metadata.get('authorization');
      if (authorization === undefined)
        throw new Refusal(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });
      const given = Buffer.from(String(authorization).replace('Basic ', ''), 'base64').toString();
      const isKnown = Object.entries(users).some(([name, password]) => given === `${name}:${password}`);
      if (!isKnown) throw new Refusal(status.UNAUTHENTICATED, 'Unauthenticated');
    }
    if (this.leader !== undefined && metadata.get('requires-leader')[0] === 'true') {
      throw new Refusal(status.NOT_FOUND, 'Leader info available', {
        exception: 'not-leader',
        'leader-endpoint-host': '127.0.0.1',
        'leader-endpoint-port': String(this.leader.port),
      });
    }
  }

  async #append(
    call: ServerReadableStream<streams.AppendReq, streams.AppendResp>,
    answer: sendUnaryData<streams.AppendResp>,
  ): Promise<void> {
    try {
      let options: streams.AppendReq.Options | undefined;
      const proposals: Proposal[] = [];
      let bytes = 0;
      for await (const request of call as AsyncIterable<streams.AppendReq>) {
        options ??= request.getOptions();
        const message = request.getProposedMessage();
        if (message === undefined) continue;
        const proposal = proposalOf(message);
        proposals.push(proposal);
        bytes += proposal.data.length + proposal.metadata.length + 2 * proposal.type.length;
      }
      this.#mayCall(call.metadata);
      if (options === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'no options');
      if (bytes > APPEND_BYTES_MAX)
        throw new Refusal(status.INVALID_ARGUMENT, `Maximum Append Size of ${APPEND_BYTES_MAX} Exceeded.`, {
          exception: 'maximum-append-size-exceeded',
          'maximum-append-size': String(APPEND_BYTES_MAX),
        });
      const response = this.#decide(options, proposals);
      if (response.hasSuccess() && this.answersToLose > 0) {
        this.answersToLose -= 1;
        throw new Refusal(status.UNAVAILABLE, 'the answer was lost');
      }
      answer(null, response);
    } catch (error) {
      answer(refusalOf(error));
    }
  }

  #decide(options: streams.AppendReq.Options, proposals: readonly Proposal[]): streams.AppendResp {
    const name = nameOf(options.getStreamIdentifier());
    const current = (this.#streams.get(name)?.length ?? 0) - 1;
    const expected = options.hasNoStream() ? -1 : options.hasRevision() ? Number(options.getRevision()) : undefined;
    if (expected === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'only exact revisions are supported');
    if (expected === current) {
      this.#write(name, proposals);
      this.#appends += 1;
      if (this.#appends % APPENDS_BETWEEN_STATISTICS === 0)
        this.#write('$stats-127.0.0.1:2113', [systemEvent('$statsCollected')]);
      return this.#success(name, expected + proposals.length);
    }
    const held = this.#streams.get(name)?.slice(expected + 1, expected + 1 + proposals.length) ?? [];
    const isRepetition = expected < current && proposals.every(({ id }, index) => held[index]?.id === id);
    if (isRepetition && proposals.length > 0) return this.#success(name, expected + proposals.length);
    return wrongExpectedVersion(options, current);
  }

  #success(name: string, revision: number): streams.AppendResp {
    const position = new streams.AppendResp.Position();
    const last = this.#streams.get(name)?.[revision];
    position.setCommitPosition(String(last?.position));
    position.setPreparePosition(String(last?.position));
    const success = new streams.AppendResp.Success();
    success.setCurrentRevision(String(revision));
    success.setPosition(position);
    const response = new streams.AppendResp();
    response.setSuccess(success);
    return response;
  }

  #write(stream: string, proposals: readonly Proposal[]): void {
    const records = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, records);
    for (const proposal of proposals) {
      const position = this.#log.at(-1)?.end ?? 0n;
      const size = 80 + stream.length + 2 * proposal.type.length + proposal.data.length + proposal.metadata.length;
      const record = {
        ...proposal,
        position,
        end: position + BigInt(size),
        stream,
        revision: records.length,
        // In ticks of 100 ns since 1970.
        created: BigInt(Date.now()) * TICKS_PER_MILLISECOND + 1234n,
      };
      records.push(record);
      this.#log.push(record);
    }
    this.#grown.emit('grown');
  }

  async #read(call: ReadCall): Promise<void> {
    try {
      this.#mayCall(call.metadata);
      const options = call.request.getOptions();
      if (options === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'no options');
      if (options.hasStream()) await this.#readStream(call, options);
      else if (options.hasSubscription()) await this.#subscribe(call, options);
      else await this.#readAll(call, options);
      call.end();
    } catch (error) {
      call.emit('error', refusalOf(error));
    }
  }

  async #readStream(call: ReadCall, options: streams.ReadReq.Options): Promise<void> {
    const from = options.getStream();
    const name = nameOf(from?.getStreamIdentifier());
    const records = this.#streams.get(name);
    if (records === undefined) {
      const notFound = new streams.ReadResp.StreamNotFound();
      notFound.setStreamIdentifier(options.getStream()?.getStreamIdentifier());
      const response = new streams.ReadResp();
      response.setStreamNotFound(notFound);
      await send(call, response);
      return;
    }
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const revision = from?.hasRevision() ? Number(from.getRevision()) : from?.hasEnd() ? records.length - 1 : 0;
    const chosen = backwards ? records.slice(0, revision + 1).reverse() : records.slice(revision);
    for (const record of chosen.slice(0, Number(options.getCount()))) await send(call, eventOf(record));
  }

  async #readAll(call: ReadCall, options: streams.ReadReq.Options): Promise<void> {
    const all = options.getAll();
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const { matches } = filterOf(options);
    const from = all?.hasPosition() ? this.#recordAt(all.getPosition()) : backwards ? this.#log.length : 0;
    let left = Number(options.getCount());
    const step = backwards ? -1 : 1;
    for (let index = backwards ? from - 1 : from; left > 0; index += step) {
      const record = this.#log[index];
      if (record === undefined) return;
      if (!matches(record)) continue;
      await send(call, eventOf(record));
      left -= 1;
    }
  }

  async #subscribe(call: ReadCall, options: streams.ReadReq.Options): Promise<void> {
    const { matches, checkpointInterval } = filterOf(options);
    const all = options.getAll();
    let index = all?.hasPosition() ? this.#recordAt(all.getPosition()) + 1 : all?.hasEnd() ? this.#log.length : 0;
    const confirmation = new streams.ReadResp.SubscriptionConfirmation();
    confirmation.setSubscriptionId('a subscription');
    await send(
      call,
      responseWith((response) => response.setConfirmation(confirmation)),
    );
    let considered = 0;
    let caughtUp = false;
    call.on('cancelled', () => this.#grown.emit('grown'));
    while (!call.cancelled && !call.destroyed) {
      const record = this.#log[index];
      if (record === undefined) {
        if (!caughtUp) {
          caughtUp = true;
          // The position of the next record, which does not exist yet.
          await send(call, checkpointAt(this.#log.at(-1)?.end ?? 0n, 0n));
          await send(
            call,
            responseWith((response) => response.setCaughtUp(new streams.ReadResp.CaughtUp())),
          );
        }
        if (this.#log[index] === undefined) await firstOf(this.#grown, ['grown']);
        continue;
      }
      index += 1;
      considered += 1;
      if (matches(record)) await send(call, eventOf(record));
      if (considered % checkpointInterval === 0) await send(call, checkpointAt(record.position, record.position));
    }
  }

  /** @throws {Refusal} for a position without a record. */
  #recordAt(position: streams.ReadReq.Options.Position | undefined): number {
    const commit = BigInt(position?.getCommitPosition() ?? 0);
    const index = this.#log.findIndex((record) => record.position === commit);
    if (index === -1 || position?.getPreparePosition() !== position?.getCommitPosition())
      throw new Refusal(status.INVALID_ARGUMENT, `Invalid position ${commit}`);
    return index;
  }
}

class Refusal extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
    readonly trailers: Readonly<Record<string, string>> = {},
  ) {
    super(details);
  }
}

function refusalOf(error: unknown): ServerErrorResponse {
  const { code, details, trailers } =
    error instanceof Refusal ? error : new Refusal(status.UNKNOWN, error instanceof Error ? error.message : 'unknown');
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return Object.assign(new Error(details), { code, details, metadata });
}

function memberOf(port: number, state: gossip.MemberInfo.VNodeState): gossip.MemberInfo {
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

function proposalOf(message: streams.AppendReq.ProposedMessage): Proposal {
  const properties = message.getMetadataMap();
  const id = message.getId()?.getString() ?? '';
  if (!UUID.test(id) || /^[0-]*$/.test(id)) throw new Refusal(status.INVALID_ARGUMENT, `not a UUID: ${id}`);
  return {
    id: id.toLowerCase(),
    type: properties.get('type') ?? '',
    contentType: properties.get('content-type') ?? '',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

function systemEvent(type: string): Proposal {
  return {
    id: '10000000-0000-4000-8000-000000000000',
    type,
    contentType: 'application/json',
    data: Buffer.from('{"of":"the system"}'),
    metadata: new Uint8Array(),
  };
}

function filterOf(options: streams.ReadReq.Options): { matches: Filter; checkpointInterval: number } {
  const filter = options.getFilter();
  if (filter === undefined) return { matches: () => true, checkpointInterval: Number.POSITIVE_INFINITY };
  const window = filter.hasMax() ? filter.getMax() : PAGE_EVENTS;
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

function nameOf(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
}

function wrongExpectedVersion(options: streams.AppendReq.Options, current: number): streams.AppendResp {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (options.hasNoStream()) wrong.setExpectedNoStream(new shared.Empty());
  else wrong.setExpectedRevision(options.getRevision());
  if (current === -1) wrong.setCurrentNoStream(new shared.Empty());
  else wrong.setCurrentRevision(String(current));
  const response = new streams.AppendResp();
  response.setWrongExpectedVersion(wrong);
  return response;
}

function eventOf(record: LogRecord): streams.ReadResp {
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

function checkpointAt(commit: bigint, prepare: bigint): streams.ReadResp {
  const checkpoint = new streams.ReadResp.Checkpoint();
  checkpoint.setCommitPosition(String(commit));
  checkpoint.setPreparePosition(String(prepare));
  return responseWith((response) => response.setCheckpoint(checkpoint));
}

function responseWith(fill: (response: streams.ReadResp) => unknown): streams.ReadResp {
  const response = new streams.ReadResp();
  fill(response);
  return response;
}

async function send(call: ReadCall, response: streams.ReadResp): Promise<void> {
  if (call.cancelled || call.destroyed || call.write(response)) return;
  await firstOf(call, ['drain', 'cancelled', 'close', 'error']);
}

/** Waits for the first of some events, and removes all its listeners. */
async function firstOf(emitter: EventEmitter, names: readonly string[]): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const name of names) emitter.off(name, done);
      resolve();
    };
    for (const name of names) emitter.on(name, done);
  });
}
