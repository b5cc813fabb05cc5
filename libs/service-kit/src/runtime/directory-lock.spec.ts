import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { acquireLock, DirectoryLocked } from './directory-lock.js';

/** Holds the lock on `<directory>/locks/relay.lock` as `acquireLock` does, until it is killed. */
const HOLDER = `
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync(process.argv[1]);
database.exec('BEGIN IMMEDIATE');
console.log('held');
setInterval(() => {}, 1000);
`;

describe('the lock of a data directory', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tantieme-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('keeps the same work out, and names the process that holds it', () => {
    const lock = acquireLock(directory, 'relay');
    expect(() => acquireLock(directory, 'relay')).toThrow(DirectoryLocked);
    expect(() => acquireLock(directory, 'relay')).toThrow(
      `relay already runs on the data directory ${directory} in process ${process.pid}`,
    );
    lock.release();
  });

  it('admits other work, and the same work on another directory', () => {
    const other = mkdtempSync(join(tmpdir(), 'tantieme-lock-'));
    const locks = [acquireLock(directory, 'relay'), acquireLock(directory, 'projection'), acquireLock(other, 'relay')];
    for (const lock of locks) lock.release();
    rmSync(other, { recursive: true, force: true });
  });

  it('is free again after its release', () => {
    acquireLock(directory, 'relay').release();
    acquireLock(directory, 'relay').release();
  });

  it('accepts names that are not valid file names', () => {
    const lock = acquireLock(directory, '../Relay of Ümläuts');
    expect(() => acquireLock(directory, '../Relay of Ümläuts')).toThrow(DirectoryLocked);
    lock.release();
  });

  it('blocks while another process holds it, and is free once that process is killed', async () => {
    acquireLock(directory, 'relay').release();
    const holder = spawn(process.execPath, ['-e', HOLDER, join(directory, 'locks', 'relay.lock')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    expect(() => acquireLock(directory, 'relay')).toThrow(DirectoryLocked);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    acquireLock(directory, 'relay').release();
  });
});
