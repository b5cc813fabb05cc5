/** The whole way over EventStoreDB, chosen by configuration alone: the same history, the same statements, byte for byte. */
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import { freshNamespace, startEsdbTarget } from '@tantieme/event-store/esdb/target.fixture';
import type { RuntimeConfig } from '@tantieme/service-kit/config';
import { openEventStore } from '@tantieme/service-kit/event-store';
import { Driver } from './driver.js';
import { replayables } from './replayables.js';
import { startAllInOne, type RunningServer } from './start.js';
import { CALENDAR, configOf, history, ndjson, prepare, shuffled, temporaryDirectory } from './whole-way.fixture.js';

const MONTHS = ['2026-01', '2026-02', '2026-03'];
const FACTS = history(60);

const target = await startEsdbTarget();
afterAll(() => target.stop());

const directories: { remove(): void }[] = [];
const servers: RunningServer[] = [];
async function stopAll(): Promise<void> {
  for (const server of servers.splice(0)) await server.stop();
}
afterEach(async () => {
  await stopAll();
  for (const directory of directories.splice(0)) directory.remove();
});

function configuration(of: Partial<RuntimeConfig> = {}): RuntimeConfig {
  const directory = temporaryDirectory();
  directories.push(directory);
  return { ...configOf(directory.path), ...of };
}

async function start(config: RuntimeConfig): Promise<Driver> {
  const server = await startAllInOne(config);
  servers.push(server);
  return new Driver(server.url, config.dataDirectory);
}

async function statements(driver: Driver): Promise<string> {
  let all = '';
  for (const month of MONTHS) {
    await driver.close(CALENDAR, month);
    await driver.settled();
    all += await driver.statements(CALENDAR, month);
  }
  return all;
}

describe(`a history over EventStoreDB (${target.kind})`, () => {
  it('ends in the statements of the embedded store, in any order, and re-decides to the same bytes', async () => {
    const embedded = await start(configuration());
    await prepare(embedded);
    await embedded.import(ndjson(FACTS));
    await embedded.settled();
    const expected = await statements(embedded);
    await stopAll();

    const config = configuration({ eventStore: target.url, eventStoreNamespace: freshNamespace() });
    let driver = await start(config);
    await prepare(driver);
    const mixed = shuffled(FACTS, 4, 10);
    await driver.import(ndjson(mixed.slice(0, 40)));
    await stopAll();
    driver = await start(config);
    expect(await driver.import(ndjson(mixed))).toMatchObject({ refused: 0, conflicts: 0 });
    await driver.settled();
    expect(await statements(driver)).toBe(expected);
    expect(expected.trim().split('\n').length).toBeGreaterThan(9);
    await stopAll();

    const store = openEventStore(config);
    expect(await verifyLog({ store, replayables: await replayables(store) })).toMatchObject({ differenceCount: 0 });
    await store.close();
  });
});
