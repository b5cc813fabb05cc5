/**
 * The event store on EventStoreDB or KurrentDB (server 22.6 or later), through `@eventstore/db-client`. ADR 10
 * describes how an event is stored, what a position is, and what a batch guarantees.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MaxAppendSizeExceededError, WrongExpectedVersionError } from '@eventstore/db-client';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { backoffMs } from '@tantieme/time/backoff';
import { FIRST_PREDECESSOR } from '../chain.js';
import { mustBeComplete } from '../complete-stream.js';
import {
  categoryOf,
  EventStoreClosed,
  EventStoreRefused,
  EventStoreUnavailable,
  EventTooLarge,
  IncompleteStream,
  matchesFilter,
  UnknownPosition,
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
import { bytesOf, haveSameIds, prepareAppends } from '../prepared-append.js';
import type { PreparedAppend } from '../prepared-append.js';
import { StreamHeads } from '../stream-heads.js';
import type { HidesStreams } from '../truncation.js';
import { AppendStream } from './append-stream.js';
import type { Confirmed } from './append-stream.js';
import { clientOf, closeClient, connectWithin, readRecords } from './client.js';
import type { ReadAllRequest, ReadStreamRequest, ServerFilter } from './client.js';
import { isAnswer, isInvalidPosition, isRepeatable, portErrorOf } from './errors.js';
import { LiveLog } from './live-log.js';
import { ForeignEvent, ownEventOf, propose, isFull } from './recorded-event.js';
import type { Proposed, Recorded } from './recorded-event.js';
import { STREAM_HEADS_MAX, FOREIGN_EVENTS_PER_PAGE, POSITIONS_MAX } from '../limits.js';

/** Streams of one call that are written or read at once: more gain nothing, and make other callers wait. */
const STREAMS_AT_ONCE = 32;
/** Appends that this process has in flight: with 512 instead of 32, a server stored a quarter less. */
const APPENDS_AT_ONCE = 32;
/** Attempts of a call that a lost connection or a leader change interrupts; pauses double. */
const TRIES_MAX = 4;
const BACKOFF = { firstMs: 50, maxMs: 400 };
/** How long a call waits for a connection. */
const CONNECT_MS_MAX = 5_000;
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

/** An event of ours, and its id at the server, which identifies the call that stored it. */
interface OwnRecorded {
  readonly event: StoredEvent;
  readonly serverId: string;
}

/** How far the log is known. */
interface LogEnd {
  /** Position of the newest record, of ours or of others. It may be scavenged later, so no reader keeps it. */
  readonly record: Position;
  /** Position of our newest event up to there. */
  readonly head: Position;
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

class EsdbEventStore implements EventStore, HidesStreams {
  readonly #heads = new StreamHeads<StreamHead>(STREAM_HEADS_MAX);
  readonly #appends: AppendStream;
  readonly #slots = new Slots(APPENDS_AT_ONCE);
  readonly #positions = new Set<Position>();
  #end: LogEnd = { record: 0n, head: 0n };
  /** The last append to each stream that is being written: the next one waits for it. */
  readonly #lastAppends = new Map<string, Promise<unknown>>();
  /** Calls in progress: closing waits for them. */
  readonly #appending = new Set<Promise<unknown>>();
  #live: LiveLog | undefined;
  /** True if the server answered the last call: the client itself closes connections that fail. */
  #connected = false;
  #closing: Promise<void> | undefined;

  constructor(
    private readonly client: EventStoreDBClient,
    private readonly prefix: string,
  ) {
    this.#appends = new AppendStream(client);
  }

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
    this.#mustBeOpen();
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
    await this.#mustHave(after);
    const unfiltered = filter?.categories === undefined && filter?.types === undefined;
    // A page without matches ends at the head of the log before the read.
    const head = unfiltered ? after : await this.head();
    const isEmpty = !unfiltered && (head <= after || matchesNothing(filter));
    const page = isEmpty
      ? { events: [], through: later(head, after), end: true }
      : await this.#pageAfter(after, filter, limit, head);
    this.#know(page.through);
    return page;
  }

  async *subscribe({ after = 0n, filter, batchSize, signal }: SubscribeOptions): AsyncGenerator<Page, void, undefined> {
    this.#mustBeOpen();
    if (signal.aborted) return;
    let position = after;
    let live: LiveLog | undefined;
    try {
      await this.#mustHave(after);
      const end = await this.#findEnd();
      live = this.#follow(end);
      while (!this.#isOver(signal)) {
        const page =
          live.after(position, filter, batchSize, end.head) ??
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
    const { head } = await this.#findEnd();
    this.#know(head);
    return head;
  }

  async hashAt(position: Position): Promise<string | undefined> {
    this.#mustBeOpen();
    return (await this.#eventAt(position))?.hash;
  }

  /** Only streams with metadata can be truncated or softly deleted; a tombstone is found when the stream is read. */
  async hiddenStreams(): Promise<readonly string[]> {
    this.#mustBeOpen();
    const named = new Set<string>();
    const prefix = `$$${this.prefix}`;
    const filter: ServerFilter = { of: 'stream', prefixes: [prefix] };
    let from: ReadAllRequest['from'];
    for (let end = false; !end;) {
      const request = { direction: 'forwards', filter, limit: FOREIGN_EVENTS_PER_PAGE, from } as const;
      const recorded = await this.#read('reading metadata of streams', request);
      for (const { event } of recorded)
        if (event instanceof ForeignEvent && !event.stream.startsWith('$$$'))
          named.add(event.stream.slice(prefix.length));
      from = recorded.at(-1)?.position;
      end = recorded.length < FOREIGN_EVENTS_PER_PAGE;
    }
    const hidden = await mapConcurrently([...named], async (stream) =>
      (await this.#isHidden(stream)) ? [stream] : [],
    );
    return hidden.flat();
  }

  async #isHidden(stream: string): Promise<boolean> {
    try {
      return (await this.#readStream(stream, { limit: 1 })).length === 0;
    } catch (error) {
      if (error instanceof ForeignEvent) return false;
      if (error instanceof IncompleteStream || error instanceof EventStoreRefused) return true;
      throw error;
    }
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
    const { stream, expectedRevision } = append;
    const previousHash = await this.#hashAt(stream, expectedRevision);
    if (previousHash === undefined) return this.#conflict(append, await this.#newestRevision(stream));
    const proposed = propose(append, previousHash);
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#send(append, proposed);
      if (typeof answer === 'object') return this.#stored(append, proposed, answer);
      const result = await this.#storedEarlier(append, proposed, answer);
      if (result !== undefined) return result;
      if (tries === TRIES_MAX) throw new EventStoreUnavailable(`append to ${stream}: its newest events cannot be read`);
      await pause(backoffMs(BACKOFF, tries));
    }
  }

  /**
   * Sends the same ids each time, so the server stores them once.
   * @returns the actual revision of the stream if it is not the expected one.
   */
  async #send(
    { stream, expectedRevision, events }: PreparedAppend,
    proposed: readonly Proposed[],
  ): Promise<Confirmed | ExpectedRevision> {
    const sent = proposed.map((one) => one.sent);
    const send = (): Promise<Confirmed> => this.#appends.append(this.prefix + stream, expectedRevision, sent);
    return this.#retrying(`append to ${stream}`, async () => {
      try {
        return await this.#slots.run(send);
      } catch (error) {
        if (error instanceof MaxAppendSizeExceededError)
          throw new EventTooLarge(stream, bytesOf(events), error.maxAppendSize);
        if (!(error instanceof WrongExpectedVersionError)) throw error;
        return typeof error.actualVersion === 'bigint' ? Number(error.actualVersion) : 'no-stream';
      }
    });
  }

  /**
   * The server confirms only what it stored of this call, so the events are known without reading them.
   * @throws {IncompleteStream} if they were stored at another revision, with hashes that do not fit there.
   */
  async #stored({ stream }: PreparedAppend, proposed: readonly Proposed[], answer: Confirmed): Promise<AppendResult> {
    const events = proposed.map(({ event }) => event);
    const { revision, hash } = events.at(-1) ?? never();
    if (answer.revision !== revision)
      throw new IncompleteStream(
        stream,
        `it was deleted at the server, which stored revision ${revision} as revision ${answer.revision}`,
      );
    this.#heads.set(stream, { revision, hash });
    // The server knows no position if it is asked again just after it stored the events.
    const position =
      answer.position ?? (await this.#readStream(stream, { from: revision, limit: 1 }))[0]?.event.position;
    if (position === undefined) throw new EventStoreUnavailable(`append to ${stream}: revision ${revision} is missing`);
    this.#know(position);
    return { outcome: 'appended', stream, revision, position, events, repeated: false };
  }

  /**
   * The stream is not at the expected revision: with the ids of this append behind that revision, the append was stored
   * earlier, by this call or another. What was stored first counts.
   * @returns undefined if the server does not show the events yet that it has just accepted.
   */
  async #storedEarlier(
    append: PreparedAppend,
    proposed: readonly Proposed[],
    actual: ExpectedRevision,
  ): Promise<AppendResult | undefined> {
    const { stream, events } = append;
    const { revision: from } = proposed[0]?.event ?? never();
    if (actual === 'no-stream' || actual < from + events.length - 1) return this.#conflict(append, actual);
    const recorded = await this.#readStream(stream, { from, limit: events.length });
    const last = recorded.at(-1);
    if (last === undefined || recorded.length < events.length) return undefined;
    const stored = recorded.map(({ event }) => event);
    if (!haveSameIds(stored, events)) return this.#conflict(append, actual);
    const { revision, hash, position } = last.event;
    this.#heads.set(stream, { revision, hash });
    const repeated = last.serverId !== proposed.at(-1)?.sent.id;
    return { outcome: 'appended', stream, revision, position, events: stored, repeated };
  }

  #conflict({ stream, expectedRevision }: PreparedAppend, actual: ExpectedRevision): AppendResult {
    return { outcome: 'conflict', stream, expected: expectedRevision, actual };
  }

  /** The hash to which the next event is chained; undefined if the stream has not reached this revision. */
  async #hashAt(stream: string, expectedRevision: ExpectedRevision): Promise<string | undefined> {
    if (expectedRevision === 'no-stream') return FIRST_PREDECESSOR;
    const known = this.#heads.get(stream);
    if (known?.revision === expectedRevision) return known.hash;
    const [recorded] = await this.#readStream(stream, { from: expectedRevision, limit: 1 });
    return recorded?.event.hash;
  }

  async #newestRevision(stream: string): Promise<ExpectedRevision> {
    const [newest] = await this.#readStream(stream, { direction: 'backwards', limit: 1 });
    return newest?.event.revision ?? 'no-stream';
  }

  async #readStream(stream: string, options: ReadStreamOptions): Promise<readonly OwnRecorded[]> {
    const { direction = 'forwards', from, limit = Number.MAX_SAFE_INTEGER } = options;
    if (limit < 1) return [];
    const recorded = await this.#read(`reading ${stream}`, { stream: this.prefix + stream, direction, from, limit });
    const own = recorded.map(({ event, serverId }) => {
      if (event instanceof ForeignEvent) throw event;
      return { event, serverId };
    });
    mustBeComplete(
      stream,
      own.map(({ event }) => event),
      options,
    );
    return own;
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
      const recorded = await this.#read('reading all', {
        direction: 'forwards',
        filter: serverFilter,
        limit: count,
        from,
      });
      for (const one of recorded) {
        const own = ownEventOf(one);
        if (own === undefined || own.position <= through) continue;
        if (events.length === limit) return { events, through, end: false };
        through = own.position;
        if (matchesFilter(filter, categoryOf(own.stream), own.type)) events.push(own);
      }
      if (recorded.length < count && !isFull(recorded)) return { events, through: later(through, head), end: true };
      // If no event was ours, there is no position to resume from, so read on.
      if (through > after) return { events, through, end: false };
      from = recorded.at(-1)?.position;
      count = Math.max(count, FOREIGN_EVENTS_PER_PAGE);
    }
  }

  #serverFilter(filter: EventFilter | undefined): ServerFilter {
    const { categories, types } = filter ?? {};
    if (categories !== undefined) return { of: 'stream', prefixes: categories.map((name) => this.prefix + name) };
    if (types !== undefined) return { of: 'type', prefixes: types };
    return { of: 'stream', prefixes: this.prefix === '' ? [] : [this.prefix] };
  }

  async #read(action: string, request: ReadAllRequest | ReadStreamRequest): Promise<readonly Recorded[]> {
    return this.#retrying(action, () => readRecords.call(this.client, request, this.prefix));
  }

  /**
   * The newest record is one read. Only if it is not ours, what was written since the last call is searched for events
   * of ours, and the whole log with the first call.
   */
  async #findEnd(): Promise<LogEnd> {
    this.#mustBeOpen();
    const [newest] = await this.#read('reading the head', { direction: 'backwards', limit: 1 });
    const known = this.#end;
    if (newest === undefined || newest.position.commit === known.record) return known;
    const head = ownEventOf(newest)?.position ?? (await this.#headAfter(known));
    const end = { record: later(newest.position.commit, head), head };
    if (end.record > this.#end.record) this.#end = end;
    return end;
  }

  async #headAfter(known: LogEnd): Promise<Position> {
    const filter = this.#serverFilter(undefined);
    if (known.record > 0n) {
      // Forwards, as backwards the server would search on behind the known end.
      const from = { commit: known.record, prepare: known.record };
      const since = await this.#read('reading the head', { direction: 'forwards', filter, limit: 2, from }).catch(
        (error: unknown) => {
          // The record was scavenged.
          this.#end = { record: known.head, head: known.head };
          throw error;
        },
      );
      if (since.every(({ position }) => position.commit <= known.record)) return known.head;
    }
    let from: ReadAllRequest['from'];
    for (let limit = 1; ; limit = FOREIGN_EVENTS_PER_PAGE) {
      const recorded = await this.#read('reading the head', { direction: 'backwards', filter, limit, from });
      for (const one of recorded) {
        const own = ownEventOf(one);
        if (own !== undefined) return own.position;
        if (one.position.commit <= known.record) return known.head;
      }
      const last = recorded.at(-1);
      if (last === undefined || recorded.length < limit) return known.head;
      from = last.position;
    }
  }

  /** Undefined unless an event of ours is there. */
  async #eventAt(position: Position): Promise<StoredEvent | undefined> {
    if (position <= 0n) return undefined;
    const from = { commit: position, prepare: position };
    try {
      const [record] = await this.#read('reading a position', { direction: 'forwards', limit: 1, from });
      const own = ownEventOf(record);
      return own?.position === position ? own : undefined;
    } catch (error) {
      if (isInvalidPosition(error)) return undefined;
      throw error;
    }
  }

  /** @throws {UnknownPosition} if the position is not that of an event of ours. */
  async #mustHave(position: Position): Promise<void> {
    this.#mustBeOpen();
    if (position === 0n || this.#positions.has(position)) return;
    if ((await this.#eventAt(position)) === undefined) throw new UnknownPosition(position, await this.head());
    this.#know(position);
  }

  #know(position: Position): void {
    if (this.#positions.size >= POSITIONS_MAX) this.#positions.clear();
    this.#positions.add(position);
  }

  #follow(end: LogEnd): LiveLog {
    const live =
      this.#live ??
      new LiveLog(this.client, this.prefix, this.#serverFilter(undefined), end, () => this.#dropLive(live));
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
        // Closing waits for appends, and interrupts everything else.
        if (this.#closing !== undefined && this.#appending.size === 0) throw new EventStoreClosed();
        this.#connected = isAnswer(error);
        if (!isRepeatable(error) || tries === TRIES_MAX) throw portErrorOf(error, action);
        await pause(backoffMs(BACKOFF, tries));
      }
    }
  }
}

/** Runs a limited number of calls at a time, in the order in which they came. */
class Slots {
  readonly #waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async run<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}

function never(): never {
  throw new TypeError('an append without events');
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
