import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';

import { loadConfig } from '../runtime/config.js';
import { Reachability } from './reachability.js';

/** 100 ms are promised; a busy machine of tests may be late. A port's own limit is 2 s. */
const ANSWER_MS_MAX = 1_000;

const dataDirectory = mkdtempSync(join(tmpdir(), 'reachability-'));
const store = openSqliteEventStore(':memory:');
const broker = openEmbeddedBroker(':memory:');
const database = openDatabase(':memory:');

/** While set, the event store gives no answer, like a host that is gone or a thread that is busy. */
let silence: PromiseWithResolvers<void> | undefined;
const storeThatMayBeSilent: EventStore = Object.assign(Object.create(store) as EventStore, {
  head: async () => {
    await silence?.promise;
    return store.head();
  },
});

const open = (): Reachability =>
  new Reachability(storeThatMayBeSilent, broker, database, loadConfig({}, { dataDirectory }));

afterEach(() => {
  silence?.resolve();
  silence = undefined;
});
afterAll(async () => {
  await database.destroy();
  await broker.close();
  await store.close();
  rmSync(dataDirectory, { recursive: true });
});

describe('what is known of the ports', () => {
  it('is answered at once although a port gives no answer', async () => {
    silence = Promise.withResolvers();
    const beganMs = performance.now();
    expect(await open().check()).toMatchObject({
      eventStore: { reachable: false, reason: expect.stringMatching(/^no answer within \d+ ms$/) },
      database: { reachable: true },
    });
    expect(performance.now() - beganMs).toBeLessThan(ANSWER_MS_MAX);
  });

  it('stays what it was while the next answer is under way', async () => {
    const reachability = open();
    expect((await reachability.check()).eventStore).toEqual({ reachable: true });
    silence = Promise.withResolvers();
    // Longer than an answer is reused.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const beganMs = performance.now();
    expect((await reachability.check()).eventStore).toEqual({ reachable: true });
    expect(performance.now() - beganMs).toBeLessThan(ANSWER_MS_MAX);
  });
});
