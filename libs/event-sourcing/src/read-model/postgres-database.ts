/** The read models' database in PostgreSQL: what the services say to it is what they say to SQLite. */
import { DataTypeNode, Kysely, PostgresDialect, PostgresQueryCompiler, sql } from 'kysely';
import type { ColumnDefinitionNode, QueryCompiler } from 'kysely';
import pg from 'pg';

import type { AnyTables, ShadowDatabase } from './database.js';

/**
 * Connections a process. A background work uses one at a time, and a server takes 100 in all where nobody has said
 * otherwise: two replicas of five services stay far below.
 */
const CONNECTIONS_MAX = 5;

/** How long a caller waits for a connection: a new one, or its turn at those that there are, for which SQLite's callers wait as long. */
const CONNECT_MS_MAX = 30_000;

/**
 * Opens without waiting for the server: whether it can be reached is seen with the first query, and every query after a failure
 * tries again.
 *
 * Transactions of concurrent callers run beside each other (`read committed`). Who reads and then writes takes the lock of a
 * row first, or compares and sets, as with several processes on one file.
 *
 * Text is compared by code point, as SQLite does: columns are created with `collate "C"`, whatever the database's own
 * collation is. Integers beyond 2^53 are refused when read. A NUL, which PostgreSQL's text cannot hold, is kept as U+FFFD.
 *
 * @param url `postgres://user:password@host:5432/database?sslmode=…`; may hold a password, which no error quotes.
 * @param onError told of connections that broke off while nobody used them; the next query opens another one.
 */
export function openPostgresDatabase<Tables = AnyTables>(url: string, onError: (error: Error) => void): Kysely<Tables> {
  const pool = new pg.Pool({ ...connectionOf(url), max: CONNECTIONS_MAX });
  pool.on('error', onError);
  // A connection that breaks off in the middle of a transaction says so twice: to the query, and to nobody, which would end the process.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return new Kysely<Tables>({ dialect: new Dialect({ pool }) });
}

/** The place beside the tables of {@link openPostgresDatabase}: the temporary tables of a session, which the server drops with it. */
export async function openPostgresShadowDatabase(url: string): Promise<ShadowDatabase> {
  const client = new pg.Client(connectionOf(url));
  // A connection that breaks off says so to the next query too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ live: string | null }>('select current_schema() as live');
    const live = rows[0]?.live;
    if (live === null || live === undefined) throw new Error('the search path names no schema that exists');
    await client.query('set search_path = pg_temp');
    // Never a second connection: without the search path, the names would be those of the live tables.
    const session = Object.assign(client, { release: () => undefined });
    const pool = { options: {}, connect: async () => session, end: () => client.end() };
    return { db: new Kysely({ dialect: new Dialect({ pool }) }), attachLive: async () => live };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** How every connection of ours is made. */
export function connectionOf(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'tantieme',
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
    types: { getTypeParser: typeParserOf },
  };
}

/** `bigint`, which `count` gives as well, is a number here as in SQLite. */
const typeParserOf: typeof pg.types.getTypeParser = (type, format) =>
  type === pg.types.builtins.INT8 && format !== 'binary' ? safeInteger : pg.types.getTypeParser(type, format);

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is no integer that a number holds: keep it as text`);
  return value;
}

class Dialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new Compiler();
  }
}

/** What is said to PostgreSQL so that it means what it means in SQLite. */
class Compiler extends PostgresQueryCompiler {
  /** Compared as everywhere else in the system, and not by the language of whoever made the database. */
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
    `a parameter of type ${typeof value} cannot be stored: give text, a number, a boolean, bytes or null`,
  );
}
