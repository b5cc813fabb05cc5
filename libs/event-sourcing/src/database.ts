import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';

import { Kysely, SqliteDialect } from 'kysely';
import type { SqliteDatabase } from 'kysely';

/** How long a statement waits for another process that writes to the same file, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/** Bytes of the write-ahead log to which it is cut back after a checkpoint. */
const WAL_BYTES_MAX = 64 * 1024 * 1024;

/** Tables of any service; each service types its own. */
export type AnyTables = Record<string, Record<string, unknown>>;

/**
 * The read models' database through Kysely: on SQLite, one connection for the process, write-ahead log. Everything in it can be
 * rebuilt from the log, so a commit waits for the operating system and not for the disk.
 *
 * Statements and transactions of concurrent callers queue for the connection: a transaction holds it until it ends, and
 * inside of it only the given `trx` may be used (a query on the database itself would wait for the transaction that waits for it).
 *
 * Integers beyond 2^53 are refused when read; keep amounts and positions as text.
 */
export function openDatabase<Tables = AnyTables>(path: string): Kysely<Tables> {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  database.exec(
    `pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma journal_size_limit = ${WAL_BYTES_MAX}`,
  );
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: asKyselyDatabase(database) }) });
}

/** What Kysely's SQLite driver asks of a database (it is written for better-sqlite3), over `node:sqlite`. */
function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...sqliteValues(parameters)),
        run: (parameters) => statement.run(...sqliteValues(parameters)),
        iterate: (parameters) => statement.iterate(...sqliteValues(parameters)),
      };
    },
  };
}

function sqliteValues(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => {
    // SQLite has no booleans; PostgreSQL's come as themselves.
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return value;
    if (value instanceof Uint8Array) return value;
    throw new TypeError(
      `a parameter of type ${typeof value} cannot be stored: give text, a number, a boolean, bytes or null`,
    );
  });
}
