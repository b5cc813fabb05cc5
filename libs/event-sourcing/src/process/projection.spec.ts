import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Kysely, Transaction } from 'kysely';

import { CheckpointMoved, resetCheckpoint, readCheckpoint } from '../read-model/checkpoints.js';
import { openDatabase } from '../read-model/database.js';
import { ENGINES, TestDatabases } from '../testing/databases.fixture.js';
import type { Engine } from '../testing/databases.fixture.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { openPostgresDatabase } from '../read-model/postgres-database.js';
import { startProjection } from './projection.js';
import type { Projection } from './projection.js';
import { ProcessStopped } from './running-process.js';
import type { RunningProcess } from './running-process.js';
import { createRuntime } from '../decide/runtime.js';
import { domainEventOf } from '../decide/upcasting.js';
import { causedBy, tally, temporaryDirectory } from '../testing/tally.fixture.js';
import type { EntryAdded } from '../testing/tally.fixture.js';

interface Tables {
  sums: { stream: string; sum: number };
}

const directory = temporaryDirectory();
const databases = new TestDatabases();
afterAll(async () => {
  await databases.end();
  directory.remove();
});

let files = 0;
let store: EventStore;
let db: Kysely<Tables>;
const started: RunningProcess[] = [];
let errors: unknown[];

async function open(engine: Engine): Promise<void> {
  files += 1;
  store = openSqliteEventStore(directory.path(`events-${files}.sqlite`));
  const database = await databases.fresh(engine);
  db = engine === 'embedded' ? openDatabase(database) : openPostgresDatabase(database, () => undefined);
  errors = [];
}
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop();
  await db.destroy();
  await store.close();
});

/** Adds to existing rows, so that a repeated effect shows. */
async function addUp(trx: Transaction<Tables>, events: readonly StoredEvent[]): Promise<void> {
  for (const stored of events) {
    const { data } = domainEventOf<EntryAdded>(stored, tally.events);
    await trx
      .insertInto('sums')
      .values({ stream: stored.stream, sum: data.input.amount })
      .onConflict((conflict) =>
        conflict.column('stream').doUpdateSet((expression) => ({
          sum: expression('sums.sum', '+', expression.ref('excluded.sum')),
        })),
      )
      .execute();
  }
}

async function createSums(database: AnyDatabase): Promise<void> {
  await database.schema
    .createTable('sums')
    .addColumn('stream', 'text', (column) => column.primaryKey())
    .addColumn('sum', 'integer', (column) => column.notNull())
    .execute();
}

const sums: Projection<Tables> = {
  name: 'sums',
  filter: { categories: ['tally'] },
  migrations: { owner: 'sums', files: { '0001-sums': { up: createSums } } },
  tables: ['sums'],
  apply: addUp,
};

function start(projection: Projection<Tables> = sums): RunningProcess {
  const running = startProjection({ store, db, projection, onError: (error) => errors.push(error) });
  started.push(running);
  return running;
}

async function add(count: number, from = 0): Promise<void> {
  await createRuntime({ store, decider: tally }).handleMany(
    Array.from({ length: count }, (_, index) => ({
      stream: `tally-${(from + index) % 3}`,
      command: { entry: `e${from + index}`, amount: 1 },
      context: causedBy(`e${from + index}`),
    })),
  );
}

async function total(): Promise<number> {
  const rows = await db.selectFrom('sums').select('sum').execute();
  return rows.reduce((sum, row) => sum + row.sum, 0);
}

async function failureOf(running: RunningProcess): Promise<string> {
  for (;;) {
    const reason = running.lastError();
    if (reason !== undefined) return reason;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function addForeign(): Promise<void> {
  await createRuntime({ store, decider: { ...tally, category: 'foreign' } }).handle(
    'foreign-a',
    { entry: String(Math.random()), amount: 1 },
    causedBy('m'),
  );
}

describe.each(ENGINES)('a projection in the %s database', (engine) => {
  beforeEach(() => open(engine));

  it('fills its tables from existing events, then from new ones', async () => {
    await add(10);
    const running = start();
    await running.waitFor(await store.head());
    expect(await total()).toBe(10);
    await add(5, 10);
    await running.waitFor(await store.head());
    expect(await total()).toBe(15);
    expect(await running.position()).toBe(15n);
    expect(running.lastError()).toBeUndefined();
  });

  it('does not read a log that is behind its checkpoint, or has other events', async () => {
    await add(10);
    const first = start();
    await first.waitFor(10n);
    await first.stop();
    await store.close();
    store = openSqliteEventStore(':memory:');
    await add(5, 10);
    const shorter = start();
    expect(await failureOf(shorter)).toMatch('ends at position 5, but sums has read it up to 10');
    await shorter.stop();
    await add(15, 15);
    const other = start();
    expect(await failureOf(other)).toMatch('another event at position 10');
    expect(await total()).toBe(10);
  });

  it('resumes where it was on restart', async () => {
    await add(10);
    const first = start();
    await first.waitFor(10n);
    await first.stop();
    await add(5, 10);
    const seen: bigint[] = [];
    const second = start({
      ...sums,
      apply: async (trx, events) => {
        seen.push(...events.map((event) => event.position));
        await addUp(trx, events);
      },
    });
    await second.waitFor(15n);
    expect(seen).toEqual([11n, 12n, 13n, 14n, 15n]);
    expect(await total()).toBe(15);
  });

  it('applies nothing twice after a crash between effect and checkpoint', async () => {
    await add(10);
    let crashes = 3;
    const running = start({
      ...sums,
      batchSize: 4,
      apply: async (trx, events) => {
        await addUp(trx, events);
        if (crashes > 0) {
          crashes -= 1;
          throw new Error('crashed after the effect');
        }
      },
    });
    await running.waitFor(10n);
    expect(errors).toHaveLength(3);
    expect(await total()).toBe(10);
  });

  it('reports why it fails, keeps trying, and clears the reason once it succeeds', async () => {
    await add(1);
    let broken = true;
    const running = start({
      ...sums,
      apply: async (trx, events) => {
        // A TypeError too: a bug must not end the process.
        if (broken) throw new TypeError('not now');
        await addUp(trx, events);
      },
    });
    await expect(running.waitFor(1n, AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'TimeoutError' });
    while (errors.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(running.lastError()).toBe('not now');
    expect(await running.position()).toBe(0n);
    broken = false;
    await running.waitFor(1n);
    expect(running.lastError()).toBeUndefined();
  });

  it('applies each event once beside a second one on the same tables', async () => {
    const small = { ...sums, batchSize: 7 };
    const one = start(small);
    const two = start(small);
    for (let round = 0; round < 20; round += 1) {
      await add(10, round * 10);
      await new Promise(setImmediate);
    }
    await Promise.all([one.waitFor(200n), two.waitFor(200n)]);
    expect(await total()).toBe(200);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.every((error) => error instanceof CheckpointMoved)).toBe(true);
  });

  it('moves its position past other events, and saves it when it stops', async () => {
    await add(1);
    const running = start();
    await running.waitFor(1n);
    await addForeign();
    await running.waitFor(2n);
    expect(await readCheckpoint(db, 'sums')).toBe(1n);
    await running.stop();
    expect(await readCheckpoint(db, 'sums')).toBe(2n);
  });

  it('saves its position even if no more events arrive, for other processes to see', async () => {
    const running = start();
    await running.waitFor(0n);
    await addForeign();
    await running.waitFor(1n);
    while ((await readCheckpoint(db, 'sums')) !== 1n) await new Promise((resolve) => setTimeout(resolve, 20));
    await add(1);
    await running.waitFor(2n);
    expect(await total()).toBe(1);
    expect(errors).toEqual([]);
  });

  it('applies an event that follows other events', async () => {
    const running = start();
    await addForeign();
    await running.waitFor(1n);
    await add(1);
    await running.waitFor(2n);
    expect(await total()).toBe(1);
    expect(await readCheckpoint(db, 'sums')).toBe(2n);
    expect(errors).toEqual([]);
  });

  it('starts from the beginning after its tables are emptied and its checkpoint is reset', async () => {
    await add(10);
    const running = start();
    await running.waitFor(10n);
    await running.stop();
    await db.deleteFrom('sums').execute();
    await resetCheckpoint(db, 'sums');
    await start().waitFor(10n);
    expect(await total()).toBe(10);
  });

  it('can be reset while it runs, and callers then wait for the rebuild', async () => {
    await add(10);
    const running = start();
    await running.waitFor(10n);
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('sums').execute();
      await resetCheckpoint(trx, 'sums');
    });
    await add(1, 10);
    await running.waitFor(11n);
    expect(await total()).toBe(11);
  });

  it('continues if its error listener throws', async () => {
    await add(1);
    let broken = true;
    const running = startProjection({
      store,
      db,
      projection: {
        ...sums,
        apply: async (trx, events) => {
          if (broken) {
            broken = false;
            throw new Error('once');
          }
          await addUp(trx, events);
        },
      },
      onError: () => {
        throw new Error('no log');
      },
    });
    started.push(running);
    await running.waitFor(1n);
    expect(await total()).toBe(1);
  });

  it('rejects waiting callers when it is stopped', async () => {
    const running = start();
    const waiting = running.waitFor(1n);
    await running.stop();
    await expect(waiting).rejects.toThrow(ProcessStopped);
    await expect(running.waitFor(1n)).rejects.toThrow(ProcessStopped);
    await expect(running.waitFor(0n)).resolves.toBeUndefined();
    await running.stop();
  });

  it('stops at once while it pauses after a failure', async () => {
    await add(1);
    const running = start({
      ...sums,
      migrations: { owner: 'sums', files: { '0001-none': { up: () => Promise.reject(new Error('no table')) } } },
    });
    await expect(running.waitFor(1n, AbortSignal.timeout(2000))).rejects.toMatchObject({ name: 'TimeoutError' });
    const stoppedAt = Date.now();
    await running.stop();
    expect(Date.now() - stoppedAt).toBeLessThan(1000);
    expect(running.lastError()).toBe('no table');
  });
});
