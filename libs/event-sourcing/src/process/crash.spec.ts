import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import type { Broker } from '@tantieme/messaging/broker';
import { systemTimers } from '@tantieme/time/timers';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { createRuntime } from '../decide/runtime.js';
import { Parking } from '../parking/parking.js';
import { openDatabase } from '../read-model/database.js';
import type { AnyTables } from '../read-model/database.js';
import { startProcess } from '../testing/process.fixture.js';
import { causedBy, tally } from '../testing/tally.fixture.js';
import { logSource } from './log-source.js';
import type { Process } from './process.js';
import { projectionProcess } from './projection.js';
import { relayOf } from './publication.js';
import { Scheduler } from './scheduler.js';
import { topicSource } from './topic-source.js';

let store: EventStore;
let db: Kysely<AnyTables>;
let broker: Broker;

beforeEach(async () => {
  store = openSqliteEventStore(':memory:');
  db = openDatabase(':memory:');
  broker = openEmbeddedBroker(':memory:');
  const runtime = createRuntime({ store, decider: tally });
  for (const entry of ['1', '2', '3']) await runtime.handle('tally-a', { entry, amount: 1 }, causedBy(entry));
});
afterEach(async () => {
  await broker.close();
  await db.destroy();
  await store.close();
});

/** Dies once: after a step has stored its effect, before the process moves its checkpoint. */
function dyingAfterItsEffect<Item>(process: Process<Item>): Process<Item> {
  let isDead = false;
  return {
    ...process,
    step: async (batch, context) => {
      const result = await process.step(batch, context);
      if (isDead) return result;
      isDead = true;
      throw new Error('killed');
    },
  };
}

async function finish<Item>(process: Process<Item>): Promise<void> {
  const running = startProcess(process, { store, db, broker });
  await running.waitFor(await store.head());
  await running.stop();
}

describe('a read model whose process dies after the effect', () => {
  it('has the effect of each event exactly once', async () => {
    await sql`create table sums (sum integer)`.execute(db);
    await sql`insert into sums values (0)`.execute(db);
    const projection = projectionProcess(db, {
      name: 'tally-sums',
      filter: { categories: ['tally'] },
      migrations: { owner: 'tally', files: {} },
      tables: [],
      apply: async (trx, { length }) => void (await sql`update sums set sum = sum + ${length}`.execute(trx)),
    });
    await finish(dyingAfterItsEffect(projection));
    expect((await sql`select sum from sums`.execute(db)).rows).toEqual([{ sum: 3 }]);
  });
});

describe('a relay', () => {
  const relay = (): Process<StoredEvent> =>
    relayOf(
      {
        name: 'tally-relay',
        topic: 'tallies',
        filter: { categories: ['tally'], types: ['EntryAdded'] },
        toMessages: ({ id, stream, dataText }) => [{ key: stream, value: JSON.stringify({ id, dataText }) }],
      },
      { store, broker, parking: new Parking({ store, db, timers: systemTimers }) },
    );

  it('that dies after a publication publishes the same messages again, byte for byte, and loses none', async () => {
    await finish(dyingAfterItsEffect(relay()));
    const values = (await readTopic(broker, 'tallies')).map(({ value }) => value);
    expect(values).toHaveLength(6);
    expect(values.slice(3)).toEqual(values.slice(0, 3));
  });

  it('holds up whoever waits for the readers of its topic', async () => {
    let isHeld = true;
    const answers: boolean[] = [];
    const held: Process<StoredEvent> = {
      ...relay(),
      step: async (events, context) => (isHeld ? 'open' : relay().step(events, context)),
    };
    const scheduler = new Scheduler({
      store,
      broker,
      db,
      views: new Map(),
      timers: systemTimers,
      onError: () => undefined,
    });
    const decode = (value: string): { readonly correlationId: string } => ({ correlationId: value });
    scheduler.addRelay('tallies', 'tally-relay');
    scheduler.add(held);
    scheduler.add({
      name: 'reader',
      replicas: 'every-replica',
      source: topicSource({ group: 'readers', topics: ['tallies'], decode }),
      step: async () => undefined,
    });
    scheduler.add({
      name: 'waiting',
      replicas: 'one-replica',
      source: logSource({ categories: ['tally'] }),
      step: async (_, context) => {
        const hasReached = await context.hasReached('reader', await store.head());
        answers.push(hasReached);
        return hasReached ? undefined : 'open';
      },
    });
    scheduler.start();
    while (answers.length < 3) await systemTimers.wait(5);
    expect(answers).not.toContain(true);
    isHeld = false;
    while (answers.at(-1) !== true) await systemTimers.wait(5);
    await scheduler.stop();
  });
});
