/** The end-to-end history on EventStoreDB, selected by configuration only: the same statements, byte for byte. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { EsdbServer } from '@tantieme/event-store/esdb/server.fixture';
import { freshNamespace, startEsdbTarget } from '@tantieme/event-store/esdb/target.fixture';
import {
  embeddedStatements,
  history,
  ndjson,
  prepare,
  shuffled,
  statementsOf,
  TestServers,
  verifyStore,
} from './end-to-end.fixture.js';

/** Several servers, each with a whole history. */
jest.setTimeout(240_000);

const FACTS = history(60);

const target = await startEsdbTarget();
afterAll(() => target.stop());

const servers = new TestServers();
afterEach(() => servers.end());

describe(`a history on EventStoreDB (${target.kind})`, () => {
  it('results in the statements of the embedded store, in any order, and verifies to the same bytes', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const config = servers.configuration({ eventStore: target.url, eventStoreNamespace: freshNamespace() });
    let driver = await servers.start(config);
    await prepare(driver);
    const mixed = shuffled(FACTS, 4, 10);
    await driver.import(ndjson(mixed.slice(0, 40)));
    await servers.stop();
    driver = await servers.start(config);
    expect(await driver.import(ndjson(mixed))).toMatchObject({ refused: 0, conflicts: 0 });
    expect(await statementsOf(driver, [])).toBe(expected);
    await servers.stop();
    expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });
  });
});

describe('an event store that stops and restarts during an import', () => {
  it('is awaited by running work, which loses and doubles nothing', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const server = await EsdbServer.start();
    try {
      const config = servers.configuration({ eventStore: server.url, logLevel: 'silent' });
      const driver = await servers.start(config);
      await prepare(driver);
      for (const downMs of [50, 200, 600]) {
        // The answer breaks; the import is repeated below.
        const importing = driver.import(ndjson(FACTS)).catch(() => undefined);
        await pause(100);
        await server.stop();
        await pause(downMs);
        await server.start();
        await importing;
      }
      expect(await statementsOf(driver, FACTS)).toBe(expected);
      await servers.stop();
      expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });
    } finally {
      await server.stop();
    }
  });
});
