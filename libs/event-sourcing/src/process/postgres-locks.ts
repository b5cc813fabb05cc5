import pg from 'pg';

import { connectionOf } from '../read-model/postgres-database.js';

/**
 * The server ends a session that has said nothing for so long, and with it its locks: its process hangs, or its machine is gone.
 * One that dies is noticed at once.
 */
const SILENCE_MS_MAX = 10_000;

/** An answer that takes longer counts as none: the holder has to know that it lost its locks before the server gives them away. */
const ANSWER_MS_MAX = 5_000;

/**
 * Locks of one process, by name, in a PostgreSQL: held by a session of its own, so that the server frees them with it, however the
 * process ends. A pooler that shares sessions among transactions cannot stand in between.
 */
export class PostgresLocks {
  private client: pg.Client | undefined;

  constructor(private readonly url: string) {}

  /**
   * Takes those of the locks that are free. To be asked every second or so, also for none: that is what keeps those that are held.
   * @param names of locks that are not held.
   * @throws where the session is lost, or there was none to be had: nothing is held any more, and the next call opens another one.
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

  /** Gives all back, as soon as the server hears of it. */
  release(): void {
    // A session that is broken is gone already.
    this.client?.end().catch(() => undefined);
    this.client = undefined;
  }
}

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ ...connectionOf(url), query_timeout: ANSWER_MS_MAX });
  // The next query says so.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`set idle_session_timeout = ${SILENCE_MS_MAX}`);
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
  return client;
}
