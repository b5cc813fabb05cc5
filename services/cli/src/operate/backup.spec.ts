import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  CALENDAR,
  embeddedStatements,
  history,
  MONTHS,
  ndjson,
  prepare,
  statementsOf,
  temporaryDirectory,
  TestServers,
} from '@tantieme/all-in-one/testing/end-to-end.fixture';
import { LogMismatch } from '@tantieme/event-store/same-log';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { DirectoryLocked } from '@tantieme/service-kit/runtime/directory-lock';
import { restoreBackup, takeBackup } from './backup-set.js';
import { forgetComputed } from './rebuild.js';

/** Several servers, each with a whole history. */
jest.setTimeout(240_000);

const FACTS = history(60);
const [JANUARY = ''] = MONTHS;

const backups = temporaryDirectory();
const servers = new TestServers();
const restored = new TestServers();
afterEach(() => restored.end());
afterAll(async () => {
  await servers.end();
  backups.remove();
});

let statements: string;
let january: string;
let original: RuntimeConfig;
/** Backups of a running server: with January closed, twice while the rest is imported, then after the import. */
const [early, full, logOnly, last] = ['early', 'full', 'log-only', 'last'].map((name) => join(backups.path, name)) as [
  string,
  string,
  string,
  string,
];

beforeAll(async () => {
  statements = await embeddedStatements(servers, FACTS);
  original = servers.configuration({ logLevel: 'silent' });
  const driver = await servers.start(original);
  await prepare(driver);
  await driver.import(ndjson(FACTS.slice(0, 20)));
  await driver.awaitIdle();
  await driver.close(CALENDAR, JANUARY);
  await driver.awaitIdle();
  january = await driver.statements(CALENDAR, JANUARY);
  await takeBackup(original.dataDirectory, early, { logOnly: true });
  const importing = driver.import(ndjson(FACTS));
  await pause(100);
  await takeBackup(original.dataDirectory, full, { logOnly: false });
  await takeBackup(original.dataDirectory, logOnly, { logOnly: true });
  await importing;
  await driver.awaitIdle();
  await takeBackup(original.dataDirectory, last, { logOnly: false });
});

/** A directory with a copy of the backup, to be damaged. */
function copyOf(backup: string): string {
  const copy = join(backups.path, `copy-${readdirSync(backups.path).length}`);
  cpSync(backup, copy, { recursive: true });
  return copy;
}

describe('a backup of a running server', () => {
  it('has all files, or the log alone', () => {
    expect(readdirSync(full).sort()).toEqual(['backup.json', 'broker.sqlite', 'events.sqlite', 'read.sqlite']);
    expect(readdirSync(logOnly).sort()).toEqual(['backup.json', 'events.sqlite']);
  });

  it.each([
    ['all files', () => full],
    ['the log alone', () => logOnly],
  ])('is restored with its statements, and continues: %s', async (_, backup) => {
    const config = restored.configuration({ logLevel: 'silent' });
    await restoreBackup(backup(), config.dataDirectory);
    const driver = await restored.start(config);
    await driver.awaitIdle();
    expect(await driver.statements(CALENDAR, JANUARY)).toBe(january);
    await driver.import(ndjson(FACTS));
    await driver.awaitIdle();
    const original = restored.configuration({ logLevel: 'silent' });
    await restoreBackup(last, original.dataDirectory);
    const other = await restored.start(original);
    await other.awaitIdle();
    for (const month of MONTHS.slice(1)) {
      await driver.close(CALENDAR, month);
      await other.close(CALENDAR, month);
      expect(await driver.statements(CALENDAR, month)).toBe(await other.statements(CALENDAR, month));
    }
  });

  it('is taken into an empty folder only', async () => {
    await expect(takeBackup(original.dataDirectory, full, { logOnly: true })).rejects.toThrow('is not empty');
    expect(readdirSync(full)).toHaveLength(4);
  });

  it('is not taken of a folder without an event log', async () => {
    await expect(takeBackup(backups.path, join(backups.path, 'none'), { logOnly: true })).rejects.toThrow(
      'this is not a data directory',
    );
  });
});

describe('a restore refuses', () => {
  const refused = async (backup: string, message: string): Promise<void> => {
    const { dataDirectory } = restored.configuration();
    await expect(restoreBackup(backup, dataDirectory)).rejects.toThrow(message);
    expect(
      ['events.sqlite', 'read.sqlite', 'broker.sqlite'].filter((name) => existsSync(join(dataDirectory, name))),
    ).toEqual([]);
  };

  it.each(['events.sqlite', 'read.sqlite', 'broker.sqlite'])('a backup whose %s is damaged', async (name) => {
    const backup = copyOf(full);
    appendFileSync(join(backup, name), 'x');
    await refused(backup, `${name} is damaged`);
  });

  it.each(['events.sqlite', 'read.sqlite', 'broker.sqlite'])('a backup without its %s', async (name) => {
    const backup = copyOf(full);
    rmSync(join(backup, name));
    await refused(backup, `${name} is missing`);
  });

  it('a backup that was interrupted', async () => {
    const backup = copyOf(full);
    rmSync(join(backup, 'backup.json'));
    await refused(backup, 'was interrupted');
  });

  it('a directory in use, or with stores', async () => {
    await expect(restoreBackup(full, original.dataDirectory)).rejects.toThrow(DirectoryLocked);
    const { dataDirectory } = restored.configuration();
    mkdirSync(dataDirectory, { recursive: true });
    cpSync(join(full, 'events.sqlite'), join(dataDirectory, 'events.sqlite'));
    await expect(restoreBackup(full, dataDirectory)).rejects.toThrow('events.sqlite exists');
  });
});

describe('a rebuild', () => {
  it('makes a log usable that is behind the other files', async () => {
    const config = restored.configuration({ logLevel: 'silent' });
    await restoreBackup(last, config.dataDirectory);
    cpSync(join(early, 'events.sqlite'), join(config.dataDirectory, 'events.sqlite'));
    await expect(restored.start(config)).rejects.toThrow(LogMismatch);
    expect(await forgetComputed(config)).toContain('checkpoints');
    const driver = await restored.start(config);
    await driver.awaitIdle();
    expect(await driver.statements(CALENDAR, JANUARY)).toBe(january);
    await driver.import(ndjson(FACTS));
    await driver.awaitIdle();
    await driver.close(CALENDAR, MONTHS[1] ?? '');
    expect(await driver.statements(CALENDAR, MONTHS[1] ?? '')).not.toBe('');
  });

  it('changes no statement of a whole directory', async () => {
    const config = restored.configuration({ logLevel: 'silent' });
    const before = await restored.start(config);
    await prepare(before);
    await before.import(ndjson(FACTS));
    await before.awaitIdle();
    await restored.stop();
    await forgetComputed(config);
    expect(await statementsOf(await restored.start(config), [])).toBe(statements);
  });

  it('refuses a directory in use', async () => {
    await expect(forgetComputed(original)).rejects.toThrow(DirectoryLocked);
  });
});
