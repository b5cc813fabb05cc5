import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { advanceCheckpoint, migrateCheckpoints, readCheckpoint } from '@tantieme/event-sourcing/read-model/checkpoints';
import { TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { openPostgresDatabase } from '@tantieme/event-sourcing/read-model/postgres-database';
import { PostgresLocks } from '@tantieme/event-sourcing/process/postgres-locks';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Kysely } from 'kysely';

import { Background } from './background.js';
import { loadConfig } from '../runtime/config.js';
import { LeaderElection } from './leader-election.js';

const databases = new TestDatabases();
afterAll(() => databases.end());

let url: string;
let store: EventStore;
const replicas: Replica[] = [];

beforeEach(async () => {
  Logger.overrideLogger(false);
  url = await databases.fresh('postgres');
  store = openSqliteEventStore(':memory:');
});
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.stop();
  await store.close();
});

/** One of several processes that share a database. */
class Replica {
  readonly running = new Set<string>();
  /** How often the first piece of work has ended. */
  ended = 0;
  readonly db: Kysely<Record<string, Record<string, unknown>>>;
  readonly background: Background;

  constructor(readonly url: string) {
    this.db = openPostgresDatabase(url, () => undefined);
    const election = new LeaderElection(new PostgresLocks(url), this.db);
    this.background = new Background(loadConfig({}, { database: url }), store, () => true, election);
    for (const name of ['first', 'second']) this.background.add(name, () => this.work(name));
    this.background.add('everywhere', () => this.work('everywhere'), 'every-replica');
    replicas.push(this);
  }

  async start(): Promise<this> {
    await this.background.onApplicationBootstrap();
    return this;
  }

  async stop(): Promise<void> {
    await this.background.stop();
    await this.db.destroy();
  }

  private work(name: string) {
    this.running.add(name);
    const stop = async (): Promise<void> => {
      this.running.delete(name);
      if (name === 'first') this.ended += 1;
    };
    return { stop, position: async () => 7n };
  }
}

async function until(is: () => boolean): Promise<void> {
  for (let waitedMs = 0; !is(); waitedMs += 20) {
    if (waitedMs > 30_000) throw new Error('timed out');
    await pause(20);
  }
}

const ALL = ['everywhere', 'first', 'second'];
const works = ({ running }: Replica): readonly string[] => [...running].sort();

describe('replicas that share a database', () => {
  it('run a piece of work in one of them, and shared work in each', async () => {
    const one = await new Replica(url).start();
    await until(() => one.running.size === 3);
    const two = await new Replica(url).start();
    await pause(1500);
    expect(works(one)).toEqual(ALL);
    expect(works(two)).toEqual(['everywhere']);
    expect(await one.background.failing()).toEqual([]);
    expect(await two.background.failing()).toEqual([]);
  });

  it('take over when the leader stops', async () => {
    const one = await new Replica(url).start();
    await until(() => one.running.size === 3);
    const two = await new Replica(url).start();
    await one.background.stop();
    expect(works(one)).toEqual([]);
    await until(() => two.running.size === 3);
  });

  it('stop when the database connection breaks, and one of them resumes', async () => {
    const both = [await new Replica(url).start(), await new Replica(url).start()];
    const workers = (): Replica[] => both.filter(({ running }) => running.has('first'));
    await until(() => workers().length === 1);
    for (let round = 1; round <= 3; round += 1) {
      await (await databases.postgres()).terminateConnections(url);
      await until(() => both.reduce((count, { ended }) => count + ended, 0) === round);
      await until(() => workers().length === 1);
    }
  });

  it('read the position of work that another one runs', async () => {
    const one = await new Replica(url).start();
    await until(() => one.running.size === 3);
    const two = await new Replica(url).start();
    await migrateCheckpoints(two.db);
    await readCheckpoint(two.db, 'first');
    await advanceCheckpoint(two.db, 'first', 0n, 5n);
    const { signal } = new AbortController();
    await two.background.awaitPosition('first', 5n, signal);
    let isThere = false;
    const later = two.background.awaitPosition('first', 6n, signal).then(() => (isThere = true));
    await pause(100);
    expect(isThere).toBe(false);
    await advanceCheckpoint(two.db, 'first', 5n, 6n);
    await later;
    const status = await two.background.status();
    expect(status.find(({ name }) => name === 'first')).toEqual({
      name: 'first',
      running: false,
      standby: true,
      position: '6',
      lag: '0',
    });
    expect(status.find(({ name }) => name === 'second')).toEqual({ name: 'second', running: false, standby: true });
  });

  it('start while the database is unreachable, and report it', async () => {
    const one = await new Replica('postgres://nobody:secret@127.0.0.1:1/away').start();
    await until(() => one.running.has('everywhere'));
    await pause(100);
    expect(works(one)).toEqual(['everywhere']);
    expect(await one.background.failing()).toEqual(['first', 'second']);
    const status = await one.background.status();
    expect(status.find(({ name }) => name === 'first')?.lastError).toContain('ECONNREFUSED');
    expect(JSON.stringify(status)).not.toContain('secret');
  });
});
