/**
 * The tables of the embedded event store, as constants: the adapter creates them from here, and a benchmark inserts the
 * same bytes barely into the same table with the same pragmas (`INSERT_EVENT`).
 *
 * - `events` is the log itself. `position` is the global order: 1, 2, 3, …, given under the write lock, so that no gap
 *   ever fills later. Streams and kinds are integers: a text key in two indexes cost most of an insert (facts measured
 *   before the design). Ids are not indexed: they are random, and idempotence goes by stream and revision.
 * - `kinds` names category × type once; one index on (kind, position) serves filters by either.
 * - `tips` says how far each stream went and `log` how far all did, so that a deleted tail is noticed. Tips hold a revision only: a
 *   hash a stream as well halved the speed of inserts, and the hash of the newest event of the log closes the chain.
 */

/** Version of this layout, kept in `user_version`. */
export const SCHEMA_VERSION = 1;

/** `application_id` of the file: 'TANT'. */
export const APPLICATION_ID = 0x54414e54;

/** Before the tables: an SQLite page takes its size when the file is born. 8 KiB pages insert a fifth faster than 4 KiB. */
export const FILE_PRAGMAS: readonly string[] = ['PRAGMA page_size = 8192', 'PRAGMA journal_mode = WAL'];

/**
 * For every connection. FULL: a commit that was answered survives a power failure. The cache is limited (in KiB, hence
 * the sign), so that memory does not grow with the log; a checkpoint every 32 MiB of WAL (4,096 pages) keeps writes sequential.
 */
export const CONNECTION_PRAGMAS: readonly string[] = [
  'PRAGMA synchronous = FULL',
  'PRAGMA cache_size = -32768',
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

/** Everything, in the order of creation. */
export const DDL: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS streams (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT',
  'CREATE TABLE IF NOT EXISTS tips (stream INTEGER PRIMARY KEY, revision INTEGER NOT NULL) STRICT',
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

/** One event: position, stream key, revision, kind key, version, id, occurred_at, recorded_at (ms), metadata, data, hash. */
export const INSERT_EVENT = 'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** One row of `events`, in the order of its columns. */
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
