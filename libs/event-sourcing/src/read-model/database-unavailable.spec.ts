import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';

import { ENGINES, TestDatabases } from '../testing/databases.fixture.js';
import { isDatabaseUnavailable, isStorageFull, isTableMissing } from './database-unavailable.js';
import { openDatabase } from './database.js';
import { openPostgresDatabase } from './postgres-database.js';

const failed = (code: string, message = 'failed'): Error => Object.assign(new Error(message), { code });

describe('a database without its tables', () => {
  const databases = new TestDatabases();
  afterAll(() => databases.end());

  it.each(ENGINES)('is recognised on %s', async (engine) => {
    const place = await databases.fresh(engine);
    const db = engine === 'embedded' ? openDatabase(place) : openPostgresDatabase(place, () => undefined);
    const failure: unknown = await sql`select * from partners`.execute(db).catch((error: unknown) => error);
    await db.destroy();
    expect(isTableMissing(failure)).toBe(true);
    expect(isTableMissing(failed('42703', 'column "name" does not exist'))).toBe(false);
  });
});

describe('an unavailable database', () => {
  it('is recognised by the failed connection', async () => {
    const failure = await once(connect(1, '127.0.0.1'), 'connect').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ECONNREFUSED' });
    expect(isDatabaseUnavailable(failure)).toBe(true);
    expect(isDatabaseUnavailable(failed('', 'Connection terminated unexpectedly'))).toBe(true);
  });

  it.each(['57P01', '57P03', '08006', '53300'])('is recognised by the state %s', (state) => {
    expect(isDatabaseUnavailable(failed(state))).toBe(true);
  });

  it('is distinguished from a full disk', () => {
    expect(isStorageFull(failed('53100'))).toBe(true);
    expect(isStorageFull(Object.assign(new Error('database or disk is full'), { errcode: 13 }))).toBe(true);
    expect(isStorageFull(failed('23505'))).toBe(false);
    expect(isDatabaseUnavailable(failed('53100'))).toBe(false);
  });

  it.each(['23505', '40001', '42P01', 'ERR_SQLITE_ERROR'])('is not indicated by %s', (state) => {
    expect(isDatabaseUnavailable(failed(state))).toBe(false);
  });
});
