import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { SqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { Background } from './background.js';
import type { WorkFilter } from './background.js';
import type { BackgroundWork } from './background-work.js';
import { loadConfig } from '../runtime/config.js';

describe('background work shared among threads', () => {
  let directory: string;
  let store: SqliteEventStore;
  const backgrounds: Background[] = [];

  beforeEach(() => {
    Logger.overrideLogger(false);
    directory = mkdtempSync(join(tmpdir(), 'background-'));
    store = openSqliteEventStore(join(directory, 'events.sqlite'));
  });
  afterEach(async () => {
    for (const background of backgrounds.splice(0)) await background.stop();
    await store.close();
    rmSync(directory, { recursive: true });
  });

  /** As in a thread of its own: their messages are the same within one thread. */
  function background(runsHere: WorkFilter): Background {
    const made = new Background(loadConfig({}, { dataDirectory: directory }), store, runsHere);
    backgrounds.push(made);
    return made;
  }

  function workAt(position: () => bigint, lastError?: string): BackgroundWork {
    return { stop: async () => undefined, position: async () => position(), lastError: () => lastError };
  }

  it('runs its share and ignores the rest', async () => {
    const own = background((work) => work !== 'b');
    let started = '';
    for (const name of ['a', 'b', 'c'])
      own.add(name, () => {
        started += name;
        return workAt(() => 0n);
      });
    await own.onApplicationBootstrap();
    expect(started).toBe('ac');
    expect((await own.status()).map(({ name }) => name)).toEqual(['a', 'c']);
  });

  it('reports the work of a thread in place of the thread', async () => {
    const own = background(() => true);
    own.add('first', () => workAt(() => 0n));
    own.add('thread', () => ({
      stop: async () => undefined,
      parts: async () => [
        { name: 'second', running: true, lag: '5' },
        { name: 'third', running: true, lastError: 'the disk is full' },
      ],
      failingParts: async () => ['third'],
    }));
    own.add('fourth', () => workAt(() => 0n, 'no route'));
    await own.onApplicationBootstrap();
    expect((await own.status()).map(({ name }) => name)).toEqual(['first', 'second', 'third', 'fourth']);
    expect(await own.failing()).toEqual(['third', 'fourth']);
  });

  it('awaits the position of work in any thread', async () => {
    const here = background((work) => work === 'here');
    const there = background((work) => work === 'there');
    let position = 3n;
    for (const one of [here, there]) for (const name of ['here', 'there']) one.add(name, () => workAt(() => position));
    await here.onApplicationBootstrap();
    await there.onApplicationBootstrap();
    const { signal } = new AbortController();
    await here.awaitPosition('here', 3n, signal);
    await here.awaitPosition('there', 3n, signal);
    let isThere = false;
    const later = here.awaitPosition('there', 4n, signal).then(() => (isThere = true));
    await here.awaitPosition('there', 3n, signal);
    expect(isThere).toBe(false);
    position = 4n;
    await later;
    await expect(here.awaitPosition('there', 5n, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });
});
