import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { advance, CheckpointMoved, forgetCheckpoint, migrateCheckpoints, readCheckpoint } from './checkpoints.js';
import { DatabaseHeld, openDatabase } from './database.js';
import { temporaryDirectory } from './tally.fixture.js';

interface Tables {
  balances: { name: string; amount: number };
}

const directory = temporaryDirectory();
afterAll(() => directory.remove());

let path: string;
let files = 0;
let db: Kysely<Tables>;

beforeEach(async () => {
  path = directory.path(`database-${(files += 1)}.sqlite`);
  db = openDatabase<Tables>(path);
  await db.schema.createTable('balances').addColumn('name', 'text').addColumn('amount', 'integer').execute();
  await db.insertInto('balances').values({ name: 'a', amount: 0 }).execute();
});
afterEach(() => db.destroy());

async function balance(): Promise<number> {
  return (await db.selectFrom('balances').select('amount').where('name', '=', 'a').executeTakeFirstOrThrow()).amount;
}

describe('the database', () => {
  it('keeps a write-ahead log', async () => {
    expect((await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db)).rows).toEqual([
      { journal_mode: 'wal' },
    ]);
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

  it('lets no statement of somebody else into a transaction', async () => {
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

  it('names the mistake where a transaction waits for itself', async () => {
    const impatient = openDatabase<Tables>(path, { turnTimeoutMs: 50 });
    await expect(
      impatient.transaction().execute(() => impatient.selectFrom('balances').selectAll().execute()),
    ).rejects.toThrow(DatabaseHeld);
    expect(await impatient.selectFrom('balances').selectAll().execute()).toHaveLength(1);
    await impatient.destroy();
  });

  it('goes on after a statement that fails, and refuses what it cannot store', async () => {
    await expect(sql`select * from nowhere`.execute(db)).rejects.toThrow('nowhere');
    await expect(sql`select ${undefined}`.execute(db)).rejects.toThrow(TypeError);
    await expect(sql`select ${2n ** 60n} as big`.execute(db)).rejects.toThrow();
    expect((await sql`select ${true} as yes`.execute(db)).rows).toEqual([{ yes: 1 }]);
    expect(await balance()).toBe(0);
  });
});

describe('a checkpoint', () => {
  beforeEach(() => migrateCheckpoints(db));

  it('starts at the beginning of the log', async () => {
    expect(await readCheckpoint(db, 'one')).toBe(0n);
  });

  it('advances from where it is, by name, to positions of any size', async () => {
    await readCheckpoint(db, 'one');
    await advance(db, 'one', 0n, 2n ** 63n);
    expect(await readCheckpoint(db, 'one')).toBe(2n ** 63n);
    expect(await readCheckpoint(db, 'two')).toBe(0n);
  });

  it('refuses to advance from elsewhere, or where it was forgotten', async () => {
    await readCheckpoint(db, 'one');
    await advance(db, 'one', 0n, 5n);
    await expect(advance(db, 'one', 0n, 6n)).rejects.toThrow(CheckpointMoved);
    await forgetCheckpoint(db, 'one');
    await expect(advance(db, 'one', 5n, 6n)).rejects.toThrow(CheckpointMoved);
    expect(await readCheckpoint(db, 'one')).toBe(0n);
  });

  it('goes back with its transaction', async () => {
    await readCheckpoint(db, 'one');
    const failing = db.transaction().execute(async (trx) => {
      await advance(trx, 'one', 0n, 5n);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await readCheckpoint(db, 'one')).toBe(0n);
  });
});
