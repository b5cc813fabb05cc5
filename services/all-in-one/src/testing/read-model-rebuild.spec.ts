/** Rebuilds all read models of all services on a small history: the rows are the same, and processing continues. */
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { rebuildProjection } from '@tantieme/event-sourcing/process/rebuild';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { EMBEDDED } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase, openShadowReadDatabase } from '@tantieme/service-kit/runtime/database';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import type { Driver } from '../driver.js';
import { PROJECTIONS } from '../projections.js';
import { CALENDAR, history, ndjson, PARTNERS, prepare, TestServers } from './end-to-end.fixture.js';

/** Two servers process a whole history. */
jest.setTimeout(240_000);

const databases = new TestDatabases();
afterAll(() => databases.end());

const servers = new TestServers();
afterEach(() => servers.end());

/** Tables of no projection: checkpoints, applied migrations, and those that followers of the log fill. */
const OTHERS = /^checkpoints$|_migrations(_lock)?$|^commission_deal_dependencies$|^deal_ingestion_open_refusals$/;

const TABLES = PROJECTIONS.flatMap(({ tables }) => tables).sort();

/** Tables of what this history does not have. */
const UNTOUCHED = [
  'commission_exchange_rates',
  'commission_missing_quotas',
  'commission_quotas',
  'commission_waived',
  'deal_ingestion_refusal_parts',
  'parked_items',
  'parked_proposals',
  'refusal_proposals',
];

/** A deal of an unknown seller, which stays pending. */
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

/** Rows as text, with the keys of JSON sorted: their order depends on whether an event was in memory. */
async function dump(db: AnyDatabase): Promise<Record<string, readonly string[]>> {
  const rows: Record<string, readonly string[]> = {};
  for (const table of TABLES) {
    const all = await db.selectFrom(table).selectAll().execute();
    rows[table] = all.map((row) => canonicalJson(Object.values(row).map(parsed))).sort();
  }
  return rows;
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' && /^[[{]/.test(value) ? (JSON.parse(value) as unknown) : value;
}

async function rebuildAll(config: RuntimeConfig, db: AnyDatabase): Promise<void> {
  const store = await openEventStore(config);
  for (const projection of PROJECTIONS) {
    const shadow = await openShadowReadDatabase(config);
    await rebuildProjection({ store, db, shadow, projection });
    await shadow.db.destroy();
  }
  await store.close();
}

async function closeAndList(driver: Driver, month: string): Promise<string> {
  await driver.close(CALENDAR, month);
  await driver.awaitIdle();
  return driver.statements(CALENDAR, month);
}

/** Records the payment of the first payout. */
async function payFirst(driver: Driver): Promise<void> {
  const { items } = JSON.parse(await driver.text('finance', 'GET', '/payouts?limit=1')) as {
    items: readonly { readonly id: string; readonly amount: string; readonly currency: string }[];
  };
  const [payout] = items;
  const payment = { payout: payout?.id, state: 'settled', on: '2026-02-10', revision: 1 };
  await driver.text(
    'finance',
    'POST',
    '/payments',
    JSON.stringify({ ...payment, amount: payout?.amount, currency: payout?.currency }),
  );
}

describe.each(ENGINES)('read models rebuilt in the %s database', (engine) => {
  it('have the same rows as before, and the services continue from there', async () => {
    const config = servers.configuration({
      database: engine === 'embedded' ? EMBEDDED : await databases.fresh(engine),
    });
    const facts = history(60);
    let driver = await servers.start(config);
    await prepare(driver);
    await driver.import(ndjson([...facts.slice(0, 70), { kind: 'booked', deal: 'refused' }]));
    await driver.awaitIdle();
    const january = await closeAndList(driver, '2026-01');
    expect(january).not.toBe('');
    await driver.text(
      'approver',
      'POST',
      '/statements/approve',
      JSON.stringify({ calendar: CALENDAR, period: '2026-01' }),
    );
    await driver.awaitIdle();
    await payFirst(driver);
    await driver.import(ndjson(WAITING));
    await driver.awaitIdle();
    await servers.stop();

    const db = await openReadDatabase(config);
    const original = await dump(db);
    const named = (await db.introspection.getTables()).map(({ name }) => name).filter((name) => !OTHERS.test(name));
    expect(named.sort()).toEqual(TABLES);
    expect(TABLES.filter((table) => original[table]?.length === 0)).toEqual(UNTOUCHED);
    for (const table of TABLES) await db.deleteFrom(table).execute();
    await rebuildAll(config, db);
    expect(await dump(db)).toEqual(original);
    await db.destroy();

    driver = await servers.start(config);
    expect(await driver.statements(CALENDAR, '2026-01')).toBe(january);
    await driver.registerPartners(ndjson(PARTNERS.slice(0, 1).map((partner) => ({ ...partner, id: 'unknown' }))));
    await driver.import(ndjson(facts));
    await driver.awaitIdle();
    expect(await closeAndList(driver, '2026-02')).not.toBe('');
    await servers.stop();
    const after = await openReadDatabase(config);
    const continued = await dump(after);
    expect(continued['commission_pending_deals']).toEqual([]);
    await rebuildAll(config, after);
    expect(await dump(after)).toEqual(continued);
    await after.destroy();
  });
});
