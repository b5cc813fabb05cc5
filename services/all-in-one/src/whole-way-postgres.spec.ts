/** The whole way with the read models in PostgreSQL, chosen by configuration alone: the same history, the same statements, byte for byte. */
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/databases.fixture';
import type { Engine } from '@tantieme/event-sourcing/databases.fixture';
import { EMBEDDED } from '@tantieme/service-kit/config';
import { Driver } from './driver.js';
import { startInOneThread, type RunningServer } from './start.js';
import { CALENDAR, configOf, history, ndjson, prepare, shuffled, temporaryDirectory } from './whole-way.fixture.js';

/** Several servers one after another, each with the whole way. */
jest.setTimeout(240_000);

const MONTHS = ['2026-01', '2026-02', '2026-03'];
const FACTS = history(60);

const databases = new TestDatabases();
afterAll(() => databases.end());

const directories: { remove(): void }[] = [];
const servers: RunningServer[] = [];
async function stopAll(): Promise<void> {
  for (const server of servers.splice(0)) await server.stop();
}
afterEach(async () => {
  await stopAll();
  for (const directory of directories.splice(0)) directory.remove();
});

async function start(directory: string, database: string): Promise<Driver> {
  const server = await startInOneThread({ ...configOf(directory), database });
  servers.push(server);
  return new Driver(server.url, directory);
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

/** The history, shuffled, with a stop in the middle of its import. */
async function statementsOn(engine: Engine): Promise<string> {
  const directory = temporaryDirectory();
  directories.push(directory);
  const database = engine === 'embedded' ? EMBEDDED : await databases.fresh(engine);
  const facts = shuffled(FACTS, ENGINES.indexOf(engine), 10);
  let driver = await start(directory.path, database);
  await prepare(driver);
  await driver.import(ndjson(facts.slice(0, 40)));
  await stopAll();
  driver = await start(directory.path, database);
  expect(await driver.import(ndjson(facts))).toMatchObject({ refused: 0, conflicts: 0 });
  await driver.settled();
  const all = await statements(driver);
  await stopAll();
  return all;
}

describe('a history whose read models are in PostgreSQL', () => {
  it('ends in the statements of the embedded database, in any order', async () => {
    const embedded = await statementsOn('embedded');
    expect(embedded.trim().split('\n').length).toBeGreaterThan(9);
    expect(await statementsOn('postgres')).toBe(embedded);
  });
});
