import pg from 'pg';

import { connectionOf } from '../read-model/postgres-database.js';

/**
 * The server ends a session that is idle for this long, and with it releases its locks: the process hangs, or its
 * machine is gone. It notices at once when a process dies.
 */
const IDLE_MS_MAX = 10_000;

/** Query timeout: below {@link IDLE_MS_MAX}, so that a holder gives up its locks before the server releases them. */
const ANSWER_MS_MAX = 5_000;

/**
 * Named locks of one process in PostgreSQL. They belong to one session, so the server releases them however the process
 * ends. Does not work through a pooler that shares sessions between transactions.
 */
export class PostgresLocks {
  private client: pg.Client | undefined;

  constructor(private readonly url: string) {}

  /**
   * Takes those of the locks that are free. Call it about every second, even with no names: that keeps the held locks.
   * @param names locks that are not held yet.
   * @throws if there is no session, or it was lost: all locks are gone, and the next call opens another session.
   */
  async take(names: readonly string[]): Promise<readonly string[]> {
    try {
      this.client ??= await open(this.url);
      const { rows } = await this.client.query<{ name: string; taken: boolean }>(
        'select name, pg_try_advisory_lock(hashtextextended(name, 0)) as taken from unnest($1::text[]) as name',
        [names],
      );
      return rows.filter(({ taken }) => taken).map(({ name }) => name);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Releases all locks, without waiting for the server. */
  release(): void {
    // A broken session has no locks left.
    this.client?.end().catch(() => undefined);
    this.client = undefined;
  }
}

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ ...connectionOf(url), query_timeout: ANSWER_MS_MAX });
  // The next query fails with the same error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`set idle_session_timeout = ${IDLE_MS_MAX}`);
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
  return client;
}
