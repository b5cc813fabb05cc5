import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { scaleCaches, scaledBytes } from '@tantieme/event-sourcing/decide/cache-scale';

import { sql } from 'kysely';

import { loadConfig } from './config.js';
import { openReadDatabase } from './database.js';
import { cacheScaleOf, defaultMemoryMb, threadHeapMib } from './memory.js';

const GIB = 1024 ** 3;

describe('the memory of a process', () => {
  afterEach(() => scaleCaches(1));

  it.each([
    [64 * GIB, 2048],
    [4 * GIB, 2048],
    [2 * GIB, 1024],
    [GIB / 8, 256],
  ])('is by default half of a machine of %d bytes, within bounds: %d MB', (machine, expected) => {
    expect(defaultMemoryMb(machine)).toBe(expected);
  });

  it('is set by one variable', () => {
    expect(loadConfig({ TANTIEME_MEMORY_MB: '8192' }).memoryMb).toBe(8192);
    expect(loadConfig({}).memoryMb).toBe(defaultMemoryMb());
    expect(() => loadConfig({ TANTIEME_MEMORY_MB: '100' })).toThrow('TANTIEME_MEMORY_MB');
  });

  it("limits SQLite's page caches, too", async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'memory-'));
    const database = await openReadDatabase(loadConfig({ TANTIEME_MEMORY_MB: '256' }, { dataDirectory }));
    const { rows } = await sql<{ cache_size: number }>`pragma cache_size`.execute(database);
    await database.destroy();
    rmSync(dataDirectory, { recursive: true });
    expect(rows).toEqual([{ cache_size: -2048 }]);
  });

  it('divides among all caches, and limits the heaps of the threads', () => {
    scaleCaches(cacheScaleOf(1024));
    expect(scaledBytes(128 * 1024)).toBe(64 * 1024);
    scaleCaches(cacheScaleOf(8192));
    expect(scaledBytes(128 * 1024)).toBe(512 * 1024);
    expect([256, 1024, 8192].map(threadHeapMib)).toEqual([512, 1024, 2000]);
  });
});
