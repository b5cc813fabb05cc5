/**
 * The embedded event store: SQLite through Node's own `node:sqlite`, in the process, one file.
 *
 * Everything is written under `BEGIN IMMEDIATE`, so that two who write to one file queue up; positions are given under that
 * lock, so the global order never fills a gap later. Appends that are asked for in one turn of the event loop, or while another
 * process or thread has the lock, share a transaction (one fsync), each still standing or falling on its own.
 */
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';
import { eventHash, FIRST_PREDECESSOR } from '../chain.js';
import { categoryOf, EventStoreClosed } from '../event-store.js';
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
import { prepareAppends } from '../prepared-append.js';
import type { PreparedAppend } from '../prepared-append.js';
import { APPLICATION_ID, CONNECTION_PRAGMAS, DDL, FILE_PRAGMAS, INSERT_EVENT, SCHEMA_VERSION } from './schema.js';
import { RecentEvents } from './recent-events.js';
import { SqliteEventReader, UnreadableStore } from './event-reader.js';
import { StreamHeads } from '../stream-heads.js';
import type { StreamHead } from '../stream-heads.js';
import type { TruncatedStreamsPage, LogExtent, RecordsExtent } from '../truncation.js';

/** Heads kept in memory: some 250 bytes each. */
const HEADS_MAX = 50_000;
/** Events kept for those who follow the log: enough for a reader that is some thousands of events behind. */
const RECENT_BYTES_MAX = 16 * 1024 * 1024;
/** A transaction takes whole calls until it has this many events: a bound on how long the lock is held. */
const EVENTS_PER_TRANSACTION = 4_000;
/** How long a writer waits for the transactions of others before it gives up. */
const BUSY_MILLISECONDS = 30_000;
/** How often it looks whether the lock is free, its thread doing other things meanwhile. SQLite's own waiting would block the thread. */
const BUSY_LOOK_MILLISECONDS = 1;
/** How often a live subscription looks for what other processes appended; appends of this process, in whichever thread, wake it at once. */
const POLL_MILLISECONDS = 100;
/** Beyond this, finding out which streams another process wrote costs more than reading the heads again. */
const FOREIGN_EVENTS_MAX = 20_000;

export interface SqliteEventStoreOptions {
  /** The store's own clock, in milliseconds since 1970: transaction time. */
  readonly now?: () => number;
}

/** @throws {UnreadableStore} where the file is not an event store, or of a newer layout. */
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
  readonly #heads = new StreamHeads(HEADS_MAX);
  /** Categories of the streams in `#heads`. */
  readonly #headCategories = new Set<string>();
  readonly #recent: RecentEvents;
  /** Tells the other threads of this process that use the same file. */
  readonly #threads: BroadcastChannel;
  readonly #now: () => number;
  readonly #insertEvent: StatementSync;
  readonly #insertStream: StatementSync;
  readonly #insertTip: StatementSync;
  readonly #updateTip: StatementSync;
  readonly #updateLog: StatementSync;
  readonly #insertKind: StatementSync;
  /** Position up to which `#heads` and `#recent` are known to be true. */
  #known = 0;
  #calls: Call[] = [];
  #flushing: NodeJS.Immediate | NodeJS.Timeout | undefined;
  /** Since when the lock is waited for, by `performance.now()`. */
  #busySince: number | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;
  readonly #waiting = new Set<() => void>();
  #poll: NodeJS.Timeout | undefined;
  #polled = 0;

  constructor(path: string, options: SqliteEventStoreOptions) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS });
    this.#now = options.now ?? Date.now;
    try {
      createSchema(this.#database);
      this.#reader = new SqliteEventReader(this.#database);
      this.#known = this.#reader.head();
      this.#recent = new RecentEvents(RECENT_BYTES_MAX, this.#known);
      this.#insertEvent = this.#database.prepare(INSERT_EVENT);
      this.#insertStream = this.#database.prepare('INSERT OR IGNORE INTO streams (name) VALUES (?)');
      this.#insertTip = this.#database.prepare('INSERT INTO tips VALUES (?, ?)');
      this.#updateTip = this.#database.prepare('UPDATE tips SET revision = ?2 WHERE stream = ?1');
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
        // Reading is synchronous: without a turn of the event loop a long catch-up would starve everybody else.
        await new Promise(setImmediate);
      } else {
        // Between the reading above and the waiting here nothing of this process can run; what another one appends is behind `position`.
        await this.#moved(position, signal);
      }
    }
  }

  #pageAfter(position: Position, filter: EventFilter | undefined, limit: number): Page {
    this.#catchUpWithOtherWriters(this.#reader.head());
    const recent = this.#recent.after(Number(position), filter, limit);
    if (recent !== undefined) {
      return { events: recent.events, through: BigInt(recent.through), end: recent.through >= this.#known };
    }
    return this.#reader.readAll({ after: position, limit, ...(filter ? { filter } : {}) });
  }

  async head(): Promise<Position> {
    this.#mustBeOpen();
    return BigInt(this.#reader.head());
  }

  async logExtent(): Promise<LogExtent> {
    this.#mustBeOpen();
    return this.#reader.logExtent();
  }

  async truncatedStreams({ after = 0, limit }: { after?: number; limit: number }): Promise<TruncatedStreamsPage> {
    this.#mustBeOpen();
    return this.#reader.truncatedStreams(after, limit);
  }

  /** Stores what was asked for before, ends the subscriptions, and closes the file. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    this.#closed = true;
    while (this.#calls.length > 0) await pause(BUSY_LOOK_MILLISECONDS);
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
        this.#flushing = setTimeout(() => this.#flush(), BUSY_LOOK_MILLISECONDS);
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

  /** Takes the lock, if it is free. @throws where it was not for too long. */
  #begin(): boolean {
    try {
      this.#database.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE');
      this.#busySince = undefined;
      return true;
    } catch (error) {
      this.#busySince ??= performance.now();
      if (isBusy(error) && performance.now() - this.#busySince < BUSY_MILLISECONDS) return false;
      this.#busySince = undefined;
      throw error;
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MILLISECONDS}`);
    }
  }

  /** Of which {@link #begin} has begun. */
  #transaction(calls: readonly Call[]): readonly (readonly AppendResult[])[] {
    try {
      const tip = this.#reader.logExtent();
      this.#catchUpWithOtherWriters(Number(tip.position));
      const written: StoredEvent[] = [];
      const writing = { position: Number(tip.position), hash: tip.hash, recordedAt: this.#now(), written };
      const results = calls.map((call) => call.appends.map((append) => this.#write(append, writing)));
      if (writing.position > Number(tip.position)) this.#updateLog.run(writing.position, writing.hash);
      this.#database.exec('COMMIT');
      this.#known = writing.position;
      this.#recent.add(written);
      return results;
    } catch (error) {
      this.#heads.clear();
      this.#reader.clearKinds();
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** @param head where the log ends now. */
  #catchUpWithOtherWriters(head: number): void {
    if (head === this.#known) return;
    if (head < this.#known) {
      this.#heads.clear();
      this.#recent.clear(head);
    } else {
      const kinds = this.#reader.kindsBetween(this.#known, head);
      // Threads of one process mostly write to streams of different categories.
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
    if (key === undefined) throw new UnreadableStore(`the stream ${stream} has a name and no event`);
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
    if (head === undefined) this.#insertTip.run(key, revision);
    else this.#updateTip.run(key, revision);
    for (const event of stored) writing.written.push(event);
    writing.hash = hash;
    this.#heads.set(stream, { key, revision, hash });
    this.#headCategories.add(category);
    return { outcome: 'appended', stream, revision, events: stored, repeated: false };
  }

  /** Key of a stream that is begun here; undefined where it is there already. */
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
    if (key === undefined) throw new UnreadableStore(`the kind ${category} ${type} was not kept`);
    return key;
  }

  #repeatedOrConflict(
    { stream, expectedRevision, events }: PreparedAppend,
    actual: number | 'no-stream',
  ): AppendResult {
    const from = expectedRevision === 'no-stream' ? 0 : expectedRevision + 1;
    if (actual !== 'no-stream' && from + events.length - 1 <= actual) {
      const stored = this.#reader.readStream(stream, { from, limit: events.length });
      if (stored.length === events.length && stored.every((event, index) => event.id === events[index]?.id)) {
        return { outcome: 'appended', stream, revision: from + events.length - 1, events: stored, repeated: true };
      }
    }
    return { outcome: 'conflict', stream, expected: expectedRevision, actual };
  }

  /** Resolves when there may be something new, or nothing to wait for any more. @param position where the log ended when it was read */
  #moved(position: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        if (this.#waiting.size === 0) this.#stopPolling();
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
      if (this.#poll === undefined) {
        this.#polled = Number(position);
        this.#poll = setInterval(() => this.#look(), POLL_MILLISECONDS);
      }
    });
  }

  #look(): void {
    const head = this.#reader.head();
    if (head === this.#polled) return;
    this.#polled = head;
    this.#wake();
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
    this.#stopPolling();
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
  }
}

/**
 * SQLite's own waiting does not cover the switch to WAL, which several processes may try at once on a new file: they
 * try again until one has done it.
 */
function createSchema(database: DatabaseSync): void {
  const until = Date.now() + BUSY_MILLISECONDS;
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

/** SQLITE_BUSY, also in its extended forms. */
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
  // Another process may have come first: then all of this is there already.
  for (const statement of DDL) database.exec(statement);
  database.exec(`INSERT OR IGNORE INTO log VALUES (1, 0, '${FIRST_PREDECESSOR}')`);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  database.exec('COMMIT');
}

/** False for a new file. One read transaction: what another process is just creating is seen whole or not at all. */
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
    throw new UnreadableStore(`the file has layout ${String(version)}, this program reads layout ${SCHEMA_VERSION}`);
  }
  return true;
}
