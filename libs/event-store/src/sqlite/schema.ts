/**
 * The tables of the embedded event store, as constants: the adapter creates them, and a benchmark inserts the same
 * bytes into the same table with the same pragmas, without the adapter (`INSERT_EVENT`).
 *
 * - `events` is the log. `position` is the global order: 1, 2, 3, …, assigned under the write lock, so that no gap is
 *   ever filled later. Streams and kinds are integers: text keys in two indexes cost most of an insert. Ids are not
 *   indexed: they are random, and idempotence is decided by stream and revision.
 * - `kinds` has each pair of category and type once; the index on (kind, position) serves filters by either.
 * - `stream_heads` records the extent of each stream and `log` that of the whole log, so that a deleted tail is
 *   noticed. A stream head has only a revision: a hash per stream halved the insert rate, and the hash of the newest
 *   event in `log` completes the chain.
 */

/** Version of this layout, stored in `user_version`. */
export const SCHEMA_VERSION = 2;

/** `application_id` of the file: 'TANT'. */
export const APPLICATION_ID = 0x54414e54;

/** Set before the tables exist, as the page size is fixed at creation. 8 KiB pages insert a fifth faster than 4 KiB. */
export const FILE_PRAGMAS: readonly string[] = ['PRAGMA page_size = 8192', 'PRAGMA journal_mode = WAL'];

/**
 * Set for every connection, besides the size of its cache. FULL: an acknowledged commit survives a power failure. A
 * checkpoint every 32 MiB of WAL (4,096 pages) keeps writes sequential.
 */
export const CONNECTION_PRAGMAS: readonly string[] = [
  'PRAGMA synchronous = FULL',
  'PRAGMA wal_autocheckpoint = 4096',
  'PRAGMA journal_size_limit = 67108864',
  'PRAGMA foreign_keys = OFF',
];

export const EVENTS_TABLE = `CREATE TABLE IF NOT EXISTS events (
  position INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  version INTEGER NOT NULL,
  id TEXT NOT NULL,
  occurred_at TEXT NOT NULL,
  recorded_at INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  data TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT`;

export const EVENTS_BY_STREAM = 'CREATE UNIQUE INDEX IF NOT EXISTS events_by_stream ON events (stream, revision)';
export const EVENTS_BY_KIND = 'CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, position)';

/** All statements, in order. */
export const DDL: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS streams (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT',
  'CREATE TABLE IF NOT EXISTS stream_heads (stream INTEGER PRIMARY KEY, revision INTEGER NOT NULL) STRICT',
  `CREATE TABLE IF NOT EXISTS kinds (
  key INTEGER PRIMARY KEY, category TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (category, type)
) STRICT`,
  EVENTS_TABLE,
  EVENTS_BY_STREAM,
  EVENTS_BY_KIND,
  `CREATE TABLE IF NOT EXISTS log (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1), position INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT`,
];

/** Inserts an {@link EventRow}. */
export const INSERT_EVENT = 'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** A row of `events`, in the order of its columns. */
export type EventRow = readonly [
  position: number,
  stream: number,
  revision: number,
  kind: number,
  version: number,
  id: string,
  occurredAt: string,
  recordedAtMilliseconds: number,
  metadata: string,
  data: string,
  hash: string,
];
