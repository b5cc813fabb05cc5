/** The files of a data directory belong together: a log that is behind the others is refused, everything else recovers. */
import { cpSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { freshNamespace, startEsdbTarget } from '@tantieme/event-store/esdb/target.fixture';
import { LogMismatch } from '@tantieme/event-store/same-log';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { embeddedStatements, history, ndjson, prepare, statementsOf, TestServers } from './end-to-end.fixture.js';

/** Several servers one after the other. */
jest.setTimeout(240_000);

const FACTS = history(60);
const EVENTS = ['events.sqlite', 'events.sqlite-wal', 'events.sqlite-shm'];

const servers = new TestServers();
const running = new TestServers();
afterEach(() => running.end());
afterAll(() => servers.end());

/** A stopped server's data directory with half of the history, and the same directory with all of it. */
let older: RuntimeConfig;
let newer: RuntimeConfig;
/** Files of the running server, copied as a SIGKILL leaves them: with write-ahead logs. */
let killed: RuntimeConfig;

beforeAll(async () => {
  newer = servers.configuration();
  let driver = await servers.start(newer);
  await prepare(driver);
  await driver.import(ndjson(FACTS.slice(0, 30)));
  await driver.awaitIdle();
  await servers.stop();
  older = copyOf(newer);
  driver = await servers.start(newer);
  await driver.import(ndjson(FACTS));
  await driver.awaitIdle();
  killed = copyOf(newer);
  await servers.stop();
});

function copyOf(original: RuntimeConfig): RuntimeConfig {
  const copy = servers.configuration({ logLevel: 'silent' });
  cpSync(original.dataDirectory, copy.dataDirectory, { recursive: true });
  return copy;
}

function remove(config: RuntimeConfig, ...files: readonly string[]): void {
  for (const file of files) rmSync(join(config.dataDirectory, file), { force: true });
}

describe('a log that is behind the other files is refused', () => {
  it('as an older copy', async () => {
    const config = copyOf(newer);
    remove(config, ...EVENTS);
    cpSync(join(older.dataDirectory, 'events.sqlite'), join(config.dataDirectory, 'events.sqlite'));
    await expect(running.start(config)).rejects.toThrow(LogMismatch);
    await expect(running.start(config)).rejects.toThrow(/ends at position \d+, but .* has read it up to \d+/);
  });

  it('without its write-ahead log after a kill', async () => {
    const config = copyOf(killed);
    remove(config, 'events.sqlite-wal', 'events.sqlite-shm');
    await expect(running.start(config)).rejects.toThrow(LogMismatch);
  });

  it('when it was deleted', async () => {
    const config = copyOf(newer);
    remove(config, ...EVENTS);
    await expect(running.start(config)).rejects.toThrow('the event log is empty');
  });

  it('when it was emptied', async () => {
    const config = copyOf(newer);
    truncateSync(join(config.dataDirectory, 'events.sqlite'));
    await expect(running.start(config)).rejects.toThrow('the event log is empty');
  });

  it('when an older copy was continued elsewhere and is longer', async () => {
    const config = copyOf(older);
    const driver = await running.start(config);
    // The other half of the history, which makes other events.
    await driver.import(ndjson(FACTS.slice(30).toReversed()));
    await driver.import(ndjson(FACTS.slice(30).map((fact) => ({ ...fact, deal: `X-${fact.deal}` }))));
    await driver.awaitIdle();
    await running.stop();
    remove(config, 'read.sqlite', 'broker.sqlite');
    for (const file of ['read.sqlite', 'broker.sqlite'])
      cpSync(join(newer.dataDirectory, file), join(config.dataDirectory, file));
    await expect(running.start(config)).rejects.toThrow('has another event at position');
    // The broker alone: its groups would skip events for ever too.
    remove(config, 'read.sqlite');
    await expect(running.start(config)).rejects.toThrow('has another event at position');
    remove(config, 'broker.sqlite');
    await running.start(config);
  });
});

describe('everything else is computed again from the log', () => {
  it.each([
    ['the broker is lost', ['broker.sqlite']],
    ['the read models are lost', ['read.sqlite']],
    ['only the log is left', ['broker.sqlite', 'read.sqlite', 'development-issuer.json']],
  ])('when %s', async (_, files) => {
    const config = copyOf(newer);
    remove(config, ...files);
    const driver = await running.start(config);
    expect(await statementsOf(driver, [])).toBe(await embeddedStatements(servers, FACTS));
  });
});

describe('on servers', () => {
  const databases = new TestDatabases();
  afterAll(() => databases.end());

  it('a log that is behind the database is refused', async () => {
    const target = await startEsdbTarget();
    try {
      const database = await databases.fresh('postgres');
      const eventStore = target.url;
      const config = running.configuration({
        logLevel: 'silent',
        database,
        eventStore,
        eventStoreNamespace: freshNamespace(),
      });
      const driver = await running.start(config);
      await prepare(driver);
      // Until the read model has its tables, rows and checkpoint.
      const partners = (): Promise<string> => driver.text('operator', 'GET', '/partners').catch(() => '');
      while (!(await partners()).includes('"anna"')) await pause(20);
      await running.stop();
      const other = { ...config, eventStoreNamespace: freshNamespace() };
      await expect(running.start(other)).rejects.toThrow('the event log is empty');
    } finally {
      await running.stop();
      await target.stop();
    }
  });
});
