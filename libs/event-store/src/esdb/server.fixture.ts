/**
 * A small in-memory server with EventStoreDB's protocol, for tests where there is neither a server nor a container
 * runtime. It is built on the client's own stubs and behaves like server 23.10.7 wherever an adapter could notice:
 *
 * - An append is decided at once, but can be read only a moment later, when it is indexed. The same ids appended
 *   meanwhile get no answer until a timeout tells the client to send them again; if another stream has these ids too,
 *   they get a wrong expected version.
 * - `$all` has system events between the others. A position is the offset of a record in the log, so positions have
 *   gaps. One between two records is an error; one beyond the end is accepted, and skips what is written below it.
 *   Reading from a position includes its record; subscribing excludes it.
 * - A live subscription that falls behind is ended. A filtered one reports positions between records.
 * - A stream can be truncated, deleted softly (its revisions then go on) and deleted for good.
 * - Ids are UUIDs and are returned in lower case. The size of an append counts only data.
 * - A filter matches name prefixes or a pattern. A follower redirects calls for the leader.
 *
 * Missing: what the adapter does not use (persistent subscriptions, projections, links, access lists of streams). The
 * contract suite tests it together with the adapter.
 */
import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type {
  Metadata,
  sendUnaryData,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import {
  batchErrorOf,
  checkpointAt,
  eventOf,
  expectationOf,
  filterOf,
  memberOf,
  nameOf,
  proposalOf,
  Refusal,
  refusalOf,
  responseWith,
  SERVER_NOT_READY,
  streamDeleted,
  supportedMethods,
  systemEvent,
  WrongExpectedVersion,
} from './server-messages.fixture.js';
import type { Expectation, LogRecord, Proposal, ProposedMessage } from './server-messages.fixture.js';

/** The largest request that is read at all. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
/** A live subscription that is further behind is ended. */
const EVENTS_BEHIND_MAX = 32;
/** The revision from which a softly deleted stream can be read. */
const DELETED = Number.MAX_SAFE_INTEGER;
const TICKS_PER_MILLISECOND = 10_000n;
/** How often the server writes its statistics into the log. */
const APPENDS_BETWEEN_STATISTICS = 7;

type BatchCall = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;
type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;

export interface EsdbServerOptions {
  /** Default: connections are not encrypted. */
  readonly tls?: { readonly certificate: Buffer; readonly key: Buffer } | undefined;
  /** Passwords by user name. Default: no authentication. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** The largest number of bytes of data in an append. Default: 1 MiB. */
  readonly appendBytesMax?: number | undefined;
  /** How long an append is decided but cannot be read yet. Default: 1 ms. */
  readonly indexingMs?: number | undefined;
  /** After what time an append that is already under way is answered with a timeout. Default: 2 s, as the server's. */
  readonly commitTimeoutMs?: number | undefined;
}

/** What the server answers while it starts, stops or changes the leader. */
export const LEADER_CHANGES = {
  notReady: () => new Refusal(status.UNAVAILABLE, SERVER_NOT_READY),
  timeout: () => new Refusal(status.ABORTED, 'Operation timed out: Commit phase timeout'),
  noLeader: () => new Refusal(status.UNKNOWN, 'No leader info available in response'),
} as const;

export class EsdbServer {
  readonly #log: LogRecord[] = [];
  /** The number of records in the log that can be read. */
  #indexed = 0;
  readonly #streams = new Map<string, LogRecord[]>();
  readonly #tombstones = new Set<string>();
  /** The stream and revision at which each id was stored first. */
  readonly #ids = new Map<string, LogRecord>();
  readonly #grown = new EventEmitter().setMaxListeners(0);
  #server = new Server();
  #port = 0;
  #appends = 0;
  /** The number of following appends to store without answering. */
  answersToLose = 0;
  /** How the next calls are refused, before anything is done. */
  readonly refusals: Refusal[] = [];
  /** The number of calls so far, without subscriptions. */
  calls = 0;
  /** The largest number of appends at one time. */
  appendsAtOnceMax = 0;
  /** The number of records that reads of `$all` looked at. */
  recordsRead = 0;
  /** The number of following appends to store and to answer with a wrong expected version. */
  wrongVersions = 0;
  #appending = 0;
  /** Redirects calls for the leader to another server: this one is then a follower. */
  leader: EsdbServer | undefined;

  constructor(private readonly options: EsdbServerOptions = {}) {
    this.#write('$epoch-information', [systemEvent('$epoch-information')]);
    this.#write('$users', [systemEvent('$UserCreated'), systemEvent('$UserCreated')]);
    this.#indexed = this.#log.length;
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
    this.#server = new Server({ 'grpc.max_receive_message_length': REQUEST_BYTES_MAX });
    this.#server.addService(StreamsService, this.#service());
    this.#server.addService(GossipService, {
      read: (_: unknown, answer: sendUnaryData<gossip.ClusterInfo>) => answer(null, this.#cluster()),
    });
    this.#server.addService(ServerFeaturesService, {
      getSupportedMethods: (_: unknown, answer: sendUnaryData<features.SupportedMethods>) =>
        answer(null, supportedMethods()),
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
    this.#index();
  }

  #service(): UntypedServiceImplementation {
    return {
      batchAppend: (call: BatchCall) =>
        call.on('data', (request: streams.BatchAppendReq) => this.#batch(call, request)),
      delete: (call: ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>, answer: never) =>
        this.#unary(call.metadata, answer, () =>
          this.#delete(nameOf(call.request.getOptions()?.getStreamIdentifier())),
        ),
      tombstone: (call: ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>, answer: never) =>
        this.#unary(call.metadata, answer, () => {
          this.#tombstones.add(nameOf(call.request.getOptions()?.getStreamIdentifier()));
          return new streams.TombstoneResp();
        }),
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
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
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

  /** Requests of several messages are not supported: the client sends one for less than 3 MiB. */
  #batch(call: BatchCall, request: streams.BatchAppendReq): void {
    const response = new streams.BatchAppendResp();
    response.setCorrelationId(request.getCorrelationId());
    const options = request.getOptions();
    response.setStreamIdentifier(options?.getStreamIdentifier());
    const name = nameOf(options?.getStreamIdentifier());
    const store = async (): Promise<number> => {
      this.#mayCall(call.metadata);
      const expected = options?.hasStreamPosition() ? Number(options.getStreamPosition()) : expectationOf(options);
      return this.#store(name, expected, request.getProposedMessagesList());
    };
    store().then(
      (revision) => {
        const success = new streams.BatchAppendResp.Success();
        success.setCurrentRevision(String(revision));
        const position = new shared.AllStreamPosition();
        position.setCommitPosition(String(this.#streams.get(name)?.[revision]?.position ?? 0n));
        position.setPreparePosition(position.getCommitPosition());
        success.setPosition(position);
        response.setSuccess(success);
        call.write(response);
      },
      (error: unknown) => {
        const answer = batchErrorOf(error);
        if (answer === undefined) return call.emit('error', refusalOf(error));
        response.setError(answer);
        return call.write(response);
      },
    );
  }

  #unary<Response>(metadata: Metadata, answer: sendUnaryData<Response>, work: () => Response): void {
    try {
      this.#mayCall(metadata);
      answer(null, work());
    } catch (error) {
      answer(refusalOf(error));
    }
  }

  /** @returns the revision of the last event. @throws {Refusal} {WrongExpectedVersion} */
  async #store(name: string, expected: Expectation, messages: readonly ProposedMessage[]): Promise<number> {
    const { appendBytesMax = 1024 * 1024, commitTimeoutMs = 2_000, indexingMs = 1 } = this.options;
    const proposals = messages.map(proposalOf);
    this.calls += 1;
    if (proposals.reduce((sum, { data }) => sum + data.length, 0) > appendBytesMax)
      throw new Refusal(status.INVALID_ARGUMENT, `Maximum Append Size of ${appendBytesMax} Exceeded.`, {
        exception: 'maximum-append-size-exceeded',
        'maximum-append-size': String(appendBytesMax),
      });
    const decision = this.#decide(name, expected, proposals);
    if (decision.outcome === 'under way') {
      await pause(commitTimeoutMs);
      throw LEADER_CHANGES.timeout();
    }
    if (decision.outcome === 'new') {
      this.#write(name, proposals);
      this.#appending += 1;
      this.appendsAtOnceMax = Math.max(this.appendsAtOnceMax, this.#appending);
      await pause(indexingMs);
      this.#appending -= 1;
      this.#index();
      if (this.wrongVersions > 0) {
        this.wrongVersions -= 1;
        throw new WrongExpectedVersion(expected, decision.revision);
      }
      if (this.answersToLose > 0) {
        this.answersToLose -= 1;
        throw new Refusal(status.UNAVAILABLE, 'the answer was lost');
      }
    }
    return decision.revision;
  }

  #decide(
    name: string,
    expected: Expectation,
    proposals: readonly Proposal[],
  ): { readonly outcome: 'new' | 'repeated' | 'under way'; readonly revision: number } {
    this.#mustNotBeTombstoned(name);
    const records = this.#streams.get(name) ?? [];
    const current = records.length - 1;
    const isSoftlyDeleted = current >= 0 && this.#firstReadable(name) === DELETED;
    if (expected === 'stream_exists' && isSoftlyDeleted) throw streamDeleted(name);
    if (expected === 'stream_exists' && current < 0) throw new WrongExpectedVersion(expected, current);
    const isNew = { outcome: 'new', revision: current + proposals.length } as const;
    const before = typeof expected === 'number' ? expected : expected === 'no_stream' ? -1 : undefined;
    if (before === undefined) {
      const first = this.#ids.get(proposals[0]?.id ?? '');
      if (first?.stream !== name) return isNew;
      return { outcome: 'repeated', revision: first.revision + proposals.length - 1 };
    }
    if (before === current) return isNew;
    if (before > current) throw new WrongExpectedVersion(expected, current);
    for (const [index, { id }] of proposals.entries()) {
      const record = records[before + 1 + index];
      // An id that another stream has too is looked up in the index, which does not have it yet.
      const isKnown = record?.id === id && (this.#ids.get(id) === record || this.#isIndexed(record));
      if (isKnown) continue;
      if (index === 0 && expected === 'no_stream' && isSoftlyDeleted) return isNew;
      throw new WrongExpectedVersion(expected, current);
    }
    if (proposals.length === 0) throw new WrongExpectedVersion(expected, current);
    const last = records[before + proposals.length];
    return { outcome: this.#isIndexed(last) ? 'repeated' : 'under way', revision: before + proposals.length };
  }

  #mustNotBeTombstoned(name: string): void {
    if (this.#tombstones.has(name)) throw streamDeleted(name);
  }

  #isIndexed(record: LogRecord | undefined): boolean {
    const next = this.#log[this.#indexed];
    return record !== undefined && (next === undefined || record.position < next.position);
  }

  #delete(name: string): streams.DeleteResp {
    this.#mustNotBeTombstoned(name);
    this.#write(`$$${name}`, [systemEvent('$metadata', `{"$tb":${DELETED}}`)]);
    this.#index();
    return new streams.DeleteResp();
  }

  /** The first revision that the stream's metadata let be read. */
  #firstReadable(name: string): number {
    const newest = this.#streams.get(`$$${name}`)?.at(-1);
    if (newest === undefined) return 0;
    const { $tb = 0, $maxCount = Number.POSITIVE_INFINITY } = JSON.parse(Buffer.from(newest.data).toString()) as {
      readonly $tb?: number;
      readonly $maxCount?: number;
    };
    return Math.max($tb, (this.#streams.get(name)?.length ?? 0) - $maxCount);
  }

  #write(stream: string, proposals: readonly Proposal[]): void {
    const records = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, records);
    if (records.length > 0 && this.#firstReadable(stream) === DELETED)
      this.#write(`$$${stream}`, [systemEvent('$metadata', `{"$tb":${records.length}}`)]);
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
      if (!this.#ids.has(record.id)) this.#ids.set(record.id, record);
    }
    this.#appends += 1;
    if (this.#appends % APPENDS_BETWEEN_STATISTICS === 0 && !stream.startsWith('$'))
      this.#write('$stats-127.0.0.1:2113', [systemEvent('$statsCollected')]);
  }

  /** Makes everything readable that was written so far. */
  #index(): void {
    this.#indexed = this.#log.length;
    this.#grown.emit('grown');
  }

  async #read(call: ReadCall): Promise<void> {
    try {
      this.#mayCall(call.metadata);
      const options = call.request.getOptions();
      if (options === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'no options');
      if (options.hasSubscription()) {
        await this.#subscribe(call, options);
        return;
      }
      this.calls += 1;
      if (options.hasStream()) await this.#readStream(call, options);
      else await this.#readAll(call, options);
      call.end();
    } catch (error) {
      call.emit('error', refusalOf(error));
    }
  }

  async #readStream(call: ReadCall, options: streams.ReadReq.Options): Promise<void> {
    const from = options.getStream();
    const name = nameOf(from?.getStreamIdentifier());
    this.#mustNotBeTombstoned(name);
    const firstReadable = this.#firstReadable(name);
    const indexed = this.#streams.get(name)?.filter((record) => this.#isIndexed(record)) ?? [];
    const records = indexed.filter(({ revision }) => revision >= firstReadable);
    if (indexed.length === 0 || firstReadable === DELETED) {
      const notFound = new streams.ReadResp.StreamNotFound();
      notFound.setStreamIdentifier(options.getStream()?.getStreamIdentifier());
      const response = new streams.ReadResp();
      response.setStreamNotFound(notFound);
      await send(call, response);
      return;
    }
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const first = from?.hasRevision() ? Number(from.getRevision()) : from?.hasEnd() ? Number.POSITIVE_INFINITY : 0;
    const chosen = backwards
      ? records.filter(({ revision }) => revision <= first).reverse()
      : records.filter(({ revision }) => revision >= first);
    for (const record of chosen.slice(0, Number(options.getCount()))) await send(call, eventOf(record));
  }

  async #readAll(call: ReadCall, options: streams.ReadReq.Options): Promise<void> {
    const all = options.getAll();
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const { matches } = filterOf(options);
    const from = all?.hasPosition() ? this.#recordAt(all.getPosition()) : backwards ? this.#indexed : 0;
    let left = Number(options.getCount());
    const step = backwards ? -1 : 1;
    for (let index = backwards ? from - 1 : from; left > 0; index += step) {
      const record = this.#log[index];
      if (record === undefined || index >= this.#indexed) return;
      this.recordsRead += 1;
      if (!matches(record)) continue;
      await send(call, eventOf(record));
      left -= 1;
    }
  }

  async #subscribe(call: ReadCall, options: streams.ReadReq.Options): Promise<void> {
    const { matches, checkpointInterval } = filterOf(options);
    const all = options.getAll();
    const after = all?.hasPosition() ? BigInt(all.getPosition()?.getCommitPosition() ?? 0) : undefined;
    let index = all?.hasPosition() ? this.#recordAt(all.getPosition()) : all?.hasEnd() ? this.#indexed : 0;
    const confirmation = new streams.ReadResp.SubscriptionConfirmation();
    confirmation.setSubscriptionId('a subscription');
    await send(
      call,
      responseWith((response) => response.setConfirmation(confirmation)),
    );
    let considered = 0;
    let isLive = false;
    call.on('cancelled', () => this.#grown.emit('grown'));
    while (!call.cancelled && !call.destroyed) {
      if (index >= this.#indexed) {
        if (!isLive) {
          isLive = true;
          // The position of the next record, which does not exist yet.
          await send(call, checkpointAt(this.#log.at(-1)?.end ?? 0n, 0n));
          await send(
            call,
            responseWith((response) => response.setCaughtUp(new streams.ReadResp.CaughtUp())),
          );
        }
        if (index >= this.#indexed) await firstOf(this.#grown, ['grown']);
        if (this.#log.slice(index, this.#indexed).filter(matches).length > EVENTS_BEHIND_MAX)
          throw new Refusal(
            status.ABORTED,
            'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
          );
        continue;
      }
      const record = this.#log[index];
      index += 1;
      considered += 1;
      if (record === undefined || (after !== undefined && record.position <= after)) continue;
      if (matches(record)) await send(call, eventOf(record));
      if (considered % checkpointInterval === 0) await send(call, checkpointAt(record.end, record.end));
    }
  }

  /** The index of a record, or of the next one for a position beyond the end. @throws {Refusal} between two records. */
  #recordAt(position: streams.ReadReq.Options.Position | undefined): number {
    const commit = BigInt(position?.getCommitPosition() ?? 0);
    const newest = this.#log[this.#indexed - 1];
    if (newest !== undefined && commit > newest.position) return this.#indexed;
    let [low, high] = [0, this.#log.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#log[middle]?.position ?? 0n) < commit) low = middle + 1;
      else high = middle;
    }
    if (this.#log[low]?.position !== commit)
      throw new Refusal(status.UNKNOWN, 'Unexpected FilteredReadAllResult: Error');
    return low;
  }
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
