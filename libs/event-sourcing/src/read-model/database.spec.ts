import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import {
  advanceCheckpoint,
  CheckpointMoved,
  resetCheckpoint,
  migrateCheckpoints,
  readCheckpoint,
} from './checkpoints.js';
import { DatabaseBusy, openDatabase } from './database.js';
import { ENGINES, TestDatabases } from '../testing/databases.fixture.js';
import type { Engine } from '../testing/databases.fixture.js';
import { openPostgresDatabase } from './postgres-database.js';

interface Tables {
  balances: { name: string; amount: number };
}

const databases = new TestDatabases();
afterAll(() => databases.end());

let path: string;
let db: Kysely<Tables>;

async function open(engine: Engine): Promise<void> {
  path = await databases.fresh(engine);
  db = openAs(engine);
  await db.schema.createTable('balances').addColumn('name', 'text').addColumn('amount', 'integer').execute();
  await db.insertInto('balances').values({ name: 'a', amount: 0 }).execute();
}

function openAs(engine: Engine): Kysely<Tables> {
  return engine === 'embedded' ? openDatabase(path) : openPostgresDatabase(path, () => undefined);
}

afterEach(() => db.destroy());

async function balance(): Promise<number> {
  return (await db.selectFrom('balances').select('amount').where('name', '=', 'a').executeTakeFirstOrThrow()).amount;
}

describe('the embedded database', () => {
  beforeEach(() => open('embedded'));

  it('uses a write-ahead log', async () => {
    expect((await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db)).rows).toEqual([
      { journal_mode: 'wal' },
    ]);
  });

  it('does not block the thread while another connection writes to the file', async () => {
    const other = openAs('embedded');
    try {
      let written = false;
      const transaction = db.transaction().execute(async (trx) => {
        await trx.updateTable('balances').set({ amount: 1 }).execute();
        // If the waiting connection blocked the thread, this pause would not end.
        await pause(20);
        written = true;
      });
      await pause(5);
      await other.updateTable('balances').set({ amount: 2 }).execute();
      expect(written).toBe(true);
      await transaction;
      expect(await balance()).toBe(2);
    } finally {
      await other.destroy();
    }
  });

  it('runs transactions of concurrent callers one after the other', async () => {
    await Promise.all(
      Array.from({ length: 20 }, () =>
        db.transaction().execute(async (trx) => {
          const row = await trx.selectFrom('balances').select('amount').executeTakeFirstOrThrow();
          await pause(1);
          await trx
            .updateTable('balances')
            .set({ amount: row.amount + 1 })
            .execute();
        }),
      ),
    );
    expect(await balance()).toBe(20);
  });

  it('keeps statements of other callers out of a transaction', async () => {
    const failing = db.transaction().execute(async (trx) => {
      await trx.updateTable('balances').set({ amount: 100 }).execute();
      await pause(5);
      throw new Error('no');
    });
    const added = db
      .updateTable('balances')
      .set((expression) => ({ amount: expression('amount', '+', 1) }))
      .execute();
    await expect(failing).rejects.toThrow('no');
    await added;
    expect(await balance()).toBe(1);
  });

  it('serialises writers of two connections on one file', async () => {
    const other = openDatabase<Tables>(path);
    const add = (database: Kysely<Tables>): Promise<unknown> =>
      database.transaction().execute(async (trx) => {
        const row = await trx.selectFrom('balances').select('amount').executeTakeFirstOrThrow();
        await trx
          .updateTable('balances')
          .set({ amount: row.amount + 1 })
          .execute();
      });
    for (let round = 0; round < 10; round += 1) {
      await add(db);
      await add(other);
    }
    expect(await balance()).toBe(20);
    await other.destroy();
  });

  it('reports a transaction that waits for itself', async () => {
    const impatient = openDatabase<Tables>(path, { acquireTimeoutMs: 50 });
    await expect(
      impatient.transaction().execute(() => impatient.selectFrom('balances').selectAll().execute()),
    ).rejects.toThrow(DatabaseBusy);
    expect(await impatient.selectFrom('balances').selectAll().execute()).toHaveLength(1);
    await impatient.destroy();
  });

  it('continues after a failed statement, and refuses values that it cannot store', async () => {
    await expect(sql`select * from nowhere`.execute(db)).rejects.toThrow('nowhere');
    await expect(sql`select ${undefined}`.execute(db)).rejects.toThrow(TypeError);
    await expect(sql`select ${2n ** 60n} as big`.execute(db)).rejects.toThrow();
    expect((await sql`select ${true} as yes`.execute(db)).rows).toEqual([{ yes: 1 }]);
    expect(await balance()).toBe(0);
  });
});

describe.each(ENGINES)('the %s database', (engine) => {
  beforeEach(() => open(engine));

  it('orders text by code point, in columns and tuples, whatever the locale', async () => {
    const names = ['b', 'B', 'a-1', 'A1', 'é', 'a', 'Z', '\u{1F600}', 'a|', '', '10', '9'];
    await db.deleteFrom('balances').execute();
    await db
      .insertInto('balances')
      .values(names.map((name) => ({ name, amount: 1 })))
      .execute();
    const inOrder = [...names].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    const rows = await db.selectFrom('balances').select('name').orderBy('name').execute();
    expect(rows.map(({ name }) => name)).toEqual(inOrder);
    const after = await db
      .selectFrom('balances')
      .select('name')
      .where(sql<boolean>`(name, amount) > (${sql.join(['Z', 1])})`)
      .orderBy('name')
      .execute();
    expect(after.map(({ name }) => name)).toEqual(inOrder.slice(inOrder.indexOf('Z') + 1));
    const least = await db
      .selectFrom('balances')
      .select(({ fn }) => fn.max('name').as('name'))
      .executeTakeFirst();
    expect(least?.name).toBe('\u{1F600}');
  });

  it('returns counts and 64-bit integers as numbers, and refuses integers beyond 2^53', async () => {
    await db.schema.createTable('big').addColumn('value', 'bigint').execute();
    const big = db.withTables<{ big: { value: number | bigint } }>();
    await big
      .insertInto('big')
      .values([{ value: 2 ** 53 - 1 }])
      .execute();
    expect(await big.selectFrom('big').select('value').execute()).toEqual([{ value: 2 ** 53 - 1 }]);
    expect(
      await big
        .selectFrom('big')
        .select(({ fn }) => fn.countAll().as('rows'))
        .execute(),
    ).toEqual([{ rows: 1 }]);
    await big
      .insertInto('big')
      .values([{ value: 2n ** 53n }])
      .execute();
    await expect(big.selectFrom('big').select('value').execute()).rejects.toThrow();
  });

  it('returns how many rows a statement changed, and accepts several thousand parameters', async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => ({ name: `n${index}`, amount: index }));
    await db.insertInto('balances').values(rows).execute();
    const { numUpdatedRows } = await db
      .updateTable('balances')
      .set({ amount: 0 })
      .where('amount', '>=', 9_000)
      .executeTakeFirstOrThrow();
    expect(numUpdatedRows).toBe(1_000n);
  });

  it('rolls back a failed transaction, and continues', async () => {
    const failing = db.transaction().execute(async (trx) => {
      await trx.updateTable('balances').set({ amount: 100 }).execute();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await expect(sql`select * from nowhere`.execute(db)).rejects.toThrow('nowhere');
    await expect(sql`select ${undefined}`.execute(db)).rejects.toThrow(TypeError);
    expect(await balance()).toBe(0);
  });
});

describe('PostgreSQL', () => {
  it('is opened without connecting, and no error quotes the password', async () => {
    path = 'postgres://tantieme:secret@127.0.0.1:1/read';
    db = openAs('postgres');
    const failure: unknown = await balance().catch((error: unknown) => error);
    expect(String(failure)).toMatch(/ECONNREFUSED/);
    expect(JSON.stringify([failure, String(failure)])).not.toContain('secret');
  });

  it('may terminate connections at any time: current queries fail, later ones use a new connection', async () => {
    await open('postgres');
    const server = await databases.postgres();
    const transaction = db.transaction().execute(async (trx) => {
      await trx.updateTable('balances').set({ amount: 100 }).execute();
      await server.terminateConnections(path);
      await trx.updateTable('balances').set({ amount: 200 }).execute();
    });
    await expect(transaction).rejects.toThrow();
    expect(await balance()).toBe(0);
    await server.terminateConnections(path);
    expect(await balance()).toBe(0);
  });

  it('stores a NUL as the replacement character', async () => {
    await open('postgres');
    await db.insertInto('balances').values({ name: 'a\0b', amount: 1 }).execute();
    const rows = await db.selectFrom('balances').select('name').where('amount', '=', 1).execute();
    expect(rows).toEqual([{ name: 'a\uFFFDb' }]);
  });
});

describe.each(ENGINES)('a checkpoint in the %s database', (engine) => {
  beforeEach(async () => {
    await open(engine);
    await migrateCheckpoints(db);
  });

  it('starts at the beginning of the log', async () => {
    expect(await readCheckpoint(db, 'one')).toBe(0n);
  });

  it('advances by name, to positions of any size', async () => {
    await readCheckpoint(db, 'one');
    await advanceCheckpoint(db, 'one', 0n, 2n ** 63n);
    expect(await readCheckpoint(db, 'one')).toBe(2n ** 63n);
    expect(await readCheckpoint(db, 'two')).toBe(0n);
  });

  it('refuses to advance from another position, or after a reset', async () => {
    await readCheckpoint(db, 'one');
    await advanceCheckpoint(db, 'one', 0n, 5n);
    await expect(advanceCheckpoint(db, 'one', 0n, 6n)).rejects.toThrow(CheckpointMoved);
    await resetCheckpoint(db, 'one');
    await expect(advanceCheckpoint(db, 'one', 5n, 6n)).rejects.toThrow(CheckpointMoved);
    expect(await readCheckpoint(db, 'one')).toBe(0n);
  });

  it('is rolled back with its transaction', async () => {
    await readCheckpoint(db, 'one');
    const failing = db.transaction().execute(async (trx) => {
      await advanceCheckpoint(trx, 'one', 0n, 5n);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await readCheckpoint(db, 'one')).toBe(0n);
  });
});
