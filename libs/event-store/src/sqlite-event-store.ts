/**
 * The embedded event store: one SQLite file, through Node's own `node:sqlite`. Writers of other processes are kept apart by SQLite's
 * write lock, so the global order is the order of commits and never fills a gap later.
 */
import { hash as digest } from 'node:crypto';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { canonicalJson } from './canonical-json.js';
import { CHAIN_START } from './chain.js';
import {
  APPEND_BYTES_MAX,
  categoryOf,
  EventTooLarge,
  type Append,
  type AppendResult,
  type EventFilter,
  type EventStore,
  type Page,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
  type SubscribeOptions,
} from './event-store.js';
import { INSERT_EVENT, PRAGMAS, TABLES } from './schema.js';

/** How often a subscription looks for what another process has written; writes of this process wake it at once. */
const POLL_MS = 100;
/** Events that one page looks through at the most: a filter that nothing matches must not hold up the process. */
const SCAN_MAX = 20_000n;
/** Tips of streams held in memory: some 200 bytes each. */
const TIPS_MAX = 100_000;

/** The newest revision of a stream (−1: none) and its hash. */
interface Tip {
  readonly id: number;
  readonly category: number;
  revision: number;
  hash: string;
}

export interface StreamTip {
  readonly stream: string;
  readonly revision: number;
  readonly hash: string;
}

interface Row {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly type: number;
  readonly version: number;
  readonly recorded_at: number;
  readonly id: string;
  readonly occurred_at: string;
  readonly metadata: string;
  readonly data: string;
  readonly hash: Uint8Array;
}

/** @param path a file, made where there is none, or `:memory:`. */
export function openSqliteEventStore(path: string): SqliteEventStore {
  return new SqliteEventStore(path);
}

export class SqliteEventStore implements EventStore {
  private readonly database: DatabaseSync;
  private readonly insertEvent: StatementSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly tips = new Map<string, Tip>();
  private readonly types: NameTable;
  private readonly categories: NameTable;
  private readonly sleepers = new Set<() => void>();
  private dataVersion = -1;
  private closed = false;

  constructor(path: string) {
    this.database = new DatabaseSync(path);
    this.database.exec(PRAGMAS);
    this.database.exec(TABLES);
    this.insertEvent = this.database.prepare(INSERT_EVENT);
    this.types = new NameTable(this.database, 'types');
    this.categories = new NameTable(this.database, 'categories');
  }

  async append(append: Append): Promise<AppendResult> {
    const [result] = await this.appendMany([append]);
    if (!result) throw new Error('an append without a result');
    return result;
  }

  async appendMany(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    const prepared = appends.map(prepare);
    if (new Set(appends.map(({ stream }) => stream)).size < appends.length) throw new TypeError('a stream stands twice in one call of appendMany');
    this.database.exec('BEGIN IMMEDIATE');
    try {
      this.forgetWhatOthersChanged();
      let position = Number(this.statement('SELECT coalesce(max(position), 0) AS head FROM events').get()?.['head']);
      const recordedAtMs = Date.now();
      const results = prepared.map((one): AppendResult => {
        const result = this.appendOne(one, position, recordedAtMs);
        if (result.outcome === 'appended' && !result.repeated) position += result.events.length;
        return result;
      });
      this.database.exec('COMMIT');
      this.wake();
      return results;
    } catch (error) {
      this.database.exec('ROLLBACK');
      this.tips.clear();
      this.types.forget();
      this.categories.forget();
      throw error;
    }
  }

  private appendOne({ stream, expected, events }: PreparedAppend, head: number, recordedAtMs: number): AppendResult {
    const tip = this.tipOf(stream);
    const actual = tip?.revision ?? -1;
    if (actual !== expected) {
      const stored = this.sameAsStored(stream, expected, events);
      if (stored) return { outcome: 'appended', stream, revision: expected + events.length, events: stored, repeated: true };
      const named = (revision: number): number | 'no-stream' => (revision === -1 ? 'no-stream' : revision);
      return { outcome: 'conflict', stream, expected: named(expected), actual: named(actual) };
    }
    const { id, category, revision, hash } = tip ?? this.createStream(stream);
    const recordedAt = new Date(recordedAtMs).toISOString();
    const streamText = JSON.stringify(stream);
    let previous = hash;
    let next = revision;
    let position = head;
    let hashBytes: Uint8Array = new Uint8Array();
    const stored = events.map((event): StoredEvent => {
      next += 1;
      position += 1;
      // The same text as `eventHash` hashes, with what repeats serialised once.
      const identity = `[${streamText},${next},${JSON.stringify(event.id)},${JSON.stringify(event.type)},${event.version},${JSON.stringify(event.occurredAt)}]`;
      const bytes = digest('sha256', `${previous}\n${identity}\n${event.metadataText}\n${event.dataText}`, 'buffer');
      hashBytes = bytes;
      previous = bytes.toString('hex');
      this.insertEvent.run(
        position,
        id,
        next,
        category,
        this.types.idOf(event.type),
        event.version,
        recordedAtMs,
        event.id,
        event.occurredAt,
        event.metadataText,
        event.dataText,
        bytes,
      );
      return {
        stream,
        revision: next,
        position: BigInt(position),
        recordedAt,
        id: event.id,
        type: event.type,
        version: event.version,
        occurredAt: event.occurredAt,
        metadataText: event.metadataText,
        dataText: event.dataText,
        hash: previous,
      };
    });
    this.statement('UPDATE streams SET revision = ?, hash = ? WHERE id = ?').run(next, hashBytes, id);
    this.remember(stream, { id, category, revision: next, hash: previous });
    return { outcome: 'appended', stream, revision: next, events: stored, repeated: false };
  }

  /** The stored events, where an append of the same ids at the same place is a repetition. */
  private sameAsStored(stream: string, expected: number, events: readonly PreparedEvent[]): StoredEvent[] | undefined {
    const stored = this.rowsOfStream(stream, `AND e.revision > ? ORDER BY e.revision LIMIT ?`, expected, events.length);
    const same = stored.length === events.length && stored.every((event, index) => event.id === events[index]?.id);
    return same ? stored : undefined;
  }

  async readStream(stream: string, options: ReadStreamOptions = {}): Promise<readonly StoredEvent[]> {
    const limit = options.limit ?? -1;
    return options.direction === 'backwards'
      ? this.rowsOfStream(stream, 'AND e.revision <= ? ORDER BY e.revision DESC LIMIT ?', options.from ?? Number.MAX_SAFE_INTEGER, limit)
      : this.rowsOfStream(stream, 'AND e.revision >= ? ORDER BY e.revision LIMIT ?', options.from ?? 0, limit);
  }

  async readStreams(streams: readonly string[]): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
    const found = new Map<string, readonly StoredEvent[]>();
    for (const stream of new Set(streams)) {
      const events = this.rowsOfStream(stream, 'ORDER BY e.revision');
      if (events.length > 0) found.set(stream, events);
    }
    return found;
  }

  async readAll({ after = 0n, filter, limit }: ReadAllOptions): Promise<Page> {
    const where = this.whereOf(filter);
    // The head is read first: what is committed between the two reads is not skipped.
    const head = await this.head();
    const until = head < after + SCAN_MAX ? head : after + SCAN_MAX;
    const events = this.rows(`WHERE e.position > ? AND e.position <= ? ${where} ORDER BY e.position LIMIT ?`, Number(after), Number(until), limit);
    const last = events.at(-1);
    if (last && events.length === limit) return { events, through: last.position, end: last.position === head };
    return { events, through: until > after ? until : after, end: until === head };
  }

  async *subscribe({ after = 0n, filter, batchSize, signal }: SubscribeOptions): AsyncIterable<Page> {
    let from = after;
    while (!signal.aborted && !this.closed) {
      const page = await this.readAll({ after: from, limit: batchSize, ...(filter ? { filter } : {}) });
      if (page.through > from) {
        from = page.through;
        yield page;
      } else await this.sleep(signal);
    }
  }

  async head(): Promise<Position> {
    return BigInt(Number(this.statement('SELECT coalesce(max(position), 0) AS head FROM events').get()?.['head']));
  }

  /** The tip of each stream as the store's own books have it, in pages by the stream's number: `verifyLog` compares. */
  async *streamTips(): AsyncIterable<readonly StreamTip[]> {
    for (let after = 0; ; ) {
      const rows = this.statement('SELECT id, name, revision, hash FROM streams WHERE id > ? ORDER BY id LIMIT 1000').all(after);
      if (rows.length === 0) return;
      yield rows.map((row) => ({ stream: String(row['name']), revision: Number(row['revision']), hash: hexOf(row['hash']) }));
      after = Number(rows.at(-1)?.['id']);
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.wake();
    this.database.close();
  }

  private rowsOfStream(stream: string, rest: string, ...parameters: SQLInputValue[]): StoredEvent[] {
    const found = this.tips.get(stream) ?? this.statement('SELECT id FROM streams WHERE name = ?').get(stream);
    return found ? this.rows(`WHERE e.stream = ? ${rest}`, Number(found.id), ...parameters) : [];
  }

  private rows(where: string, ...parameters: SQLInputValue[]): StoredEvent[] {
    const rows = this.statement(
      `SELECT e.position, s.name AS stream, e.revision, e.type, e.version, e.recorded_at, e.id, e.occurred_at, e.metadata, e.data, e.hash
       FROM events e JOIN streams s ON s.id = e.stream ${where}`,
    ).all(...parameters) as unknown as Row[];
    return rows.map((row) => ({
      stream: row.stream,
      revision: row.revision,
      position: BigInt(row.position),
      recordedAt: new Date(row.recorded_at).toISOString(),
      id: row.id,
      type: this.types.nameOf(row.type),
      version: row.version,
      occurredAt: row.occurred_at,
      metadataText: row.metadata,
      dataText: row.data,
      hash: hexOf(row.hash),
    }));
  }

  /** Names that the store has never seen match nothing. */
  private whereOf(filter: EventFilter | undefined): string {
    const among = (column: string, names: readonly string[] | undefined, table: NameTable): string =>
      names === undefined ? '' : `AND ${column} IN (${names.map((name) => table.find(name)).filter((id) => id !== undefined).join(',')})`;
    return `${among('e.category', filter?.categories, this.categories)} ${among('e.type', filter?.types, this.types)}`;
  }

  private tipOf(stream: string): Tip | undefined {
    const known = this.tips.get(stream);
    if (known) return known;
    const row = this.statement('SELECT id, category, revision, hash FROM streams WHERE name = ?').get(stream);
    return row && { id: Number(row['id']), category: Number(row['category']), revision: Number(row['revision']), hash: hexOf(row['hash']) };
  }

  private createStream(stream: string): Tip {
    const category = this.categories.idOf(categoryOf(stream));
    const { lastInsertRowid } = this.statement('INSERT INTO streams (name, category, revision, hash) VALUES (?, ?, -1, ?)').run(stream, category, new Uint8Array(32));
    return { id: Number(lastInsertRowid), category, revision: -1, hash: CHAIN_START };
  }

  private remember(stream: string, tip: Tip): void {
    if (this.tips.size >= TIPS_MAX && !this.tips.has(stream)) {
      const [oldest] = this.tips.keys();
      if (oldest !== undefined) this.tips.delete(oldest);
    }
    this.tips.set(stream, tip);
  }

  /** Inside the write lock: where another connection has committed since, what is held in memory may be stale. */
  private forgetWhatOthersChanged(): void {
    const version = Number(this.statement('PRAGMA data_version').get()?.['data_version']);
    if (version === this.dataVersion) return;
    this.tips.clear();
    this.dataVersion = version;
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }

  private wake(): void {
    for (const sleeper of [...this.sleepers]) sleeper();
  }

  private sleep(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.sleepers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, POLL_MS);
      signal.addEventListener('abort', done);
      this.sleepers.add(done);
    });
  }
}

/** A small table of names with integer keys, held in memory. */
class NameTable {
  private readonly ids = new Map<string, number>();
  private readonly names = new Map<number, string>();

  constructor(
    private readonly database: DatabaseSync,
    private readonly table: 'types' | 'categories',
  ) {}

  /** Makes the name known. Only inside the write lock. */
  idOf(name: string): number {
    const known = this.find(name);
    if (known !== undefined) return known;
    const { lastInsertRowid } = this.database.prepare(`INSERT INTO ${this.table} (name) VALUES (?)`).run(name);
    this.remember(Number(lastInsertRowid), name);
    return Number(lastInsertRowid);
  }

  find(name: string): number | undefined {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const row = this.database.prepare(`SELECT id FROM ${this.table} WHERE name = ?`).get(name);
    if (row) this.remember(Number(row['id']), name);
    return row && Number(row['id']);
  }

  nameOf(id: number): string {
    const known = this.names.get(id);
    if (known !== undefined) return known;
    const row = this.database.prepare(`SELECT name FROM ${this.table} WHERE id = ?`).get(id);
    // Reached only where somebody changed the file: the chain will say so.
    if (!row) return `unknown ${this.table} ${id}`;
    this.remember(id, String(row['name']));
    return String(row['name']);
  }

  /** After a rollback: a name given inside the transaction is gone. */
  forget(): void {
    this.ids.clear();
    this.names.clear();
  }

  private remember(id: number, name: string): void {
    this.ids.set(name, id);
    this.names.set(id, name);
  }
}

interface PreparedEvent {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly occurredAt: string;
  readonly metadataText: string;
  readonly dataText: string;
}

interface PreparedAppend {
  readonly stream: string;
  /** −1 for no stream. */
  readonly expected: number;
  readonly events: readonly PreparedEvent[];
}

/** The texts of an append, before any lock is taken. @throws {EventTooLarge} @throws {TypeError} for what is no JSON. */
function prepare({ stream, expectedRevision, events }: Append): PreparedAppend {
  if (events.length === 0) throw new TypeError(`an append to ${stream} without events`);
  let bytes = 0;
  const prepared = events.map((event): PreparedEvent => {
    const metadataText = canonicalJson(event.metadata);
    const dataText = canonicalJson(event.data);
    bytes += Buffer.byteLength(metadataText) + Buffer.byteLength(dataText);
    return { id: event.id, type: event.type, version: event.version, occurredAt: event.occurredAt, metadataText, dataText };
  });
  if (bytes > APPEND_BYTES_MAX) throw new EventTooLarge(stream, bytes);
  return { stream, expected: expectedRevision === 'no-stream' ? -1 : expectedRevision, events: prepared };
}

function hexOf(bytes: unknown): string {
  return bytes instanceof Uint8Array ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') : '';
}
