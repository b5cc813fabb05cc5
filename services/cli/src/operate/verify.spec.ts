/** Runs the built command, as only it can start threads. */
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import {
  CALENDAR,
  history,
  ndjson,
  prepare,
  TestServers,
  temporaryDirectory,
} from '@tantieme/all-in-one/testing/end-to-end.fixture';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const servers = new TestServers();
const config = servers.configuration();
const COMMAND = new URL('../../dist/main.js', import.meta.url).pathname;

beforeAll(async () => {
  const driver = await servers.start(config);
  await prepare(driver);
  await driver.import(ndjson(history(60)));
  await driver.awaitIdle();
  await driver.close(CALENDAR, '2026-01');
  await driver.awaitIdle();
  await servers.stop();
}, 180_000);
afterAll(() => servers.end());

function verify(...options: readonly string[]): Promise<{ code: unknown; output: string; error: string }> {
  return verifyIn(config.dataDirectory, ...options);
}

function verifyIn(
  path: string,
  ...options: readonly string[]
): Promise<{ code: unknown; output: string; error: string }> {
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [COMMAND, 'verify', '--data', path, ...options],
      { env: { ...process.env, NODE_OPTIONS: '' } },
      (error, output, errorOutput) => resolve({ code: error?.code ?? 0, output, error: errorOutput }),
    ),
  );
}

/**
 * Prepends a digit to the amounts of all events whose position is a multiple of `step`.
 * @returns `stream@revision` of each changed event
 */
function changeAmounts(step: number): readonly string[] {
  const database = new DatabaseSync(join(config.dataDirectory, 'events.sqlite'));
  const changed = database
    .prepare(
      `UPDATE events SET data = replace(data, '.00"', '.01"')
       WHERE position % ? = 0 AND data LIKE '%.00"%'
       RETURNING position, (SELECT name FROM streams WHERE key = stream) || '@' || revision AS name`,
    )
    .all(step);
  database.close();
  return changed.sort((a, b) => Number(a['position']) - Number(b['position'])).map(({ name }) => String(name));
}

describe('tantieme verify', () => {
  it.each(['plan', 'programme', 'participant', 'rewardscalendar'])(
    'names the emptied event of a %s that later events depend on',
    async (category) => {
      const copy = temporaryDirectory();
      cpSync(config.dataDirectory, copy.path, { recursive: true });
      const database = new DatabaseSync(join(copy.path, 'events.sqlite'));
      const emptied = database
        .prepare(
          `UPDATE events SET data = '{}' WHERE position =
             (SELECT min(e.position) FROM events e JOIN streams s ON s.key = e.stream WHERE s.name LIKE ? || '-%')
           RETURNING (SELECT name FROM streams WHERE key = stream) || '@' || revision AS name`,
        )
        .all(category);
      database.close();
      expect(emptied).toHaveLength(1);
      const { code, output, error } = await verifyIn(copy.path, '--threads', '2');
      expect({ code, error }).toEqual({ code: 1, error: '' });
      expect(output.slice(0, output.indexOf(': '))).toBe(emptied[0]?.['name']);
      copy.remove();
    },
    180_000,
  );

  it('finds a log that is behind the read models', async () => {
    const copy = temporaryDirectory();
    cpSync(config.dataDirectory, copy.path, { recursive: true });
    const database = new DatabaseSync(join(copy.path, 'read.sqlite'));
    database.exec("UPDATE checkpoints SET position = '999999' WHERE rowid = 1");
    database.close();
    const { code, output } = await verifyIn(copy.path);
    expect(code).toBe(1);
    expect(output).toMatch(/^\(log\)@-1: the event log ends at position \d+, but .* has read it up to 999999/);
    copy.remove();
  });

  it('gives the same result with any number of threads, for an intact and a tampered log', async () => {
    const intact = await verify('--json', '--threads', '1');
    expect(intact).toMatchObject({ code: 0, error: '' });
    expect(JSON.parse(intact.output)).toMatchObject({ differenceCount: 0, differences: [] });
    expect(await verify('--json', '--threads', '3')).toEqual(intact);

    const changed = changeAmounts(17);
    expect(changed.length).toBeGreaterThan(5);
    const tampered = await verify('--threads', '1');
    expect(tampered.code).toBe(1);
    for (const threads of [['--threads', '3'], []]) expect(await verify(...threads)).toEqual(tampered);
    const named = tampered.output.split('\n').map((line) => line.slice(0, line.indexOf(': ')));
    expect(named[0]).toBe(changed[0]);
    expect(named).toEqual(expect.arrayContaining([...changed]));
  }, 180_000);

  it('explains invalid arguments', async () => {
    expect(await verify('--threads', 'two')).toMatchObject({
      code: 1,
      error: expect.stringContaining('Expected a whole number from 1 to 99'),
    });
    expect(await verify('--expect', 'nonsense')).toEqual({
      code: 1,
      output: '',
      error: 'tantieme: "nonsense" is not the head of a log: <number of events>:<64 hex digits>\n',
    });
  });
});
