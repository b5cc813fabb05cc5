import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { SQLInputValue } from 'node:sqlite';

import { Kysely, sql, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  DialectAdapter,
  Driver,
  QueryResult,
  SqliteDatabase,
} from 'kysely';
import { LRUCache } from 'lru-cache';

import type { AnyDatabase } from './migrations.js';
import { PAGE_CACHE_BYTES_MAX, STATEMENTS_MAX } from '../limits.js';

/** How long a statement waits for another connection that writes to the same file, in milliseconds. */
const BUSY_TIMEOUT_MS = 20_000;

/** Pause between two attempts, in milliseconds. */
const BUSY_RETRY_MS = 1;

/** SQLite's primary result code for a file that another connection writes to. */
const SQLITE_BUSY = 5;

/** How long a caller waits for the connection: far longer than any batch takes, so that only a bug exceeds it. */
const ACQUIRE_TIMEOUT_MS = 30_000;

/** Pages (16 MiB) between WAL checkpoints. SQLite's default of 1000 rewrites the same pages far more often. */
const WAL_PAGES_BETWEEN_CHECKPOINTS = 4096;

/** Size to which a checkpoint truncates the write-ahead log. */
const WAL_BYTES_MAX = 64 * 1024 * 1024;

/** Tables of any service; each service types its own. */
export type AnyTables = Record<string, Record<string, unknown>>;

/** The connection stayed in use for too long. */
export class DatabaseBusy extends Error {
  readonly code = 'DatabaseBusy';
  constructor(waitedMs: number) {
    super(
      `the database connection was in use for ${waitedMs} ms: inside a transaction use only its \`trx\`, ` +
        'and read streamed queries to their end',
    );
  }
}

/**
 * Opens the read models' database on SQLite through Kysely: one connection per process, write-ahead log. Everything in
 * it can be rebuilt from the event log, so a commit waits for the operating system and not for the disk.
 *
 * Concurrent callers share the connection: a transaction holds it until it ends. Use only `trx` inside a transaction; a
 * query on the database itself waits for the transaction that waits for it, and fails with {@link DatabaseBusy}.
 *
 * Reading an integer beyond 2^53 fails; store amounts and positions as text.
 *
 * @param path a file, created if missing, or `:memory:`; `''` is a temporary file, deleted with the connection.
 */
export function openDatabase<Tables = AnyTables>(
  path: string,
  {
    acquireTimeoutMs = ACQUIRE_TIMEOUT_MS,
    pageCacheBytes = PAGE_CACHE_BYTES_MAX,
  }: { readonly acquireTimeoutMs?: number | undefined; readonly pageCacheBytes?: number | undefined } = {},
): Kysely<Tables> {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  database.exec(
    `pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma journal_size_limit = ${WAL_BYTES_MAX};
     pragma wal_autocheckpoint = ${WAL_PAGES_BETWEEN_CHECKPOINTS}; pragma cache_size = -${Math.ceil(pageCacheBytes / 1024)}; pragma busy_timeout = 0`,
  );
  return new Kysely<Tables>({ dialect: sqliteDialect(database, acquireTimeoutMs) });
}

/** Kysely's dialect over an open connection. */
export function sqliteDialect(database: DatabaseSync, acquireTimeoutMs = ACQUIRE_TIMEOUT_MS): Dialect {
  return new NodeSqliteDialect(asKyselyDatabase(database), acquireTimeoutMs);
}

/** Holds shadow copies of the live tables for a rebuild: one connection, whose end deletes them. */
export interface ShadowDatabase {
  /** Unqualified table names refer to the copies. */
  readonly db: AnyDatabase;
  /** Gives later transactions access to the live tables. @returns the schema of the live tables. */
  attachLive(): Promise<string>;
}

/** For the live tables in a file of {@link openDatabase}. The copies are SQLite temporary files (`SQLITE_TMPDIR`). */
export function openShadowDatabase(path: string): ShadowDatabase {
  const db = openDatabase('');
  return {
    db,
    async attachLive() {
      // Not earlier: a transaction takes the write lock of every attached database.
      await sql`attach ${path} as live`.execute(db);
      return 'live';
    },
  };
}

type PreparedStatement = ReturnType<SqliteDatabase['prepare']>;

class NodeSqliteDialect extends SqliteDialect {
  constructor(
    private readonly database: SqliteDatabase,
    private readonly acquireTimeoutMs: number,
  ) {
    super({ database });
  }

  override createDriver(): Driver {
    return new QueueingDriver(this.database, this.acquireTimeoutMs);
  }

  override createAdapter(): DialectAdapter {
    return new QueueingAdapter();
  }
}

class QueueingAdapter extends SqliteAdapter {
  /** Turns off Kysely's own queue, which waits without a limit: {@link QueueingDriver} has ours. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** Serialises the migrations of several processes, as a transaction starts with the write lock. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class QueueingDriver extends SqliteDriver {
  private connection: DatabaseConnection | undefined;
  private isInUse = false;
  /** Callers waiting for the connection, in order. */
  private readonly waiting = new Set<() => void>();

  constructor(
    database: SqliteDatabase,
    private readonly acquireTimeoutMs: number,
  ) {
    super({ database });
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    if (this.isInUse) await this.waitForConnection();
    this.isInUse = true;
    return (this.connection ??= new YieldingConnection(await super.acquireConnection()));
  }

  override async releaseConnection(): Promise<void> {
    const next = this.waiting.values().next().value;
    if (next === undefined) this.isInUse = false;
    else {
      // Handed over without being free in between, so that no new caller overtakes the waiting ones.
      this.waiting.delete(next);
      next();
    }
  }

  private waitForConnection(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.waiting.delete(next);
        reject(new DatabaseBusy(this.acquireTimeoutMs));
      }, this.acquireTimeoutMs);
      const next = (): void => {
        clearTimeout(timeout);
        resolve();
      };
      this.waiting.add(next);
    });
  }
}

/**
 * Yields the thread while another connection writes to the file. SQLite's own busy handler would block the thread, and
 * a transaction of another thread lasts as long as what it awaits.
 */
class YieldingConnection implements DatabaseConnection {
  constructor(private readonly connection: DatabaseConnection) {}

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const startedMs = performance.now();
    for (;;) {
      try {
        return await this.connection.executeQuery<Row>(query);
      } catch (error) {
        if (!isBusy(error) || performance.now() - startedMs >= BUSY_TIMEOUT_MS) throw error;
      }
      await pause(BUSY_RETRY_MS);
    }
  }

  streamQuery<Row>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<Row>> {
    return this.connection.streamQuery<Row>(query, chunkSize);
  }
}

function isBusy(error: unknown): boolean {
  return Error.isError(error) && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}

/** Adapts `node:sqlite` to what Kysely's SQLite driver expects, which is written for better-sqlite3. */
function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  const prepared = new LRUCache<string, PreparedStatement>({ max: STATEMENTS_MAX });

  function prepare(sql: string): PreparedStatement {
    // Kysely sends `begin`, but a transaction that reads before it writes could fail because of another process.
    const statement = database.prepare(sql === 'begin' ? 'begin immediate' : sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...sqliteValues(parameters)),
      run: (parameters) => statement.run(...sqliteValues(parameters)),
      // Prepared separately: a caller that stops reading early leaves its statement unfinished.
      iterate: (parameters) => database.prepare(sql).iterate(...sqliteValues(parameters)),
    };
  }

  return {
    close: () => database.close(),
    prepare: (sql) => {
      let statement = prepared.get(sql);
      if (statement === undefined) prepared.set(sql, (statement = prepare(sql)));
      return statement;
    },
  };
}

function sqliteValues(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => {
    // SQLite has no booleans; PostgreSQL stores them as they are.
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return value;
    if (value instanceof Uint8Array) return value;
    throw new TypeError(
      `a parameter of type ${typeof value} cannot be stored: use text, a number, a boolean, bytes or null`,
    );
  });
}
