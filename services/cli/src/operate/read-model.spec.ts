/** Runs the built command in separate processes, next to a running server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { Driver } from '@tantieme/all-in-one/driver';
import {
  history,
  ndjson,
  prepare,
  temporaryDirectory,
  TestServers,
} from '@tantieme/all-in-one/testing/end-to-end.fixture';
import { ENGINES, TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import type { Engine } from '@tantieme/event-sourcing/testing/databases.fixture';
import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';
import { EMBEDDED } from '@tantieme/service-kit/runtime/config';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { openReadDatabase } from '@tantieme/service-kit/runtime/database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const COMMAND = new URL('../../dist/main.js', import.meta.url).pathname;
const NAME = 'deal-ingestion-read-model';
const FACTS = history(60);
/** Facts imported before the first rebuild. */
const BEFORE = 60;
/** Facts imported before the second rebuild, in all. */
const AFTER = 70;
/** `ImportStarted`, `ImportBatchRecorded` and `ImportEnded` of two imports. */
const IMPORT_EVENTS = 6;

const databases = new TestDatabases();
afterAll(() => databases.end());

const servers = new TestServers();
let config: RuntimeConfig;
let driver: Driver;
let db: AnyDatabase;

async function open(engine: Engine): Promise<void> {
  const database = engine === 'embedded' ? EMBEDDED : await databases.fresh(engine);
  config = servers.configuration({ database });
  driver = await servers.start(config);
  await prepare(driver);
  await driver.import(ndjson(FACTS.slice(0, BEFORE)));
  await driver.awaitIdle();
  db = await openReadDatabase(config);
}

async function close(): Promise<void> {
  await db.destroy();
  await servers.end();
}

function start(...options: readonly string[]) {
  return spawn(process.execPath, [COMMAND, 'read-model', 'rebuild', ...options], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      TANTIEME_DATA: config.dataDirectory,
      TANTIEME_DATABASE: config.database,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function rebuild(...options: readonly string[]): Promise<{ code: unknown; output: string; error: string }> {
  const child = start(...options);
  const [[code], output, error] = await Promise.all([
    once(child, 'exit') as Promise<[code: number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, output, error };
}

function deals(): Promise<readonly unknown[]> {
  return db.selectFrom('deal_ingestion_deals').selectAll().orderBy('source').orderBy('deal').execute();
}

/** Deletes a deal, changes the line count of another, and adds a forged one. */
async function tamper(): Promise<void> {
  await db.deleteFrom('deal_ingestion_deals').where('deal', '=', 'D-1').execute();
  await db.updateTable('deal_ingestion_deals').set({ line_count: 99 }).where('deal', '=', 'D-2').execute();
  const counts = { revision: 0, line_count: 0, invoice_count: 0, payment_count: 0, return_count: 0 };
  const texts = { occurred_at: '', state: 'incomplete', customer: '' };
  await db
    .insertInto('deal_ingestion_deals')
    .values({ source: 'crm', deal: 'forged', ...counts, ...texts })
    .execute();
}

describe.each(ENGINES)('tantieme read-model rebuild in the %s database', (engine) => {
  beforeAll(() => open(engine), 180_000);
  afterAll(close);

  it('repairs tampered rows, prints what it did, and the server keeps working', async () => {
    const intact = await deals();
    await tamper();
    const { code, output, error } = await rebuild(NAME, '--json');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(JSON.parse(output)).toMatchObject({
      name: NAME,
      rows: { deal_ingestion_deals: intact.length, deal_ingestion_refusals: 0 },
    });
    expect(await deals()).toEqual(intact);
    await driver.import(ndjson(FACTS.slice(BEFORE, AFTER)));
    await driver.awaitIdle();
    expect(await deals()).not.toEqual(intact);
    const after = await deals();
    expect(await rebuild(NAME)).toMatchObject({
      code: 0,
      output: expect.stringContaining(`rebuilt from ${AFTER + IMPORT_EVENTS} events`),
    });
    expect(await deals()).toEqual(after);
  }, 180_000);

  it('includes facts that are imported during the rebuild', async () => {
    const rebuilding = rebuild(NAME);
    await driver.import(ndjson(FACTS.slice(AFTER)));
    expect(await rebuilding).toMatchObject({ code: 0, error: '' });
    await driver.awaitIdle();
    const live = await deals();
    expect(await rebuild(NAME)).toMatchObject({ code: 0 });
    expect(await deals()).toEqual(live);
  }, 180_000);

  it('replaces all rows or none when it is killed at any moment', async () => {
    const intact = await deals();
    await tamper();
    const tampered = await deals();
    const startedAt = Date.now();
    expect(await rebuild('payouts-read-model')).toMatchObject({ code: 0 });
    const wholeMs = Date.now() - startedAt;
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      const child = start(NAME);
      const ended = once(child, 'exit');
      await Promise.race([pause((wholeMs * tenth) / 10), ended]);
      child.kill('SIGKILL');
      await ended;
      const now = await deals();
      expect([tampered, intact]).toContainEqual(now);
    }
    expect(await rebuild(NAME)).toMatchObject({ code: 0 });
    expect(await deals()).toEqual(intact);
  }, 180_000);

  it('explains invalid arguments', async () => {
    expect(await rebuild('statements')).toMatchObject({
      code: 1,
      error: expect.stringContaining('Allowed choices are partner-registry-read-model'),
    });
    const empty = temporaryDirectory();
    expect(await rebuild(NAME, '--data', empty.path)).toEqual({
      code: 1,
      output: '',
      error:
        `tantieme: ${join(empty.path, 'events.sqlite')} does not exist: this is not a data directory. ` +
        'Name the data directory of a server with --data or TANTIEME_DATA.\n',
    });
    empty.remove();
  }, 180_000);
});
