/** Backup and restore of the embedded default, as `docs/operations.md` describes them. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  CALENDAR,
  embeddedStatements,
  history,
  MONTHS,
  ndjson,
  prepare,
  statementsOf,
  TestServers,
  verifyStore,
} from './end-to-end.fixture.js';

/** Several servers one after the other. */
jest.setTimeout(120_000);

const FACTS = history(60);
const FILES = ['events.sqlite', 'broker.sqlite', 'read.sqlite'] as const;

const servers = new TestServers();
afterEach(() => servers.end());

describe('a backup', () => {
  it.each([
    ['all three files, copied while the server is stopped', FILES],
    ['the event store alone: read models are rebuilt, and messages published again', ['events.sqlite'] as const],
  ])('restores every statement, and the rest of the history continues from there: %s', async (_, files) => {
    const original = servers.configuration();
    const driver = await servers.start(original);
    await prepare(driver);
    await driver.import(ndjson(FACTS.slice(0, 40)));
    await driver.awaitIdle();
    await driver.close(CALENDAR, MONTHS[0] ?? '');
    const january = await driver.statements(CALENDAR, MONTHS[0] ?? '');
    expect(january).not.toBe('');
    await servers.stop();

    const restored = servers.configuration();
    for (const file of files) copyFileSync(join(original.dataDirectory, file), join(restored.dataDirectory, file));
    const again = await servers.start(restored);
    await again.awaitIdle();
    expect(await again.statements(CALENDAR, MONTHS[0] ?? '')).toBe(january);
    await again.import(ndjson(FACTS));
    await again.awaitIdle();
    await servers.stop();
    expect(await verifyStore(restored)).toMatchObject({ differenceCount: 0 });
  });

  it('can be taken of the event store while the server runs', async () => {
    const original = servers.configuration();
    const driver = await servers.start(original);
    await prepare(driver);
    await driver.import(ndjson(FACTS.slice(0, 40)));
    const restored = servers.configuration();
    mkdirSync(restored.dataDirectory, { recursive: true });
    const source = new DatabaseSync(join(original.dataDirectory, 'events.sqlite'), { readOnly: true });
    source.exec(`VACUUM INTO '${join(restored.dataDirectory, 'events.sqlite')}'`);
    source.close();
    await servers.stop();
    expect(existsSync(join(restored.dataDirectory, 'events.sqlite'))).toBe(true);
    expect(await verifyStore(restored)).toMatchObject({ differenceCount: 0 });
    expect(await statementsOf(await servers.start(restored), FACTS)).toBe(await embeddedStatements(servers, FACTS));
  });
});
