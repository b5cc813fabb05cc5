/** Every read model of every service rebuilt on a small history: the same rows, from which everything goes on. */
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { rebuildProjection } from '@tantieme/event-sourcing/process/rebuild';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { EMBEDDED } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase, openReadDatabaseBeside } from '@tantieme/service-kit/runtime/database';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import type { Driver } from '../driver.js';
import { PROJECTIONS } from '../projections.js';
import { CALENDAR, history, ndjson, PARTNERS, prepare, TestServers } from './end-to-end.fixture.js';

/** A server twice, with the whole way. */
jest.setTimeout(240_000);

const databases = new TestDatabases();
afterAll(() => databases.end());

const servers = new TestServers();
afterEach(() => servers.end());

/** Of no projection: how far works are, which files were applied, and the index of credits, which a follower keeps. */
const OTHERS = /^checkpoints$|_migrations(_lock)?$|^commission_index$/;

const TABLES = PROJECTIONS.flatMap(({ tables }) => tables).sort();

/** Of quotas and exchange rates, which this history does without. */
const UNTOUCHED = ['commission_exchange_rates', 'commission_lacking', 'commission_quotas'];

/** Of a seller whom nobody knows: it waits. */
const WAITING = history(1).map((fact) => ({
  ...fact,
  deal: 'waiting',
  occurredAt: '2026-03-20T08:00:00Z',
  terms: {
    currency: 'EUR',
    lines: [{ id: '1', category: 'hardware', quantity: '1', net: '1.00' }],
    partners: [{ role: 'seller', partner: 'unknown' }],
  },
}));

/** Rows as text; JSON in them without its order of keys, which is another one where an event was taken from memory. */
async function dump(db: AnyDatabase): Promise<Record<string, readonly string[]>> {
  const rows: Record<string, readonly string[]> = {};
  for (const table of TABLES) {
    const all = await db.selectFrom(table).selectAll().execute();
    rows[table] = all.map((row) => canonicalJson(Object.values(row).map(parsed))).sort();
  }
  return rows;
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' && /^[[{]/.test(value) ? JSON.parse(value) : value;
}

async function rebuildAll(config: RuntimeConfig, db: AnyDatabase): Promise<void> {
  const store = await openEventStore(config);
  for (const projection of PROJECTIONS) {
    const beside = await openReadDatabaseBeside(config);
    await rebuildProjection({ store, db, shadow: beside, projection });
    await beside.db.destroy();
  }
  await store.close();
}

async function closeAndList(driver: Driver, month: string): Promise<string> {
  await driver.close(CALENDAR, month);
  await driver.settled();
  return driver.statements(CALENDAR, month);
}

describe.each(ENGINES)('read models that are rebuilt in the %s database', (engine) => {
  it('have the rows that they had, and the services go on from there', async () => {
    const config = servers.configuration({
      database: engine === 'embedded' ? EMBEDDED : await databases.fresh(engine),
    });
    const facts = history(60);
    let driver = await servers.start(config);
    await prepare(driver);
    await driver.import(ndjson([...facts.slice(0, 70), { kind: 'booked', deal: 'refused' }]));
    await driver.settled();
    const january = await closeAndList(driver, '2026-01');
    expect(january).not.toBe('');
    await driver.text(
      'approver',
      'POST',
      '/statements/approve',
      JSON.stringify({ calendar: CALENDAR, period: '2026-01' }),
    );
    await driver.import(ndjson(WAITING));
    await driver.settled();
    await servers.stop();

    const db = await openReadDatabase(config);
    const honest = await dump(db);
    const named = (await db.introspection.getTables()).map(({ name }) => name).filter((name) => !OTHERS.test(name));
    expect(named.sort()).toEqual(TABLES);
    expect(TABLES.filter((table) => honest[table]?.length === 0)).toEqual(UNTOUCHED);
    for (const table of TABLES) await db.deleteFrom(table).execute();
    await rebuildAll(config, db);
    expect(await dump(db)).toEqual(honest);
    await db.destroy();

    driver = await servers.start(config);
    expect(await driver.statements(CALENDAR, '2026-01')).toBe(january);
    await driver.registerPartners(ndjson(PARTNERS.slice(0, 1).map((partner) => ({ ...partner, id: 'unknown' }))));
    await driver.import(ndjson(facts));
    await driver.settled();
    expect(await closeAndList(driver, '2026-02')).not.toBe('');
    await servers.stop();
    const after = await openReadDatabase(config);
    const goneOn = await dump(after);
    expect(goneOn['commission_waiting']).toEqual([]);
    await rebuildAll(config, after);
    expect(await dump(after)).toEqual(goneOn);
    await after.destroy();
  });
});
