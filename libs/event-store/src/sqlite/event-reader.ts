/** The reading side of the embedded event store: maps rows to events, and prepares each query once. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { mustBeComplete } from '../complete-stream.js';
import { UnknownPosition } from '../event-store.js';
import type { EventFilter, Page, Position, ReadAllOptions, ReadStreamOptions, StoredEvent } from '../event-store.js';
import type { EventKind } from './recent-events.js';
import type { TruncatedStreamsPage, LogExtent } from '../truncation.js';
import { SCAN_POSITIONS_MAX, PAGE_BYTES_MAX } from '../limits.js';

const EVENT_COLUMNS =
  's.name, e.revision, e.position, e.kind, e.version, e.id, e.occurred_at, e.recorded_at, e.metadata, e.data, e.hash';

/** The content of the file contradicts the schema: something else wrote it. */
export class UnreadableStore extends Error {
  readonly code = 'UnreadableStore';
}

/** The newest event of a stream, as a writer needs it. */
export interface StreamHead {
  /** The integer key of the stream. */
  readonly key: number;
  readonly revision: number;
  readonly hash: string;
}

export class SqliteEventReader {
  readonly #statements = new Map<string, StatementSync>();
  readonly #kinds = new Map<number, EventKind>();
  readonly #kindKeys = new Map<string, Map<string, number>>();
  #recordedAtMilliseconds = 0;
  #recordedAt = new Date(0).toISOString();

  constructor(private readonly database: DatabaseSync) {}

  logExtent(): LogExtent {
    const [row] = this.#rows('SELECT position, hash FROM log', []);
    if (row === undefined) throw new UnreadableStore('the table log has no row');
    // Positions are 1, 2, 3, …: the newest one is the number of events.
    const events = integer(row[0]);
    return { position: BigInt(events), events, hash: text(row[1]) };
  }

  head(): number {
    return integer(this.#rows('SELECT position FROM log', [])[0]?.[0]);
  }

  hashAt(position: number): string | undefined {
    const [row] = this.#rows('SELECT hash FROM events WHERE position = ?', [position]);
    return row === undefined ? undefined : text(row[0]);
  }

  streamHead(stream: string): StreamHead | undefined {
    const [row] = this.#rows(
      `SELECT s.key, h.revision, (SELECT e.hash FROM events e WHERE e.stream = s.key AND e.revision = h.revision)
       FROM streams s JOIN stream_heads h ON h.stream = s.key WHERE s.name = ?`,
      [stream],
    );
    if (row === undefined) return undefined;
    if (row[2] === null)
      throw new UnreadableStore(`the newest event of ${stream}, revision ${String(row[1])}, is missing`);
    return { key: integer(row[0]), revision: integer(row[1]), hash: text(row[2]) };
  }

  /** Names of the streams written after a position: by other processes, if it is the last known one. */
  streamsWrittenAfter(position: number): readonly string[] {
    return this.#rows(
      'SELECT DISTINCT s.name FROM events e CROSS JOIN streams s ON s.key = e.stream WHERE e.position > ?',
      [position],
    ).map((row) => text(row[0]));
  }

  /** Kinds of the events after a position, up to another: one index lookup per existing kind. */
  kindsBetween(after: number, through: number): readonly EventKind[] {
    this.refreshKinds();
    return this.#rows(
      `SELECT k.category, k.type FROM kinds k WHERE EXISTS
         (SELECT 1 FROM events e INDEXED BY events_by_kind WHERE e.kind = k.key AND e.position > ? AND e.position <= ?)`,
      [after, through],
    ).map((row) => ({ category: text(row[0]), type: text(row[1]) }));
  }

  /** Those of the streams that exist, with one query: in a batch of new deals there are none. */
  existing(streams: readonly string[]): readonly string[] {
    if (streams.length === 1) return streams;
    return this.#rows('SELECT name FROM streams WHERE name IN (SELECT value FROM json_each(?))', [
      JSON.stringify(streams),
    ]).map((row) => text(row[0]));
  }

  readStream(stream: string, options: ReadStreamOptions = {}): StoredEvent[] {
    const backwards = options.direction === 'backwards';
    const from = options.from ?? (backwards ? Number.MAX_SAFE_INTEGER : 0);
    const events = this.#events(
      `SELECT ${EVENT_COLUMNS} FROM streams s CROSS JOIN events e INDEXED BY events_by_stream ON e.stream = s.key
       WHERE s.name = ? AND e.revision ${backwards ? '<=' : '>='} ?
       ORDER BY e.revision ${backwards ? 'DESC' : 'ASC'} LIMIT ?`,
      [stream, from, options.limit ?? -1],
    );
    mustBeComplete(stream, events, options);
    return events;
  }

  /** @throws {UnknownPosition} */
  readAll(options: ReadAllOptions): Page {
    const after = Number(options.after ?? 0n);
    const head = this.head();
    if (after < 0 || after > head) throw new UnknownPosition(options.after ?? 0n, BigInt(head));
    if (after >= head) return { events: [], through: options.after ?? 0n, end: true };
    if (options.filter?.categories === undefined && options.filter?.types === undefined) {
      const events = this.#events(
        `SELECT ${EVENT_COLUMNS} FROM events e CROSS JOIN streams s ON s.key = e.stream
         WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT ?`,
        [after, head, options.limit],
        PAGE_BYTES_MAX,
      );
      return page(events, options.limit, head, head);
    }
    const until = Math.min(head, after + SCAN_POSITIONS_MAX);
    return page(this.#matching(options.filter, after, until, options.limit), options.limit, until, head);
  }

  truncatedStreams(after: number, limit: number): TruncatedStreamsPage {
    const rows = this.#rows(
      `SELECT h.stream, h.revision, coalesce((SELECT max(e.revision) FROM events e WHERE e.stream = h.stream), -1),
              coalesce(s.name, '?')
       FROM stream_heads h LEFT JOIN streams s ON s.key = h.stream WHERE h.stream > ? ORDER BY h.stream LIMIT ?`,
      [after, limit],
    );
    const truncatedStreams = rows
      .filter((row) => row[1] !== row[2])
      .map((row) => ({ stream: text(row[3]), recordedRevision: integer(row[1]), foundRevision: integer(row[2]) }));
    const last = rows.at(-1);
    const next = rows.length === limit && last ? integer(last[0]) : undefined;
    return { truncatedStreams, streamsChecked: rows.length, next };
  }

  kindKey(category: string, type: string): number | undefined {
    return this.#kindKeys.get(category)?.get(type);
  }

  /** Reads only newer kinds, as existing ones never change. */
  refreshKinds(): void {
    for (const row of this.#rows('SELECT key, category, type FROM kinds WHERE key > ? ORDER BY key', [
      this.#kinds.size,
    ])) {
      const key = integer(row[0]);
      const kind = { category: text(row[1]), type: text(row[2]) };
      this.#kinds.set(key, kind);
      const ofCategory = this.#kindKeys.get(kind.category);
      if (ofCategory === undefined) this.#kindKeys.set(kind.category, new Map([[kind.type, key]]));
      else ofCategory.set(kind.type, key);
    }
  }

  /** For kinds that were read in a transaction that was rolled back. */
  clearKinds(): void {
    this.#kinds.clear();
    this.#kindKeys.clear();
  }

  /** The ISO 8601 text. Caches the last one, as the events of a transaction share it. */
  recordedAt(milliseconds: number): string {
    if (milliseconds !== this.#recordedAtMilliseconds) {
      this.#recordedAt = new Date(milliseconds).toISOString();
      this.#recordedAtMilliseconds = milliseconds;
    }
    return this.#recordedAt;
  }

  /**
   * Scans the log in stretches of doubling length: if much matches, a short stretch fills the page; if little does, a
   * few queries cover much. Within a stretch, the positions of each kind come from the index.
   */
  #matching(filter: EventFilter, after: number, until: number, limit: number): StoredEvent[] {
    const kinds = this.#kindsOf(filter);
    const events: StoredEvent[] = [];
    if (kinds.length === 0) return events;
    let bytesLeft = PAGE_BYTES_MAX;
    for (let from = after, length = 2 * limit; from < until && events.length < limit && bytesLeft > 0; length *= 2) {
      const to = Math.min(until, from + length);
      for (const event of this.#matchingBetween(kinds, from, to, limit - events.length, bytesLeft)) {
        events.push(event);
        bytesLeft -= event.dataText.length;
      }
      from = to;
    }
    return events;
  }

  #kindsOf({ categories, types }: EventFilter): readonly number[] {
    this.refreshKinds();
    const keys: number[] = [];
    for (const [key, { category, type }] of this.#kinds) {
      if ((categories?.includes(category) ?? true) && (types?.includes(type) ?? true)) keys.push(key);
    }
    return keys;
  }

  #matchingBetween(kinds: readonly number[], from: number, to: number, limit: number, bytesMax: number): StoredEvent[] {
    const positions = kinds.map(
      (_, index) =>
        `SELECT position FROM events INDEXED BY events_by_kind WHERE kind = ?${index + 4} AND position > ?1 AND position <= ?2`,
    );
    return this.#events(
      `SELECT ${EVENT_COLUMNS} FROM (${positions.join(' UNION ALL ')} ORDER BY position LIMIT ?3) m
       CROSS JOIN events e ON e.position = m.position CROSS JOIN streams s ON s.key = e.stream ORDER BY m.position`,
      [from, to, limit, ...kinds],
      bytesMax,
    );
  }

  /** @param bytesMax ends with the event that reaches it; by default there is no limit */
  #events(sql: string, parameters: readonly SQLInputValue[], bytesMax?: number): StoredEvent[] {
    const events: StoredEvent[] = [];
    if (bytesMax === undefined) {
      for (const row of this.#rows(sql, parameters)) events.push(this.#event(row));
      return events;
    }
    let bytes = 0;
    for (const row of this.#statement(sql).iterate(...parameters)) {
      if (!Array.isArray(row)) continue;
      const event = this.#event(row);
      events.push(event);
      bytes += event.dataText.length;
      if (bytes >= bytesMax) break;
    }
    return events;
  }

  #event(row: readonly unknown[]): StoredEvent {
    const kindKey = integer(row[3]);
    let kind = this.#kinds.get(kindKey);
    if (kind === undefined) {
      this.refreshKinds();
      // Returned even without its kind, so that a verification can report it.
      kind = this.#kinds.get(kindKey) ?? { category: '', type: `(unknown kind ${kindKey})` };
    }
    return {
      stream: text(row[0]),
      revision: integer(row[1]),
      position: BigInt(integer(row[2])),
      type: isOfCategory(row[0], kind.category) ? kind.type : `${kind.type} (filed under ${kind.category})`,
      version: integer(row[4]),
      id: text(row[5]),
      occurredAt: text(row[6]),
      recordedAt: this.recordedAt(integer(row[7])),
      metadataText: text(row[8]),
      dataText: text(row[9]),
      hash: text(row[10]),
    };
  }

  #rows(sql: string, parameters: readonly SQLInputValue[]): readonly (readonly unknown[])[] {
    const rows: readonly unknown[] = this.#statement(sql).all(...parameters);
    return areArrays(rows) ? rows : [];
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function page(events: readonly StoredEvent[], limit: number, until: number, head: number): Page {
  const last = events.at(-1);
  const isFull = events.length === limit || charactersOf(events) >= PAGE_BYTES_MAX;
  const through: Position = isFull && last !== undefined ? last.position : BigInt(until);
  return { events, through, end: through >= BigInt(head) };
}

function charactersOf(events: readonly StoredEvent[]): number {
  return events.reduce((sum, { dataText }) => sum + dataText.length, 0);
}

/** False for an event that was moved to another category after it was hashed: its `type` then shows that. */
function isOfCategory(stream: unknown, category: string): boolean {
  if (typeof stream !== 'string' || !stream.startsWith(category)) return false;
  return stream.length === category.length || stream[category.length] === '-';
}

/** `setReturnArrays(true)` applies to all rows, so checking the first is enough. */
function areArrays(rows: readonly unknown[]): rows is readonly (readonly unknown[])[] {
  return rows.length === 0 || Array.isArray(rows[0]);
}

function text(cell: unknown): string {
  if (typeof cell !== 'string') throw new UnreadableStore(`expected text, found ${String(cell)}`);
  return cell;
}

function integer(cell: unknown): number {
  if (typeof cell !== 'number') throw new UnreadableStore(`expected a number, found ${String(cell)}`);
  return cell;
}
