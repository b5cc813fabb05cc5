import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { SqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { Background } from './background.js';
import type { Runs } from './background.js';
import type { BackgroundWork } from './background-work.js';
import { loadConfig } from '../runtime/config.js';

describe('background work that is shared out among threads', () => {
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

  /** As a thread would have it: to what they tell each other it makes no difference that these are in one. */
  function background(runs: Runs): Background {
    const made = new Background(loadConfig({}, { dataDirectory: directory }), store, runs);
    backgrounds.push(made);
    return made;
  }

  function workAt(position: () => bigint, lastError?: string): BackgroundWork {
    return { stop: async () => undefined, position: async () => position(), lastError: () => lastError };
  }

  it('runs what is its share and passes over the rest', async () => {
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

  it('tells of the works of a thread in its place', async () => {
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

  it('waits for a work wherever it runs', async () => {
    const here = background((work) => work === 'here');
    const there = background((work) => work === 'there');
    let position = 3n;
    for (const one of [here, there]) for (const name of ['here', 'there']) one.add(name, () => workAt(() => position));
    await here.onApplicationBootstrap();
    await there.onApplicationBootstrap();
    const { signal } = new AbortController();
    await here.reached('here', 3n, signal);
    await here.reached('there', 3n, signal);
    let isThere = false;
    const later = here.reached('there', 4n, signal).then(() => (isThere = true));
    await here.reached('there', 3n, signal);
    expect(isThere).toBe(false);
    position = 4n;
    await later;
    await expect(here.reached('there', 5n, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });
});
