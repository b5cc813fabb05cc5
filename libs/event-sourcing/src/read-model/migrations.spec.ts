import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { openDatabase } from './database.js';
import type { AnyTables } from './database.js';
import { ENGINES, TestDatabases } from '../testing/databases.fixture.js';
import type { Engine } from '../testing/databases.fixture.js';
import { migrate } from './migrations.js';
import type { AnyDatabase, Migrations } from './migrations.js';
import { openPostgresDatabase } from './postgres-database.js';

const databases = new TestDatabases();
afterAll(() => databases.end());

const opened: Kysely<AnyTables>[] = [];
afterEach(async () => {
  for (const db of opened.splice(0)) await db.destroy();
});

function open(engine: Engine, database: string): Kysely<AnyTables> {
  const db = engine === 'embedded' ? openDatabase(database) : openPostgresDatabase(database, () => undefined);
  opened.push(db);
  return db;
}

async function createPlans(db: AnyDatabase): Promise<void> {
  await db.schema.createTable('plans').addColumn('id', 'text').execute();
}

async function addTitle(db: AnyDatabase): Promise<void> {
  await db.schema.alterTable('plans').addColumn('title', 'text').execute();
}

const first: Migrations = { owner: 'shop', files: { '0001-plans': { up: createPlans } } };
const second: Migrations = { owner: 'shop', files: { ...first.files, '0002-title': { up: addTitle } } };

describe.each(ENGINES)('migrations in the %s database', (engine) => {
  it('continue from the last applied one and keep existing rows', async () => {
    const db = open(engine, await databases.fresh(engine));
    await migrate(db, first);
    await db.insertInto('plans').values({ id: 'a' }).execute();
    await migrate(db, second);
    await migrate(db, second);
    expect(await db.selectFrom('plans').selectAll().execute()).toEqual([{ id: 'a', title: null }]);
  });

  it('change nothing if one fails', async () => {
    const db = open(engine, await databases.fresh(engine));
    const broken = async (trx: AnyDatabase): Promise<void> => {
      await addTitle(trx);
      await sql`insert into nowhere values (1)`.execute(trx);
    };
    await expect(
      migrate(db, { owner: 'shop', files: { ...first.files, '0002-title': { up: broken } } }),
    ).rejects.toThrow('nowhere');
    await migrate(db, second);
    expect(await db.selectFrom('plans').selectAll().execute()).toEqual([]);
  });
});

describe('migrations of several processes on one PostgreSQL', () => {
  it('are applied once each, by the first process', async () => {
    const database = await databases.fresh('postgres');
    await Promise.all(Array.from({ length: 4 }, () => migrate(open('postgres', database), second)));
    const [db] = opened;
    await db?.insertInto('plans').values({ id: 'a', title: 'A' }).execute();
    expect(await db?.selectFrom('plans').selectAll().execute()).toEqual([{ id: 'a', title: 'A' }]);
  });
});
