import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { systemTimers } from '@tantieme/time/timers';
import type { Timers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

import { createRuntime } from '../decide/runtime.js';
import { openDatabase } from '../read-model/database.js';
import type { AnyTables } from '../read-model/database.js';
import { startProcess } from '../testing/process.fixture.js';
import type { RunningProcess } from '../testing/process.fixture.js';
import { causedBy, tally } from '../testing/tally.fixture.js';
import { logSource } from './log-source.js';
import type { Process } from './process.js';
import { projectionProcess } from './projection.js';
import type { Leadership } from './scheduler.js';

/** Ten times as fast as the clock, as replicas look for the leadership once a second. */
const FAST: Timers = {
  nowMs: () => systemTimers.nowMs() * 10,
  wait: (ms, signal) => systemTimers.wait(ms / 10, signal),
  random: () => systemTimers.random(),
};

/** The locks of one server, and the holder of each. */
class Locks {
  private readonly holders = new Map<string, Leadership>();
  private readonly lost = new Set<Leadership>();

  session(): Leadership {
    const session: Leadership = {
      take: async (names) => {
        if (this.lost.delete(session)) throw new Error('the session was lost');
        const free = names.filter((name) => !this.holders.has(name));
        for (const name of free) this.holders.set(name, session);
        return free;
      },
      release: () => this.free(session),
    };
    return session;
  }

  /** The server no longer hears of the session: it died, or it is frozen and finds out when it wakes up. */
  expire(session: Leadership): void {
    this.lost.add(session);
    this.free(session);
  }

  private free(session: Leadership): void {
    for (const [name, holder] of this.holders) if (holder === session) this.holders.delete(name);
  }
}

let store: EventStore;
let db: Kysely<AnyTables>;
let locks: Locks;
const running: RunningProcess[] = [];

beforeEach(() => {
  store = openSqliteEventStore(':memory:');
  db = openDatabase(':memory:');
  locks = new Locks();
});
afterEach(async () => {
  for (const replica of running.splice(0)) await replica.stop();
  await db.destroy();
  await store.close();
});

function start<Item>(process: Process<Item>, leadership = locks.session()): RunningProcess {
  const replica = startProcess(process, { store, db, leadership, timers: FAST });
  running.push(replica);
  return replica;
}

async function add(entry: string): Promise<void> {
  await createRuntime({ store, decider: tally }).handle('tally-a', { entry, amount: 1 }, causedBy(entry));
}

async function until(holds: () => boolean): Promise<void> {
  for (let looks = 0; looks < 2000; looks += 1) {
    if (holds()) return;
    await systemTimers.wait(5);
  }
  throw new Error('the condition did not become true in time');
}

/** A process that notes which replica handled which event. */
function noting(seen: string[], replica: string): Process<StoredEvent> {
  return {
    name: 'tallies',
    replicas: 'one-replica',
    source: logSource({ categories: ['tally'] }),
    step: async (events) => void seen.push(...events.map(({ revision }) => `${replica} ${revision}`)),
  };
}

describe('a process of one replica', () => {
  it('runs in the leader alone; another takes over where the leader stopped', async () => {
    const seen: string[] = [];
    const first = start(noting(seen, 'first'));
    await until(() => first.status().running);
    const second = start(noting(seen, 'second'));
    await add('1');
    await until(() => second.status().standby && second.status().position === 1n);
    expect(seen).toEqual(['first 0']);
    await first.stop();
    await add('2');
    await until(() => seen.length === 2);
    expect(seen).toEqual(['first 0', 'second 1']);
    expect(second.status()).toMatchObject({ running: true, standby: false });
  });

  it('runs again after its leader lost the leadership and got it back', async () => {
    const seen: string[] = [];
    const session = locks.session();
    const only = start(noting(seen, 'only'), session);
    await add('1');
    await until(() => seen.length === 1);
    locks.expire(session);
    await until(() => only.status().lastError === 'the session was lost');
    await add('2');
    await until(() => seen.length === 2 && only.status().lastError === undefined);
    expect(seen).toEqual(['only 0', 'only 1']);
  });

  it('of a leader that wakes up late stores nothing any more', async () => {
    await sql`create table tally (entry text)`.execute(db);
    const asleep = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const projection = (isSleeper: boolean): Process<StoredEvent> => {
      const process = projectionProcess(db, {
        name: 'tallies',
        filter: { categories: ['tally'] },
        migrations: { owner: 'tally', files: {} },
        tables: [],
        apply: async (trx, events) => {
          for (const { revision } of events) await sql`insert into tally values (${String(revision)})`.execute(trx);
        },
      });
      const step: typeof process.step = async (events, context) => {
        began.resolve();
        if (isSleeper) await asleep.promise;
        return process.step(events, context);
      };
      return { ...process, step };
    };
    const session = locks.session();
    const late = start(projection(true), session);
    await add('1');
    await began.promise;
    locks.expire(session);
    const next = start(projection(false));
    await next.waitFor(await store.head());
    asleep.resolve();
    await until(() => late.status().standby);
    expect((await sql`select entry from tally`.execute(db)).rows).toEqual([{ entry: '0' }]);
  });
});
