/** The whole way over EventStoreDB, chosen by configuration alone: the same history, the same statements, byte for byte. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import { EsdbServer } from '@tantieme/event-store/esdb/server.fixture';
import { freshNamespace, startEsdbTarget } from '@tantieme/event-store/esdb/target.fixture';
import type { RuntimeConfig } from '@tantieme/service-kit/config';
import { openEventStore } from '@tantieme/service-kit/event-store';
import { Driver } from './driver.js';
import { replayables } from './replayables.js';
import { startInOneThread, type RunningServer } from './start.js';
import {
  configOf,
  history,
  ndjson,
  prepare,
  shuffled,
  statementsOfQuarter,
  temporaryDirectory,
} from './whole-way.fixture.js';

/** Several servers one after another, each with the whole way. */
jest.setTimeout(240_000);

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
  const server = await startInOneThread(config);
  servers.push(server);
  return new Driver(server.url, config.dataDirectory);
}

async function statementsEmbedded(): Promise<string> {
  const driver = await start(configuration());
  await prepare(driver);
  await driver.import(ndjson(FACTS));
  await driver.settled();
  const all = await statementsOfQuarter(driver);
  expect(all.trim().split('\n').length).toBeGreaterThan(9);
  await stopAll();
  return all;
}

async function differences(config: RuntimeConfig): Promise<number> {
  const store = await openEventStore(config);
  try {
    return (await verifyLog({ store, replayables: await replayables(store) })).differenceCount;
  } finally {
    await store.close();
  }
}

describe(`a history over EventStoreDB (${target.kind})`, () => {
  it('ends in the statements of the embedded store, in any order, and re-decides to the same bytes', async () => {
    const expected = await statementsEmbedded();
    const config = configuration({ eventStore: target.url, eventStoreNamespace: freshNamespace() });
    let driver = await start(config);
    await prepare(driver);
    const mixed = shuffled(FACTS, 4, 10);
    await driver.import(ndjson(mixed.slice(0, 40)));
    await stopAll();
    driver = await start(config);
    expect(await driver.import(ndjson(mixed))).toMatchObject({ refused: 0, conflicts: 0 });
    await driver.settled();
    expect(await statementsOfQuarter(driver)).toBe(expected);
    await stopAll();
    expect(await differences(config)).toBe(0);
  });
});

describe('a server that goes away in the middle, and comes back', () => {
  it('is waited for by what is running, which loses and doubles nothing', async () => {
    const expected = await statementsEmbedded();
    const server = await EsdbServer.start();
    try {
      const config = configuration({ eventStore: server.url, logLevel: 'silent' });
      const driver = await start(config);
      await prepare(driver);
      for (const awayMs of [50, 200, 600]) {
        // The answer breaks off; it is repeated below.
        const importing = driver.import(ndjson(FACTS)).catch(() => undefined);
        await pause(100);
        await server.stop();
        await pause(awayMs);
        await server.start();
        await importing;
      }
      await driver.import(ndjson(FACTS));
      await driver.settled();
      expect(await statementsOfQuarter(driver)).toBe(expected);
      await stopAll();
      expect(await differences(config)).toBe(0);
    } finally {
      await server.stop();
    }
  });
});
