/** A full disk, on a small file system of its own; only where this user may mount one. */
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import {
  embeddedStatements,
  history,
  prepare,
  statementsOf,
  temporaryDirectory,
  TestServers,
} from './end-to-end.fixture.js';

jest.setTimeout(120_000);

const FACTS = history(60);
const directory = temporaryDirectory();
const servers = new TestServers();

const mounted = isMounted();
function isMounted(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', directory.path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterAll(async () => {
  await servers.end();
  if (mounted) execFileSync('umount', [directory.path]);
  directory.remove();
});

const filler = join(directory.path, 'filler');

/** Writes until nothing is left. */
function fill(): void {
  const { bavail, bsize } = statfsSync(directory.path);
  writeFileSync(filler, Buffer.alloc(bavail * bsize));
}

(mounted ? describe : describe.skip)('a full disk', () => {
  it('refuses facts as StorageFull and is not ready; once there is space everything goes on', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const config = servers.configuration({ dataDirectory: join(directory.path, 'data'), logLevel: 'silent' });
    const driver = await servers.start(config);
    await prepare(driver);
    await driver.awaitIdle();
    const ready = async (): Promise<{ status: number; body: string }> => {
      const answer = await fetch(`${driver.servers.urls[0]}/health/ready`);
      return { status: answer.status, body: await answer.text() };
    };
    fill();
    const facts = FACTS.map((fact) => JSON.stringify(fact));
    let failure = '';
    // The write-ahead log may have some room left.
    for (let n = 0; n < facts.length && failure === ''; n += 1)
      await driver
        .text('source', 'POST', '/deals/facts', facts[n])
        .catch((error: unknown) => (failure = String(error)));
    expect(failure).toMatch(/: 507 .*"code":"StorageFull"/);
    // Probes run once a second.
    while ((await ready()).status !== 503) await pause(100);
    expect((await ready()).body).toMatch(/the disk of .* is full/);
    rmSync(filler);
    while ((await ready()).status !== 200) await pause(100);
    expect(await statementsOf(driver, FACTS)).toBe(expected);
  });
});

if (!mounted) it.todo('a full disk: this user may not mount a file system');
