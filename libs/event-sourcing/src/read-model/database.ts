import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { SQLInputValue } from 'node:sqlite';

import { Kysely, sql, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { CompiledQuery, DatabaseConnection, DialectAdapter, Driver, QueryResult, SqliteDatabase } from 'kysely';
import { LRUCache } from 'lru-cache';

import type { AnyDatabase } from './migrations.js';

/** How long a statement waits for another connection that writes to the same file, in milliseconds. */
const BUSY_TIMEOUT_MS = 20_000;

/** After how many milliseconds it looks again. */
const BUSY_LOOK_MS = 1;

/** SQLite's primary result code for a file that another connection writes to. */
const SQLITE_BUSY = 5;

/** How long a caller waits for the connection: far longer than any batch takes, so that only a mistake gets there. */
const TURN_TIMEOUT_MS = 30_000;

/** Pages of the write-ahead log (16 MiB) after which it is carried over into the file: with SQLite's own 1000, the same pages are written far more often. */
const WAL_PAGES_BETWEEN_CHECKPOINTS = 4096;

/** Memory for pages of the file, in KiB. */
const CACHE_KIB = 16 * 1024;

/** Statements kept prepared, by their text; Kysely asks for each anew every time. */
const STATEMENTS_MAX = 200;

/** Bytes of the write-ahead log to which it is cut back after a checkpoint. */
const WAL_BYTES_MAX = 64 * 1024 * 1024;

/** Tables of any service; each service types its own. */
export type AnyTables = Record<string, Record<string, unknown>>;

/** The connection was not free for a long time. */
export class DatabaseBusy extends Error {
  readonly code = 'DatabaseHeld';
  constructor(waitedMs: number) {
    super(
      `the database was not free for ${waitedMs} ms: inside of a transaction only its \`trx\` may be used, and a streamed query holds the connection to its end`,
    );
  }
}

/**
 * The read models' database through Kysely: on SQLite, one connection for the process, write-ahead log. Everything in
 * it can be rebuilt from the log, so a commit waits for the operating system and not for the disk.
 *
 * Statements and transactions of concurrent callers take turns at the connection: a transaction holds it until it ends,
 * and inside of it only the given `trx` may be used (a query on the database itself would wait for the transaction that
 * waits for it: {@link DatabaseBusy}).
 *
 * Integers beyond 2^53 are refused when read; keep amounts and positions as text.
 *
 * @param path a file, made where there is none, or `:memory:`; `''` is a file without a name, gone with the connection.
 */
export function openDatabase<Tables = AnyTables>(
  path: string,
  { turnTimeoutMs = TURN_TIMEOUT_MS }: { readonly turnTimeoutMs?: number } = {},
): Kysely<Tables> {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  database.exec(
    `pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma journal_size_limit = ${WAL_BYTES_MAX};
     pragma wal_autocheckpoint = ${WAL_PAGES_BETWEEN_CHECKPOINTS}; pragma cache_size = -${CACHE_KIB}; pragma busy_timeout = 0`,
  );
  return new Kysely<Tables>({ dialect: new NodeSqliteDialect(asKyselyDatabase(database), turnTimeoutMs) });
}

/** A place for copies of tables beside the live ones: one connection, and gone with it, however it ends. */
export interface ShadowDatabase {
  /** In it, the bare name of a table is that of the copy. */
  readonly db: AnyDatabase;
  /** Lets transactions that begin afterwards name the live tables too. @returns their schema */
  attachLive(): Promise<string>;
}

/** The place beside the tables in a file of {@link openDatabase}; it grows where SQLite keeps temporary files (`SQLITE_TMPDIR`). */
export function openShadowDatabase(path: string): ShadowDatabase {
  const db = openDatabase('');
  return {
    db,
    async attachLive() {
      // Not before: a transaction begins as one that writes to all that is attached.
      await sql`attach ${path} as live`.execute(db);
      return 'live';
    },
  };
}

type PreparedStatement = ReturnType<SqliteDatabase['prepare']>;

class NodeSqliteDialect extends SqliteDialect {
  constructor(
    private readonly database: SqliteDatabase,
    private readonly turnTimeoutMs: number,
  ) {
    super({ database });
  }

  override createDriver(): Driver {
    return new OneConnection(this.database, this.turnTimeoutMs);
  }

  override createAdapter(): DialectAdapter {
    return new TurnsInDriver();
  }
}

/** Kysely's own queue for one connection waits for ever; ours is in the driver. */
class TurnsInDriver extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  /** In a transaction, migrations of several processes come one after the other: it begins as one that writes. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class OneConnection extends SqliteDriver {
  private connection: DatabaseConnection | undefined;
  private held = false;
  /** Who waits for the connection, in order. */
  private readonly waiting = new Set<() => void>();

  constructor(
    database: SqliteDatabase,
    private readonly turnTimeoutMs: number,
  ) {
    super({ database });
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    if (this.held) await this.turn();
    this.held = true;
    return (this.connection ??= new YieldingConnection(await super.acquireConnection()));
  }

  override async releaseConnection(): Promise<void> {
    const next = this.waiting.values().next().value;
    if (next === undefined) this.held = false;
    else {
      // Handed over without being free in between, so that nobody gets in before who waits.
      this.waiting.delete(next);
      next();
    }
  }

  private turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.waiting.delete(next);
        reject(new DatabaseBusy(this.turnTimeoutMs));
      }, this.turnTimeoutMs);
      const next = (): void => {
        clearTimeout(timeout);
        resolve();
      };
      this.waiting.add(next);
    });
  }
}

/**
 * Gives the thread back while another connection writes to the file. SQLite's own waiting would hold the thread, and a transaction of another
 * thread lasts as long as what is awaited in it.
 */
class YieldingConnection implements DatabaseConnection {
  constructor(private readonly connection: DatabaseConnection) {}

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const begun = performance.now();
    for (;;) {
      try {
        return await this.connection.executeQuery<Row>(query);
      } catch (error) {
        if (!isBusy(error) || performance.now() - begun >= BUSY_TIMEOUT_MS) throw error;
      }
      await pause(BUSY_LOOK_MS);
    }
  }

  streamQuery<Row>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<Row>> {
    return this.connection.streamQuery<Row>(query, chunkSize);
  }
}

function isBusy(error: unknown): boolean {
  return Error.isError(error) && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}

/** What Kysely's SQLite driver asks of a database (it is written for better-sqlite3), over `node:sqlite`. */
function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  const prepared = new LRUCache<string, PreparedStatement>({ max: STATEMENTS_MAX });

  function prepare(sql: string): PreparedStatement {
    // Kysely begins a transaction with `begin`; one that reads first and then writes could lose against another process.
    const statement = database.prepare(sql === 'begin' ? 'begin immediate' : sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...sqliteValues(parameters)),
      run: (parameters) => statement.run(...sqliteValues(parameters)),
      // A statement of its own: whoever stops reading early leaves it in the middle.
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
