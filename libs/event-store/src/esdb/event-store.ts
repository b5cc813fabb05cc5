/**
 * The event store on EventStoreDB or KurrentDB (server 22.6 or later), through `@eventstore/db-client`. ADR 10
 * describes how an event is stored, what a position is, and what a batch guarantees.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  BACKWARDS,
  END,
  FORWARDS,
  NO_STREAM,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import type { AllStreamRecordedEvent, EventStoreDBClient, RecordedEvent } from '@eventstore/db-client';
import { backoffMs } from '@tantieme/time/backoff';
import { FIRST_PREDECESSOR } from '../chain.js';
import {
  APPEND_BYTES_MAX,
  categoryOf,
  EventStoreClosed,
  EventStoreUnavailable,
  EventTooLarge,
  matchesFilter,
} from '../event-store.js';
import type {
  Append,
  AppendResult,
  EventFilter,
  EventStore,
  ExpectedRevision,
  Page,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  StoredEvent,
  SubscribeOptions,
} from '../event-store.js';
import { prepareAppends } from '../prepared-append.js';
import type { PreparedAppend } from '../prepared-append.js';
import { StreamHeads } from '../stream-heads.js';
import { appendToStream, clientOf, closeClient, connectWithin, readAllFiltered } from './client.js';
import type { ReadAllRequest, ServerFilter } from './client.js';
import { isAnswer, isReconnecting, portErrorOf } from './errors.js';
import { LiveLog } from './live-log.js';
import { bytesProposed, ForeignEvent, ownEventOf, propose, recordedOf } from './recorded-event.js';
import type { Proposed, Recorded } from './recorded-event.js';

/** Streams of one call that are written or read at once: more gain nothing, and make other callers wait. */
const STREAMS_AT_ONCE = 32;
/** Cached stream heads: about 250 bytes each. */
const HEADS_MAX = 50_000;
/** Attempts of a call that a lost connection or a leader change interrupts; pauses double. */
const TRIES_MAX = 4;
const BACKOFF = { firstMs: 50, maxMs: 400 };
/** How long a call waits for a connection. */
const CONNECT_MS_MAX = 5_000;
/** Page size for skipping the events of other systems. */
const FOREIGN_EVENTS = 500;

export interface EsdbEventStoreOptions {
  /**
   * Separates systems that share a database: a prefix of all stream names (`prod` makes `prod.deal-crm|D-1`), without
   * which nothing is read. Letters, digits and underscores. Default: the database belongs to Tantième alone.
   */
  readonly namespace?: string | undefined;
}

/** The event to which the next one of a stream is chained. */
interface StreamHead {
  readonly revision: number;
  readonly hash: string;
}

/**
 * Connects with the first call, and again whenever the connection was lost.
 * @param connection `esdb://user:password@host:2113?tls=true&tlsCAFile=…`, `esdb+discover://…` for a cluster, or the
 * same with `kurrentdb`. The documentation of the client lists the options.
 * @throws {TypeError} for an invalid connection string, without quoting it, or an invalid namespace.
 */
export function openEsdbEventStore(connection: string, options: EsdbEventStoreOptions = {}): EventStore {
  const { namespace = '' } = options;
  if (!/^\w*$/.test(namespace))
    throw new TypeError(`the namespace "${namespace}" may contain only letters, digits and underscores`);
  return new EsdbEventStore(clientOf(connection), namespace === '' ? '' : `${namespace}.`);
}

class EsdbEventStore implements EventStore {
  readonly #heads = new StreamHeads<StreamHead>(HEADS_MAX);
  /** Identifies this instance in the metadata of the events that it writes. */
  readonly #name = randomBytes(8).toString('hex');
  /** The last append to each stream that is being written: the next one waits for it. */
  readonly #lastAppends = new Map<string, Promise<unknown>>();
  /** Calls in progress: closing waits for them. */
  readonly #appending = new Set<Promise<unknown>>();
  #calls = 0;
  #live: LiveLog | undefined;
  /** True if the server answered the last call: the client itself closes connections that fail. */
  #connected = false;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly client: EventStoreDBClient,
    private readonly prefix: string,
  ) {}

  async append(append: Append): Promise<AppendResult> {
    const [result] = await this.appendMany([append]);
    if (result === undefined) throw new TypeError('an append had no result');
    return result;
  }

  async appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    this.#mustBeOpen();
    const call = mapConcurrently(prepareAppends(appends), (append) => this.#appendInOrder(append));
    this.#appending.add(call);
    try {
      return await call;
    } finally {
      this.#appending.delete(call);
    }
  }

  async readStream(stream: string, options: ReadStreamOptions = {}): Promise<readonly StoredEvent[]> {
    const recorded = await this.#readStream(stream, options);
    return recorded.map(({ event }) => event);
  }

  async readStreams(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
    this.#mustBeOpen();
    const wanted = [...new Set(streams)];
    const read = await mapConcurrently(wanted, async (stream) => [stream, await this.readStream(stream)] as const);
    return new Map(read.filter(([, events]) => events.length > 0));
  }

  async readAll({ after = 0n, filter, limit }: ReadAllOptions): Promise<Page> {
    this.#mustBeOpen();
    const unfiltered = filter?.categories === undefined && filter?.types === undefined;
    // A page without matches ends at the head of the log before the read.
    const head = unfiltered ? after : await this.head();
    if (!unfiltered && (head <= after || matchesNothing(filter)))
      return { events: [], through: later(head, after), end: true };
    return this.#pageAfter(after, filter, limit, head);
  }

  async *subscribe({ after = 0n, filter, batchSize, signal }: SubscribeOptions): AsyncGenerator<Page, void, undefined> {
    this.#mustBeOpen();
    if (signal.aborted) return;
    let position = after;
    let live: LiveLog | undefined;
    try {
      const head = await this.head();
      live = this.#follow(head);
      while (!this.#isOver(signal)) {
        const page =
          live.after(position, filter, batchSize, head) ??
          (await this.readAll({ after: position, limit: batchSize, filter }));
        if (this.#isOver(signal)) return;
        if (page.through > position) {
          position = page.through;
          yield page;
          // A long catch-up from memory must yield to the rest of the process.
          await new Promise(setImmediate);
        } else await live.waitForAppend(signal);
      }
    } catch (error) {
      // An error caused by the end of the subscription is no failure.
      if (!this.#isOver(signal)) throw error;
    } finally {
      if (live !== undefined) await this.#unfollow(live);
    }
  }

  async head(): Promise<Position> {
    this.#mustBeOpen();
    let from: ReadAllRequest['from'];
    for (let limit = 1; ; limit = FOREIGN_EVENTS) {
      const filter = this.#serverFilter(undefined);
      const recorded = await this.#readAllRecorded({ direction: 'backwards', filter, limit, from });
      for (const one of recorded) {
        const own = ownEventOf(one, this.prefix);
        if (own !== undefined) return own.position;
      }
      if (recorded.length < limit) return 0n;
      from = recorded.at(-1)?.position;
    }
  }

  async hashAt(position: Position): Promise<string | undefined> {
    this.#mustBeOpen();
    if (position <= 0n) return undefined;
    const request: ReadAllRequest = {
      direction: 'forwards',
      filter: this.#serverFilter(undefined),
      limit: 1,
      from: { commit: position, prepare: position },
    };
    const recorded = await this.#readAllRecorded(request).catch((error: unknown) => {
      this.#mustBeOpen();
      // Servers refuse a position where no record begins, by different errors.
      if (isAnswer(error)) return [];
      throw error;
    });
    const own = recorded[0] === undefined ? undefined : ownEventOf(recorded[0], this.prefix);
    return own?.position === position ? own.hash : undefined;
  }

  /** Completes earlier appends, ends subscriptions and reads, and closes the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#appending);
    this.#live?.wake();
    await closeClient.call(this.client, this.#connected);
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new EventStoreClosed();
  }

  #isOver(signal: AbortSignal): boolean {
    return signal.aborted || this.#closing !== undefined;
  }

  /** Waits for earlier appends to the same stream. */
  #appendInOrder(append: PreparedAppend): Promise<AppendResult> {
    const { stream } = append;
    const previous = this.#lastAppends.get(stream) ?? Promise.resolve();
    const current = previous.then(
      () => this.#append(append),
      () => this.#append(append),
    );
    this.#lastAppends.set(stream, current);
    const done = (): void => {
      if (this.#lastAppends.get(stream) === current) this.#lastAppends.delete(stream);
    };
    current.then(done, done);
    return current;
  }

  async #append(append: PreparedAppend): Promise<AppendResult> {
    const { stream, expectedRevision, events } = append;
    const previousHash = await this.#hashAt(stream, expectedRevision);
    if (previousHash === undefined) return this.#conflict(append, await this.#newestRevision(stream));
    this.#calls += 1;
    const writer = `${this.#name}.${this.#calls}`;
    const from = expectedRevision === 'no-stream' ? 0 : expectedRevision + 1;
    const proposed: Proposed[] = [];
    for (const [index, event] of events.entries())
      proposed.push(propose(stream, from + index, proposed.at(-1)?.hash ?? previousHash, writer, event));
    const bytes = proposed.reduce((sum, one) => sum + bytesProposed(one), 0);
    if (bytes > APPEND_BYTES_MAX) throw new EventTooLarge(stream, bytes);

    const actual = await this.#send(stream, expectedRevision, proposed);
    if (actual !== undefined) return this.#conflict(append, actual);
    return this.#stored(append, from, writer);
  }

  /** @returns the actual revision of the stream if it is not the expected one. */
  async #send(
    stream: string,
    expectedRevision: ExpectedRevision,
    proposed: readonly Proposed[],
  ): Promise<ExpectedRevision | undefined> {
    return this.#retrying(`append to ${stream}`, async () => {
      try {
        await appendToStream.call(
          this.client,
          this.prefix + stream,
          proposed.map(({ event }) => event),
          {
            expectedRevision: expectedRevision === 'no-stream' ? NO_STREAM : BigInt(expectedRevision),
            requiresLeader: true,
            batchAppendSize: 0, // required by the type, but used only by the client's batch append
          },
        );
        return undefined;
      } catch (error) {
        if (!(error instanceof WrongExpectedVersionError)) throw error;
        return typeof error.actualVersion === 'bigint' ? Number(error.actualVersion) : 'no-stream';
      }
    });
  }

  /**
   * Reads the events back: the server confirms an append also if it had stored the same ids earlier, perhaps with other
   * contents. What it returns counts.
   */
  async #stored({ stream, events }: PreparedAppend, from: number, writer: string): Promise<AppendResult> {
    const recorded = await this.#readStream(stream, { from, limit: events.length }, 'any state');
    const last = recorded.at(-1);
    if (last === undefined || recorded.some(({ event }, index) => event.id !== events[index]?.id))
      throw new ForeignEvent(stream, BigInt(from), 'its id is not the one that was appended');
    const { revision, hash } = last.event;
    this.#heads.set(stream, { revision, hash });
    const repeated = last.writer !== writer;
    return { outcome: 'appended', stream, revision, events: recorded.map(({ event }) => event), repeated };
  }

  #conflict({ stream, expectedRevision }: PreparedAppend, actual: ExpectedRevision): AppendResult {
    return { outcome: 'conflict', stream, expected: expectedRevision, actual };
  }

  /** The hash to which the next event is chained; undefined if the stream has not reached this revision. */
  async #hashAt(stream: string, expectedRevision: ExpectedRevision): Promise<string | undefined> {
    if (expectedRevision === 'no-stream') return FIRST_PREDECESSOR;
    const known = this.#heads.get(stream);
    if (known?.revision === expectedRevision) return known.hash;
    const [recorded] = await this.#readStream(stream, { from: expectedRevision, limit: 1 }, 'any state');
    return recorded?.event.hash;
  }

  async #newestRevision(stream: string): Promise<ExpectedRevision> {
    const [newest] = await this.#readStream(stream, { direction: 'backwards', limit: 1 }, 'any state');
    return newest?.event.revision ?? 'no-stream';
  }

  /** @param state `any state` allows the read while the store closes, for appends in progress. */
  async #readStream(
    stream: string,
    { direction = 'forwards', from, limit }: ReadStreamOptions,
    state: 'open' | 'any state' = 'open',
  ): Promise<readonly Recorded[]> {
    if (state === 'open') this.#mustBeOpen();
    if (limit !== undefined && limit < 1) return [];
    const backwards = direction === 'backwards';
    return this.#retrying(`reading ${stream}`, async () => {
      const read = this.client.readStream(this.prefix + stream, {
        direction: backwards ? BACKWARDS : FORWARDS,
        fromRevision: from === undefined ? (backwards ? END : 'start') : BigInt(from),
        ...(limit === undefined ? {} : { maxCount: limit }),
        requiresLeader: true,
      });
      const recorded: RecordedEvent[] = [];
      try {
        // To its end: a read that is abandoned earlier stays open on the server.
        for await (const { event } of read) if (event !== undefined) recorded.push(event);
      } catch (error) {
        if (error instanceof StreamNotFoundError) return [];
        throw error;
      }
      // The client ends a read that is interrupted by closing as if it were complete.
      if (state === 'open') this.#mustBeOpen();
      return recorded.map((event) => recordedOf(event, this.prefix));
    });
  }

  /**
   * The server filters only by name prefix, of streams or of types. Events that it returns in excess are dropped here,
   * but still advance the page.
   */
  async #pageAfter(after: Position, filter: EventFilter | undefined, limit: number, head: Position): Promise<Page> {
    // One more than the limit shows whether the log ends here. The first is known, as the server reads inclusively.
    let count = limit + 1 + (after === 0n ? 0 : 1);
    const serverFilter = this.#serverFilter(filter);
    const events: StoredEvent[] = [];
    let through = after;
    let from = after === 0n ? undefined : { commit: after, prepare: after };
    for (;;) {
      const recorded = await this.#readAllRecorded({
        direction: 'forwards',
        filter: serverFilter,
        limit: count,
        from,
      });
      for (const one of recorded) {
        const own = ownEventOf(one, this.prefix);
        if (own === undefined || own.position <= through) continue;
        if (events.length === limit) return { events, through, end: false };
        through = own.position;
        if (matchesFilter(filter, categoryOf(own.stream), own.type)) events.push(own);
      }
      if (recorded.length < count) return { events, through: later(through, head), end: true };
      // If no event was ours, there is no position to resume from, so read on.
      if (through > after) return { events, through, end: false };
      from = recorded.at(-1)?.position;
      count = Math.max(count, FOREIGN_EVENTS);
    }
  }

  #serverFilter(filter: EventFilter | undefined): ServerFilter {
    const { categories, types } = filter ?? {};
    if (categories !== undefined) return { of: 'stream', prefixes: categories.map((name) => this.prefix + name) };
    if (types !== undefined) return { of: 'type', prefixes: types };
    return { of: 'stream', prefixes: this.prefix === '' ? [] : [this.prefix] };
  }

  async #readAllRecorded(request: ReadAllRequest): Promise<readonly AllStreamRecordedEvent[]> {
    return this.#retrying('reading all', async () => {
      const recorded: AllStreamRecordedEvent[] = [];
      for await (const { event } of readAllFiltered.call(this.client, request)) if (event) recorded.push(event);
      this.#mustBeOpen();
      return recorded;
    });
  }

  #follow(head: Position): LiveLog {
    const live = this.#live ?? new LiveLog(this.client, this.prefix, head, () => this.#dropLive(live));
    this.#live = live;
    live.readers += 1;
    return live;
  }

  async #unfollow(live: LiveLog): Promise<void> {
    live.readers -= 1;
    if (live.readers > 0) return;
    this.#dropLive(live);
    await live.stop();
  }

  #dropLive(live: LiveLog): void {
    if (this.#live === live) this.#live = undefined;
  }

  /** Repeats interrupted calls, which is safe also for appends: the same ids at the same revision are stored once. */
  async #retrying<Result>(action: string, call: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        if (!this.#connected && !(await connectWithin.call(this.client, CONNECT_MS_MAX)))
          throw new EventStoreUnavailable(`${action}: no connection within ${CONNECT_MS_MAX / 1000} s`);
        const result = await call();
        this.#connected = true;
        return result;
      } catch (error) {
        this.#connected = isAnswer(error);
        if (!isReconnecting(error) || tries === TRIES_MAX) throw portErrorOf(error, action);
        await pause(backoffMs(BACKOFF, tries));
      }
    }
  }
}

function matchesNothing(filter: EventFilter | undefined): boolean {
  return filter?.categories?.length === 0 || filter?.types?.length === 0;
}

function later(one: Position, other: Position): Position {
  return one > other ? one : other;
}

/**
 * Runs up to {@link STREAMS_AT_ONCE} at a time; results are in order. After a failure it starts no more, waits for
 * those already running, and throws the first failure.
 */
async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(STREAMS_AT_ONCE, items.length) }, worker);
  const settled = await Promise.allSettled(workers);
  const failure = settled.find((one) => one.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results;
}
