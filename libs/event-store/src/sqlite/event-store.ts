/**
 * The embedded event store: one SQLite file, in the process, through `node:sqlite`.
 *
 * Writers take the lock with `BEGIN IMMEDIATE`, so those of one file queue up. Positions are assigned under that lock,
 * so no gap in the global order is ever filled later. Appends of one turn of the event loop, or that arrive while
 * another process or thread has the lock, share a transaction (one fsync), and still succeed or fail individually.
 */
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';
import { eventHash, FIRST_PREDECESSOR } from '../chain.js';
import { categoryOf, EventStoreClosed, StorageFull } from '../event-store.js';
import type {
  Append,
  AppendResult,
  EventFilter,
  EventStore,
  Page,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  StoredEvent,
  SubscribeOptions,
} from '../event-store.js';
import { haveSameIds, prepareAppends } from '../prepared-append.js';
import type { PreparedAppend } from '../prepared-append.js';
import { APPLICATION_ID, CONNECTION_PRAGMAS, DDL, FILE_PRAGMAS, INSERT_EVENT, SCHEMA_VERSION } from './schema.js';
import { RecentEvents } from './recent-events.js';
import { SqliteEventReader, UnreadableStore } from './event-reader.js';
import type { StreamHead } from './event-reader.js';
import { StreamHeads } from '../stream-heads.js';
import type { TruncatedStreamsPage, LogExtent, RecordsExtent } from '../truncation.js';
import {
  STREAM_HEADS_MAX,
  RECENT_BYTES_MAX,
  EVENTS_PER_TRANSACTION,
  FOREIGN_EVENTS_MAX,
  PAGE_CACHE_BYTES_MAX,
} from '../limits.js';

/** How long a writer waits for the transactions of others. */
const BUSY_TIMEOUT_MS = 30_000;
/** Pause between two attempts to take the lock. SQLite's own busy handler would block the thread. */
const BUSY_RETRY_MS = 1;
/** How often a live subscription checks for appends of other processes; appends of this process wake it at once. */
const POLL_MS = 100;
export interface SqliteEventStoreOptions {
  /** Clock for `recordedAt`, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Memory for pages of the file. Default: 16 MiB. */
  readonly pageCacheBytes?: number | undefined;
  /** The most pages of the file, beyond which the disk counts as full: for tests. */
  readonly pagesMax?: number | undefined;
}

/** @throws {UnreadableStore} if the file is not an event store, or has another layout. */
export function openSqliteEventStore(path: string, options: SqliteEventStoreOptions = {}): SqliteEventStore {
  return new SqliteEventStore(path, options);
}

interface Call {
  readonly appends: readonly PreparedAppend[];
  readonly resolve: (results: readonly AppendResult[]) => void;
  readonly reject: (error: unknown) => void;
}

export class SqliteEventStore implements EventStore, RecordsExtent {
  readonly #database: DatabaseSync;
  readonly #reader: SqliteEventReader;
  readonly #heads = new StreamHeads<StreamHead>(STREAM_HEADS_MAX);
  /** Categories of the streams in `#heads`. */
  readonly #headCategories = new Set<string>();
  readonly #recent: RecentEvents;
  /** Notifies other threads of this process that use the same file. */
  readonly #threads: BroadcastChannel;
  readonly #now: () => number;
  readonly #insertEvent: StatementSync;
  readonly #insertStream: StatementSync;
  readonly #insertStreamHead: StatementSync;
  readonly #updateStreamHead: StatementSync;
  readonly #updateLog: StatementSync;
  readonly #insertKind: StatementSync;
  /** Position up to which `#heads` and `#recent` are up to date. */
  #known = 0;
  #calls: Call[] = [];
  #flushing: NodeJS.Immediate | NodeJS.Timeout | undefined;
  /** Start of the wait for the lock, by `performance.now()`. */
  #busySinceMs: number | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;
  /** Wakes the subscriptions that wait for an append. */
  readonly #waiters = new Set<() => void>();
  #pollTimer: NodeJS.Timeout | undefined;
  /** Head at the last poll. */
  #polledHead = 0;

  constructor(path: string, options: SqliteEventStoreOptions) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    this.#now = options.now ?? Date.now;
    try {
      createSchema(this.#database);
      // Negative means KiB.
      const cacheKib = Math.ceil((options.pageCacheBytes ?? PAGE_CACHE_BYTES_MAX) / 1024);
      this.#database.exec(`PRAGMA cache_size = -${cacheKib}`);
      if (options.pagesMax !== undefined) this.#database.exec(`PRAGMA max_page_count = ${options.pagesMax}`);
      this.#reader = new SqliteEventReader(this.#database);
      this.#known = this.#reader.head();
      this.#recent = new RecentEvents(RECENT_BYTES_MAX, this.#known);
      this.#insertEvent = this.#database.prepare(INSERT_EVENT);
      this.#insertStream = this.#database.prepare('INSERT OR IGNORE INTO streams (name) VALUES (?)');
      this.#insertStreamHead = this.#database.prepare('INSERT INTO stream_heads VALUES (?, ?)');
      this.#updateStreamHead = this.#database.prepare('UPDATE stream_heads SET revision = ?2 WHERE stream = ?1');
      this.#updateLog = this.#database.prepare('UPDATE log SET position = ?, hash = ?');
      this.#insertKind = this.#database.prepare('INSERT OR IGNORE INTO kinds (category, type) VALUES (?, ?)');
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#threads = new BroadcastChannel(`event store ${resolve(path)}`);
    this.#threads.unref();
    this.#threads.onmessage = () => this.#wake();
  }

  async append(append: Append): Promise<AppendResult> {
    const [result] = await this.appendMany([append]);
    if (result === undefined) throw new UnreadableStore('an append had no result');
    return result;
  }

  async appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    this.#mustBeOpen();
    const prepared = prepareAppends(appends);
    if (prepared.length === 0) return [];
    return new Promise((resolve, reject) => {
      this.#calls.push({ appends: prepared, resolve, reject });
      this.#flushing ??= setImmediate(() => this.#flush());
    });
  }

  async readStream(stream: string, options?: ReadStreamOptions): Promise<readonly StoredEvent[]> {
    this.#mustBeOpen();
    return this.#reader.readStream(stream, options);
  }

  async readStreams(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
    this.#mustBeOpen();
    const found = new Map<string, readonly StoredEvent[]>();
    for (const stream of this.#reader.existing(streams)) {
      const events = this.#reader.readStream(stream);
      if (events.length > 0) found.set(stream, events);
    }
    return found;
  }

  async readAll(options: ReadAllOptions): Promise<Page> {
    this.#mustBeOpen();
    return this.#reader.readAll(options);
  }

  async *subscribe({ after = 0n, filter, batchSize, signal }: SubscribeOptions): AsyncGenerator<Page, void, undefined> {
    this.#mustBeOpen();
    let position = after;
    while (!signal.aborted && !this.#closed) {
      const page = this.#pageAfter(position, filter, batchSize);
      if (page.through > position) {
        position = page.through;
        yield page;
        // Reads are synchronous: a long catch-up must yield to the rest of the process.
        await new Promise(setImmediate);
      } else {
        // No append of this process can happen between the read and this wait; the poll finds those of others.
        await this.#waitForAppend(position, signal);
      }
    }
  }

  #pageAfter(position: Position, filter: EventFilter | undefined, limit: number): Page {
    this.#catchUpWithOtherWriters(this.#reader.head());
    const recent = this.#recent.after(Number(position), filter, limit);
    if (recent !== undefined) {
      return { events: recent.events, through: BigInt(recent.through), end: recent.through >= this.#known };
    }
    return this.#reader.readAll({ after: position, limit, filter });
  }

  async head(): Promise<Position> {
    this.#mustBeOpen();
    return BigInt(this.#reader.head());
  }

  async hashAt(position: Position): Promise<string | undefined> {
    this.#mustBeOpen();
    return this.#reader.hashAt(Number(position));
  }

  async logExtent(): Promise<LogExtent> {
    this.#mustBeOpen();
    return this.#reader.logExtent();
  }

  async truncatedStreams({
    after = 0,
    limit,
  }: {
    after?: number | undefined;
    limit: number;
  }): Promise<TruncatedStreamsPage> {
    this.#mustBeOpen();
    return this.#reader.truncatedStreams(after, limit);
  }

  /** Completes earlier appends, ends the subscriptions, and closes the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    while (this.#calls.length > 0) await pause(BUSY_RETRY_MS);
    this.#wake();
    this.#threads.close();
    this.#database.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new EventStoreClosed();
  }

  #flush(): void {
    this.#flushing = undefined;
    try {
      if (!this.#begin()) {
        this.#flushing = setTimeout(() => this.#flush(), BUSY_RETRY_MS);
        return;
      }
    } catch (error) {
      for (const call of this.#calls.splice(0)) call.reject(error);
      return;
    }
    let events = 0;
    let count = 0;
    for (const call of this.#calls) {
      if (count > 0 && events >= EVENTS_PER_TRANSACTION) break;
      for (const append of call.appends) events += append.events.length;
      count += 1;
    }
    const calls = this.#calls.slice(0, count);
    this.#calls = this.#calls.slice(count);
    if (this.#calls.length > 0) this.#flushing = setImmediate(() => this.#flush());
    let results: readonly (readonly AppendResult[])[];
    try {
      results = this.#transaction(calls);
    } catch (error) {
      for (const call of calls) call.reject(error);
      return;
    }
    calls.forEach((call, index) => call.resolve(results[index] ?? []));
    this.#wake();
    this.#threads.postMessage(null);
  }

  /** @returns false if another writer has the lock. @throws if that lasts longer than {@link BUSY_TIMEOUT_MS}. */
  #begin(): boolean {
    try {
      this.#database.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE');
      this.#busySinceMs = undefined;
      return true;
    } catch (error) {
      this.#busySinceMs ??= performance.now();
      if (isBusy(error) && performance.now() - this.#busySinceMs < BUSY_TIMEOUT_MS) return false;
      this.#busySinceMs = undefined;
      throw error;
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  /** Writes and commits; `#begin` has taken the lock. */
  #transaction(calls: readonly Call[]): readonly (readonly AppendResult[])[] {
    try {
      const { position, hash } = this.#reader.logExtent();
      const head = Number(position);
      this.#catchUpWithOtherWriters(head);
      const written: StoredEvent[] = [];
      const writing = { position: head, hash, recordedAt: this.#now(), written };
      const results = calls.map((call) => call.appends.map((append) => this.#write(append, writing)));
      if (writing.position > head) this.#updateLog.run(writing.position, writing.hash);
      this.#database.exec('COMMIT');
      this.#known = writing.position;
      this.#recent.add(written);
      return results;
    } catch (error) {
      this.#heads.clear();
      this.#reader.clearKinds();
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw isDiskFull(error) ? new StorageFull('the disk of the event log is full', { cause: error }) : error;
    }
  }

  /** Updates the caches. @param head the current end of the log. */
  #catchUpWithOtherWriters(head: number): void {
    if (head === this.#known) return;
    if (head < this.#known) {
      this.#heads.clear();
      this.#recent.clear(head);
    } else {
      const kinds = this.#reader.kindsBetween(this.#known, head);
      // Usually false, as the threads of a process mostly write to streams of different categories.
      if (kinds.some(({ category }) => this.#headCategories.has(category))) {
        if (head - this.#known > FOREIGN_EVENTS_MAX) this.#heads.clear();
        else for (const stream of this.#reader.streamsWrittenAfter(this.#known)) this.#heads.delete(stream);
      }
      this.#recent.addForeign(head, kinds);
    }
    this.#known = head;
  }

  #write(
    append: PreparedAppend,
    writing: { position: number; hash: string; readonly recordedAt: number; readonly written: StoredEvent[] },
  ): AppendResult {
    const { stream, expectedRevision, events } = append;
    const newKey = expectedRevision === 'no-stream' ? this.#newStream(stream) : undefined;
    const head = newKey === undefined ? this.#head(stream) : undefined;
    const actual = head === undefined ? 'no-stream' : head.revision;
    if (actual !== expectedRevision) return this.#repeatedOrConflict(append, actual);

    const key = newKey ?? head?.key;
    if (key === undefined) throw new UnreadableStore(`the stream ${stream} exists without an event`);
    const category = categoryOf(stream);
    const recordedAt = this.#reader.recordedAt(writing.recordedAt);
    const stored: StoredEvent[] = [];
    let revision = head?.revision ?? -1;
    let hash = head?.hash ?? FIRST_PREDECESSOR;
    for (const { id, type, version, occurredAt, metadataText, dataText } of events) {
      revision += 1;
      writing.position += 1;
      hash = eventHash(hash, { stream, revision, id, type, version, occurredAt, metadataText, dataText });
      this.#insertEvent.run(
        writing.position,
        key,
        revision,
        this.#kind(category, type),
        version,
        id,
        occurredAt,
        writing.recordedAt,
        metadataText,
        dataText,
        hash,
      );
      const position = BigInt(writing.position);
      stored.push({
        stream,
        revision,
        position,
        type,
        version,
        id,
        occurredAt,
        recordedAt,
        metadataText,
        dataText,
        hash,
      });
    }
    if (head === undefined) this.#insertStreamHead.run(key, revision);
    else this.#updateStreamHead.run(key, revision);
    for (const event of stored) writing.written.push(event);
    writing.hash = hash;
    this.#heads.set(stream, { key, revision, hash });
    this.#headCategories.add(category);
    return {
      outcome: 'appended',
      stream,
      revision,
      position: BigInt(writing.position),
      events: stored,
      repeated: false,
    };
  }

  /** The key of a new stream; undefined if the stream exists. */
  #newStream(stream: string): number | undefined {
    if (this.#heads.get(stream) !== undefined) return undefined;
    const { changes, lastInsertRowid } = this.#insertStream.run(stream);
    return changes === 0 ? undefined : Number(lastInsertRowid);
  }

  #head(stream: string): StreamHead | undefined {
    const known = this.#heads.get(stream);
    if (known !== undefined) return known;
    const loaded = this.#reader.streamHead(stream);
    if (loaded !== undefined) {
      this.#heads.set(stream, loaded);
      this.#headCategories.add(categoryOf(stream));
    }
    return loaded;
  }

  #kind(category: string, type: string): number {
    const known = this.#reader.kindKey(category, type);
    if (known !== undefined) return known;
    this.#insertKind.run(category, type);
    this.#reader.refreshKinds();
    const key = this.#reader.kindKey(category, type);
    if (key === undefined) throw new UnreadableStore(`the kind ${category} ${type} was not stored`);
    return key;
  }

  #repeatedOrConflict(
    { stream, expectedRevision, events }: PreparedAppend,
    actual: number | 'no-stream',
  ): AppendResult {
    const from = expectedRevision === 'no-stream' ? 0 : expectedRevision + 1;
    if (actual !== 'no-stream' && from + events.length - 1 <= actual) {
      const stored = this.#reader.readStream(stream, { from, limit: events.length });
      const last = stored.at(-1);
      if (last !== undefined && haveSameIds(stored, events)) {
        const { revision, position } = last;
        return { outcome: 'appended', stream, revision, position, events: stored, repeated: true };
      }
    }
    return { outcome: 'conflict', stream, expected: expectedRevision, actual };
  }

  /**
   * Resolves after a possible append, or when the subscription ends.
   * @param position the end of the log when it was last read.
   */
  #waitForAppend(position: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiters.delete(done);
        if (this.#waiters.size === 0) this.#stopPolling();
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#waiters.add(done);
      if (this.#pollTimer === undefined) {
        this.#polledHead = Number(position);
        this.#pollTimer = setInterval(() => this.#poll(), POLL_MS);
      }
    });
  }

  #poll(): void {
    const head = this.#reader.head();
    if (head === this.#polledHead) return;
    this.#polledHead = head;
    this.#wake();
  }

  #wake(): void {
    for (const done of [...this.#waiters]) done();
    this.#stopPolling();
  }

  #stopPolling(): void {
    clearInterval(this.#pollTimer);
    this.#pollTimer = undefined;
  }
}

/**
 * Retries, as SQLite's busy handler does not cover the switch to WAL, which several processes may attempt at once on a
 * new file.
 */
function createSchema(database: DatabaseSync): void {
  const until = Date.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      return tryToCreateSchema(database);
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      if (!isBusy(error) || Date.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** SQLITE_FULL, and SQLITE_IOERR_SHMSIZE where the index of the write-ahead log cannot grow. */
function isDiskFull(error: unknown): boolean {
  return Error.isError(error) && 'errcode' in error && (error.errcode === 13 || error.errcode === 4874);
}

/** True for SQLITE_BUSY and its extended codes. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 5
  );
}

function tryToCreateSchema(database: DatabaseSync): void {
  for (const pragma of CONNECTION_PRAGMAS) database.exec(pragma);
  if (isEventStore(database)) return;
  for (const pragma of FILE_PRAGMAS) database.exec(pragma);
  database.exec('BEGIN IMMEDIATE');
  // Another process may have created all of this first.
  for (const statement of DDL) database.exec(statement);
  database.exec(`INSERT OR IGNORE INTO log VALUES (1, 0, '${FIRST_PREDECESSOR}')`);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  database.exec('COMMIT');
}

/**
 * False for a new file. One read transaction, so that a schema created by another process is seen in full or not at
 * all.
 */
function isEventStore(database: DatabaseSync): boolean {
  const valueOf = (sql: string): unknown => Object.values(database.prepare(sql).get() ?? {})[0];
  database.exec('BEGIN');
  const tables = valueOf('SELECT count(*) FROM sqlite_schema');
  const application = valueOf('PRAGMA application_id');
  const version = valueOf('PRAGMA user_version');
  database.exec('COMMIT');
  if (tables === 0 && application === 0) return false;
  if (application !== APPLICATION_ID) throw new UnreadableStore('the file is not an event store');
  if (version !== SCHEMA_VERSION) {
    throw new UnreadableStore(
      `the file has layout ${String(version)}, but this version reads layout ${SCHEMA_VERSION}: ` +
        'use the version that wrote it, or start with a new data directory',
    );
  }
  return true;
}
