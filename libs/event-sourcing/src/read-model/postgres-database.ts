/** The read models' database in PostgreSQL: services send it the same queries as SQLite. */
import { DataTypeNode, Kysely, PostgresDialect, PostgresQueryCompiler, sql } from 'kysely';
import type { ColumnDefinitionNode, QueryCompiler } from 'kysely';
import pg from 'pg';

import type { AnyTables, ShadowDatabase } from './database.js';

/**
 * Connections per process. A background process uses one at a time, and a server allows 100 by default: two replicas of
 * five services stay far below.
 */
const CONNECTIONS_MAX = 5;

/** How long a caller waits for a new or a pooled connection, in milliseconds: as long as on SQLite. */
const CONNECT_MS_MAX = 30_000;

/**
 * Opens without connecting: the first query shows whether the server is reachable, and every query after a failure
 * tries again.
 *
 * Transactions of concurrent callers run in parallel (`read committed`). To read and then write, lock the row first or
 * compare and set, as with several processes on one SQLite file.
 *
 * Text is compared by code point, as in SQLite: columns are created with `collate "C"`, whatever the collation of the
 * database. Reading an integer beyond 2^53 fails. PostgreSQL's text cannot hold a NUL, which is stored as U+FFFD.
 *
 * @param url `postgres://user:password@host:5432/database?sslmode=…`; no error quotes the password.
 * @param onError receives the errors of idle connections that broke; the next query opens another one.
 */
export function openPostgresDatabase<Tables = AnyTables>(url: string, onError: (error: Error) => void): Kysely<Tables> {
  const pool = new pg.Pool({ ...connectionOf(url), max: CONNECTIONS_MAX });
  pool.on('error', onError);
  // A connection that breaks during a transaction fails the query and also emits an error, which would end the process.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return new Kysely<Tables>({ dialect: new Dialect({ pool }) });
}

/** For the live tables of {@link openPostgresDatabase}. The copies are temporary tables, dropped with the session. */
export async function openPostgresShadowDatabase(url: string): Promise<ShadowDatabase> {
  const client = new pg.Client(connectionOf(url));
  // A connection that breaks fails the next query too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ live: string | null }>('select current_schema() as live');
    const live = rows[0]?.live;
    if (live === null || live === undefined)
      throw new Error("no schema of the database's search_path exists: create one, or change search_path");
    await client.query('set search_path = pg_temp');
    // Never a second connection: without this search path, the names would refer to the live tables.
    const session = Object.assign(client, { release: () => undefined });
    const pool = { options: {}, connect: async () => session, end: () => client.end() };
    return { db: new Kysely({ dialect: new Dialect({ pool }) }), attachLive: async () => live };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** The options of every connection. */
export function connectionOf(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'tantieme',
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
    types: { getTypeParser: typeParserOf },
  };
}

const BIGINT: number = pg.types.builtins.INT8;

/** Parses `bigint`, also the type of `count`, as a number, as SQLite does. */
function typeParserOf(type: number, format?: 'text' | 'binary'): unknown {
  if (type === BIGINT && format !== 'binary') return safeInteger;
  return pg.types.getTypeParser(type, format);
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the integer ${text} exceeds 2^53: store it as text`);
  return value;
}

class Dialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new Compiler();
  }
}

/** Compiles queries so that they mean the same as in SQLite. */
class Compiler extends PostgresQueryCompiler {
  /** Compares text by code point, like the rest of the system, and not by the locale of the database. */
  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    const isText = DataTypeNode.is(node.dataType) && node.dataType.dataType === 'text';
    super.visitColumnDefinition(isText ? { ...node, dataType: sql`text collate "C"`.toOperationNode() } : node);
  }

  protected override appendValue(value: unknown): void {
    super.appendValue(storable(value));
  }
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\uFFFD');
  if (value === null || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(
    `a parameter of type ${typeof value} cannot be stored: use text, a number, a boolean, bytes or null`,
  );
}
