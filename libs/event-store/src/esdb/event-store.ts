/**
 * The event store on EventStoreDB or KurrentDB (server 22.6 or later), through `@eventstore/db-client`. ADR 10 says how an
 * event lies there, what a position is, and what a batch promises.
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
import { APPEND_BYTES_MAX, EventStoreClosed, EventStoreUnavailable, EventTooLarge } from '../event-store.js';
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
import { isWanted } from './log-tail.js';
import { bytesProposed, ForeignEvent, ownEventOf, propose, recordedOf } from './recorded-event.js';
import type { Proposed, Recorded } from './recorded-event.js';

/** Streams of one call that are written or read at once: beyond it the server gains nothing, and others wait. */
const STREAMS_AT_ONCE = 32;
/** Ends of chains kept in memory: some 250 bytes each. */
const CHAIN_ENDS_MAX = 50_000;
/** How often a call is tried that a lost connection or another leader interrupts; pauses double. */
const TRIES_MAX = 4;
const BACKOFF = { firstMs: 50, maxMs: 400 };
/** How long a call waits for a connection. */
const CONNECT_MS_MAX = 5_000;
/** Events of others that are read at a time to get past them. */
const FOREIGN_EVENTS = 500;

export interface EsdbEventStoreOptions {
  /**
   * Where several systems share a database: stands before the names of all streams, `prod` makes `prod.deal-crm|D-1`, and
   * nothing else is seen. Letters, digits and underscores. Left out: the database is Tantième's own.
   */
  readonly namespace?: string;
}

/** The event that the next one of a stream is chained to. */
interface ChainEnd {
  readonly revision: number;
  readonly hash: string;
}

/**
 * Connects with the first call, and again whenever the connection was lost.
 * @param connection `esdb://user:password@host:2113?tls=true&tlsCAFile=…`, `esdb+discover://…` for a cluster, or the same
 * with `kurrentdb`: the client's documentation lists the options.
 * @throws {TypeError} for a connection string or namespace that cannot be used, without quoting it.
 */
export function openEsdbEventStore(connection: string, options: EsdbEventStoreOptions = {}): EventStore {
  const { namespace = '' } = options;
  if (!/^\w*$/.test(namespace)) throw new TypeError(`namespace: "${namespace}" has other than letters, digits and _`);
  return new EsdbEventStore(clientOf(connection), namespace === '' ? '' : `${namespace}.`);
}

class EsdbEventStore implements EventStore {
  readonly #chainEnds = new StreamHeads<ChainEnd>(CHAIN_ENDS_MAX);
  /** This handle on the store, in the metadata of what it writes. */
  readonly #name = randomBytes(8).toString('hex');
  /** The last append to each stream that is being written: the next one waits for it. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Calls under way: closing waits for them. */
  readonly #appending = new Set<Promise<unknown>>();
  #calls = 0;
  #live: LiveLog | undefined;
  /** Whether the last call was answered: the client closes connections that fail by itself. */
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
    const call = eachAtOnce(prepareAppends(appends), (append) => this.#inTurn(append));
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
    const read = await eachAtOnce(wanted, async (stream) => [stream, await this.readStream(stream)] as const);
    return new Map(read.filter(([, events]) => events.length > 0));
  }

  async readAll({ after = 0n, filter, limit }: ReadAllOptions): Promise<Page> {
    this.#mustBeOpen();
    const unfiltered = filter?.categories === undefined && filter?.types === undefined;
    // What nothing matches is looked through up to where the log ended before.
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
          (await this.readAll({ after: position, limit: batchSize, ...(filter ? { filter } : {}) }));
        if (this.#isOver(signal)) return;
        if (page.through > position) {
          position = page.through;
          yield page;
          // From memory, a long catch-up would starve everybody else without a turn of the event loop.
          await new Promise(setImmediate);
        } else await live.moved(signal);
      }
    } catch (error) {
      // What is interrupted by the end is no failure.
      if (!this.#isOver(signal)) throw error;
    } finally {
      if (live !== undefined) await this.#leave(live);
    }
  }

  async head(): Promise<Position> {
    this.#mustBeOpen();
    let from: ReadAllRequest['from'];
    for (let limit = 1; ; limit = FOREIGN_EVENTS) {
      const filter = this.#serverFilter(undefined);
      const recorded = await this.#readAllRecorded({
        direction: 'backwards',
        filter,
        limit,
        ...(from ? { from } : {}),
      });
      for (const one of recorded) {
        const own = ownEventOf(one, this.prefix);
        if (own !== undefined) return own.position;
      }
      if (recorded.length < limit) return 0n;
      from = recorded.at(-1)?.position;
    }
  }

  /** Waits for the appends that were asked for before, ends subscriptions and reads, and closes the connection. */
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

  /** Appends to one stream take effect in the order in which they were asked for. */
  #inTurn(append: PreparedAppend): Promise<AppendResult> {
    const { stream } = append;
    const before = this.#turns.get(stream);
    const turn = (before ?? Promise.resolve()).then(
      () => this.#append(append),
      () => this.#append(append),
    );
    this.#turns.set(stream, turn);
    const done = (): void => {
      if (this.#turns.get(stream) === turn) this.#turns.delete(stream);
    };
    turn.then(done, done);
    return turn;
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

  /** @returns where the stream is, if that is not where it was expected to be. */
  async #send(
    stream: string,
    expectedRevision: ExpectedRevision,
    proposed: readonly Proposed[],
  ): Promise<ExpectedRevision | undefined> {
    return this.#trying(`append to ${stream}`, async () => {
      try {
        await appendToStream.call(
          this.client,
          this.prefix + stream,
          proposed.map(({ event }) => event),
          {
            expectedRevision: expectedRevision === 'no-stream' ? NO_STREAM : BigInt(expectedRevision),
            requiresLeader: true,
            batchAppendSize: 0, // of the client's other way to append; asked for by the type only
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
   * The server's yes does not tell whether it stored the events now or held them already, perhaps with other contents:
   * they are read back, and what is there is what counts.
   */
  async #stored({ stream, events }: PreparedAppend, from: number, writer: string): Promise<AppendResult> {
    const recorded = await this.#readStream(stream, { from, limit: events.length }, 'any state');
    const last = recorded.at(-1);
    if (last === undefined || recorded.some(({ event }, index) => event.id !== events[index]?.id))
      throw new ForeignEvent(stream, BigInt(from), 'it was appended with another id');
    const { revision, hash } = last.event;
    this.#chainEnds.set(stream, { revision, hash });
    const repeated = last.writer !== writer;
    return { outcome: 'appended', stream, revision, events: recorded.map(({ event }) => event), repeated };
  }

  #conflict({ stream, expectedRevision }: PreparedAppend, actual: ExpectedRevision): AppendResult {
    return { outcome: 'conflict', stream, expected: expectedRevision, actual };
  }

  /** What the next event is chained to; undefined where the stream has not come so far. */
  async #hashAt(stream: string, expectedRevision: ExpectedRevision): Promise<string | undefined> {
    if (expectedRevision === 'no-stream') return FIRST_PREDECESSOR;
    const known = this.#chainEnds.get(stream);
    if (known?.revision === expectedRevision) return known.hash;
    const [recorded] = await this.#readStream(stream, { from: expectedRevision, limit: 1 }, 'any state');
    return recorded?.event.hash;
  }

  async #newestRevision(stream: string): Promise<ExpectedRevision> {
    const [newest] = await this.#readStream(stream, { direction: 'backwards', limit: 1 }, 'any state');
    return newest?.event.revision ?? 'no-stream';
  }

  /** @param state `any state`: also while the store is being closed, for appends under way. */
  async #readStream(
    stream: string,
    { direction = 'forwards', from, limit }: ReadStreamOptions,
    state: 'open' | 'any state' = 'open',
  ): Promise<readonly Recorded[]> {
    if (state === 'open') this.#mustBeOpen();
    if (limit !== undefined && limit < 1) return [];
    const backwards = direction === 'backwards';
    return this.#trying(`reading ${stream}`, async () => {
      const read = this.client.readStream(this.prefix + stream, {
        direction: backwards ? BACKWARDS : FORWARDS,
        fromRevision: from === undefined ? (backwards ? END : 'start') : BigInt(from),
        ...(limit === undefined ? {} : { maxCount: limit }),
        requiresLeader: true,
      });
      const recorded: RecordedEvent[] = [];
      try {
        // To the end: a read that is left before stays open at the server.
        for await (const { event } of read) if (event !== undefined) recorded.push(event);
      } catch (error) {
        if (error instanceof StreamNotFoundError) return [];
        throw error;
      }
      // The client ends a read that was interrupted by closing as if it were complete.
      if (state === 'open') this.#mustBeOpen();
      return recorded.map((event) => recordedOf(event, this.prefix));
    });
  }

  /**
   * The server's filter knows only begins of names, of streams or of types: what it lets through too much is dropped here,
   * and moves the page on all the same.
   */
  async #pageAfter(after: Position, filter: EventFilter | undefined, limit: number, head: Position): Promise<Page> {
    // One more tells whether there is more; reading is inclusive, so one is known already.
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
        ...(from ? { from } : {}),
      });
      for (const one of recorded) {
        const own = ownEventOf(one, this.prefix);
        if (own === undefined || own.position <= through) continue;
        if (events.length === limit) return { events, through, end: false };
        through = own.position;
        if (isWanted(own, filter)) events.push(own);
      }
      if (recorded.length < count) return { events, through: later(through, head), end: true };
      // Where nothing was ours, there is no position to come back to: on.
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
    return this.#trying('reading all', async () => {
      const recorded: AllStreamRecordedEvent[] = [];
      for await (const { event } of readAllFiltered.call(this.client, request)) if (event) recorded.push(event);
      this.#mustBeOpen();
      return recorded;
    });
  }

  #follow(head: Position): LiveLog {
    const live = this.#live ?? new LiveLog(this.client, this.prefix, head, () => this.#forget(live));
    this.#live = live;
    live.readers += 1;
    return live;
  }

  async #leave(live: LiveLog): Promise<void> {
    live.readers -= 1;
    if (live.readers > 0) return;
    this.#forget(live);
    await live.stop();
  }

  #forget(live: LiveLog): void {
    if (this.#live === live) this.#live = undefined;
  }

  /** Every call may be made again: a read as it is, an append because the same ids at the same place are stored once. */
  async #trying<Result>(what: string, call: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        if (!this.#connected && !(await connectWithin.call(this.client, CONNECT_MS_MAX)))
          throw new EventStoreUnavailable(`${what}: no connection within ${CONNECT_MS_MAX / 1000} s`);
        const result = await call();
        this.#connected = true;
        return result;
      } catch (error) {
        this.#connected = isAnswer(error);
        if (!isReconnecting(error) || tries === TRIES_MAX) throw portErrorOf(error, what);
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
 * Some at once, results in order. Where one fails, those that were begun are waited for, no other is begun, and the first
 * failure is thrown.
 */
async function eachAtOnce<Item, Result>(
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
