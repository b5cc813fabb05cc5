/**
 * The end-to-end history with the read models in PostgreSQL, selected by configuration only: the same statements, byte
 * for byte.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import type { Engine } from '@tantieme/event-sourcing/testing/databases.fixture';
import { EMBEDDED } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { Driver } from '../driver.js';
import { history, ndjson, prepare, shuffled, statementsOf, TestServers } from './end-to-end.fixture.js';

/** Several servers, each with a whole history. */
jest.setTimeout(240_000);

const FACTS = history(60);
const SERVER = new URL('../../dist/bench/server.js', import.meta.url);

const databases = new TestDatabases();
afterAll(() => databases.end());

const servers = new TestServers();
const processes: ChildProcess[] = [];
afterEach(async () => {
  for (const child of processes.splice(0)) await kill(child);
  await servers.end();
});

/** Starts a built replica in a separate process. */
async function forkReplica({
  dataDirectory,
  database,
}: RuntimeConfig): Promise<{ driver: Driver; child: ChildProcess }> {
  const env = { ...process.env, TANTIEME_DATA: dataDirectory, TANTIEME_DATABASE: database, NODE_OPTIONS: '' };
  const child = fork(SERVER, { env, execArgv: [] });
  processes.push(child);
  const [{ url }] = (await once(child, 'message')) as [{ readonly url: string }];
  return { driver: new Driver(url, dataDirectory), child };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Waits until each process runs or stands by. @returns those that stand by */
async function standby(driver: Driver): Promise<readonly string[]> {
  for (;;) {
    const { items } = JSON.parse(await driver.text('operator', 'GET', '/health/lag')) as {
      items: { name: string; running: boolean; standby?: true }[];
    };
    if (items.every(({ running, standby }) => running || standby === true))
      return items.flatMap(({ name, standby }) => (standby === true ? [name] : []));
    await pause(20);
  }
}

/** The statements of the shuffled history, with a restart during its import. */
async function statementsOn(engine: Engine): Promise<string> {
  const config = servers.configuration({
    database: engine === 'embedded' ? EMBEDDED : await databases.fresh(engine),
  });
  const facts = shuffled(FACTS, ENGINES.indexOf(engine), 10);
  let driver = await servers.start(config);
  await prepare(driver);
  await driver.import(ndjson(facts.slice(0, 40)));
  await servers.stop();
  driver = await servers.start(config);
  expect(await driver.import(ndjson(facts))).toMatchObject({ refused: 0, conflicts: 0 });
  const all = await statementsOf(driver, []);
  await servers.stop();
  return all;
}

describe('a history with read models in PostgreSQL', () => {
  it('results in the statements of the embedded database, in any order', async () => {
    const embedded = await statementsOn('embedded');
    expect(embedded.trim().split('\n').length).toBeGreaterThan(9);
    expect(await statementsOn('postgres')).toBe(embedded);
  });
});

describe('two replicas on one database', () => {
  it('result in the same statements, also after the leader is killed', async () => {
    const embedded = await statementsOn('embedded');
    const config = servers.configuration({ database: await databases.fresh('postgres') });
    const one = await forkReplica(config);
    await prepare(one.driver);
    await one.driver.import(ndjson(FACTS.slice(0, 20)));
    const two = await forkReplica(config);
    // It runs shared work and stands by for the rest.
    const rest = await standby(two.driver);
    expect(rest).toEqual(expect.arrayContaining(['commission-read-model', 'payouts-read-model', 'rewards-closing']));
    expect(rest).not.toContain('commission-earn');
    expect(await standby(one.driver)).toEqual([]);
    // The connection breaks with the process.
    const importing = one.driver.import(ndjson(FACTS)).catch(() => undefined);
    await two.driver.import(ndjson(shuffled(FACTS, 5).slice(0, 60)));
    await kill(one.child);
    await importing;
    await two.driver.import(ndjson(FACTS));
    while ((await standby(two.driver)).length > 0) await pause(50);
    expect(await statementsOf(two.driver, [])).toBe(embedded);
  });
});
