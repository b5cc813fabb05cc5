/** The command as it is built, in processes of its own beside a server that runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { Driver } from '@tantieme/all-in-one/driver';
import { startInOneThread } from '@tantieme/all-in-one/start';
import type { RunningServer } from '@tantieme/all-in-one/start';
import { configOf, history, ndjson, prepare, temporaryDirectory } from '@tantieme/all-in-one/whole-way.fixture';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const COMMAND = new URL('../../dist/main.js', import.meta.url).pathname;
const NAME = 'deal-ingestion-read-model';
const FACTS = history(60);
/** Imported before anything is rebuilt, and after. */
const BEFORE = 60;
const AFTER = 70;

const directory = temporaryDirectory();
let server: RunningServer;
let driver: Driver;
let database: DatabaseSync;

beforeAll(async () => {
  server = await startInOneThread(configOf(directory.path));
  driver = new Driver(server.url, directory.path);
  await prepare(driver);
  await driver.import(ndjson(FACTS.slice(0, BEFORE)));
  await driver.settled();
  database = new DatabaseSync(join(directory.path, 'read.sqlite'), { timeout: 10_000 });
}, 180_000);
afterAll(async () => {
  database.close();
  await server.stop();
  directory.remove();
});

function start(...options: readonly string[]) {
  return spawn(process.execPath, [COMMAND, 'read-model', 'rebuild', ...options], {
    env: { ...process.env, NODE_OPTIONS: '', TANTIEME_DATA: directory.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function rebuild(...options: readonly string[]): Promise<{ code: unknown; output: string; error: string }> {
  const child = start(...options);
  const [[code], output, error] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { code, output, error };
}

function deals(): readonly unknown[] {
  return database.prepare('SELECT * FROM deal_ingestion_deals ORDER BY source, deal').all();
}

/** A deal that never was, one that is missing, and one with lines that it does not have. */
function tamper(): void {
  database.exec(`
    DELETE FROM deal_ingestion_deals WHERE deal = 'D-1';
    UPDATE deal_ingestion_deals SET line_count = 99 WHERE deal = 'D-2';
    INSERT INTO deal_ingestion_deals (source, deal, revision, line_count, invoice_count, payment_count, return_count)
      VALUES ('crm', 'forged', 0, 0, 0, 0, 0)`);
}

describe('tantieme read-model rebuild', () => {
  it('puts right what is wrong, says what it did, and the server goes on', async () => {
    const honest = deals();
    tamper();
    const { code, output, error } = await rebuild(NAME, '--json');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(JSON.parse(output)).toMatchObject({
      name: NAME,
      rows: { deal_ingestion_deals: honest.length, deal_ingestion_refusals: 0 },
    });
    expect(deals()).toEqual(honest);
    await driver.import(ndjson(FACTS.slice(BEFORE, AFTER)));
    await driver.settled();
    expect(deals()).not.toEqual(honest);
    const after = deals();
    expect(await rebuild(NAME)).toMatchObject({
      code: 0,
      output: expect.stringContaining(`rebuilt from ${AFTER} events`),
    });
    expect(deals()).toEqual(after);
  }, 180_000);

  it('loses nothing of what is imported meanwhile', async () => {
    const rebuilding = rebuild(NAME);
    await driver.import(ndjson(FACTS.slice(AFTER)));
    expect(await rebuilding).toMatchObject({ code: 0, error: '' });
    await driver.settled();
    const live = deals();
    expect(await rebuild(NAME)).toMatchObject({ code: 0 });
    expect(deals()).toEqual(live);
  }, 180_000);

  it('that is killed, whenever that is, has replaced nothing or all', async () => {
    const honest = deals();
    tamper();
    const tampered = deals();
    const took = Date.now();
    expect(await rebuild('payouts-read-model')).toMatchObject({ code: 0 });
    const wholeMs = Date.now() - took;
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      const child = start(NAME);
      const ended = once(child, 'exit');
      await Promise.race([pause((wholeMs * tenth) / 10), ended]);
      child.kill('SIGKILL');
      await ended;
      const now = deals();
      expect([tampered, honest]).toContainEqual(now);
    }
    expect(await rebuild(NAME)).toMatchObject({ code: 0 });
    expect(deals()).toEqual(honest);
  }, 180_000);

  it('says what is wrong with its arguments', async () => {
    expect(await rebuild('statements')).toMatchObject({
      code: 1,
      error: expect.stringContaining('Allowed choices are partner-registry-read-model'),
    });
    const empty = temporaryDirectory();
    expect(await rebuild(NAME, '--data', empty.path)).toEqual({
      code: 1,
      output: '',
      error: `tantieme: ${join(empty.path, 'events.sqlite')}: there is no event store\n`,
    });
    empty.remove();
  }, 180_000);
});
