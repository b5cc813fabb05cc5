import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Broker, Message, OutgoingMessage } from '@tantieme/messaging/broker';
import { openSqliteBroker } from '@tantieme/messaging/embedded/broker';
import type { Kysely } from 'kysely';

import { readCheckpoint } from '../read-model/checkpoints.js';
import { openDatabase } from '../read-model/database.js';
import type { AnyTables } from '../read-model/database.js';
import { startFollower } from './follower.js';
import { startRelay } from './relay.js';
import type { RunningProcess } from './running-process.js';
import { createRuntime } from '../decide/runtime.js';
import { causedBy, tally, temporaryDirectory } from '../testing/tally.fixture.js';

const directory = temporaryDirectory();
afterAll(() => directory.remove());

let files = 0;
let store: EventStore;
let broker: Broker;
let db: Kysely<AnyTables>;
const started: RunningProcess[] = [];
let errors: unknown[];

beforeEach(() => {
  files += 1;
  store = openSqliteEventStore(directory.path(`events-${files}.sqlite`));
  broker = openSqliteBroker(directory.path(`broker-${files}.sqlite`), { partitions: 2 });
  db = openDatabase(directory.path(`read-${files}.sqlite`));
  errors = [];
});
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop();
  await db.destroy();
  await broker.close();
  await store.close();
});

function track(running: RunningProcess): RunningProcess {
  started.push(running);
  return running;
}

async function add(count: number, from = 0): Promise<void> {
  await createRuntime({ store, decider: tally }).handleMany(
    Array.from({ length: count }, (_, index) => ({
      stream: `tally-${(from + index) % 5}`,
      command: { entry: `e${from + index}`, amount: 1 },
      context: causedBy(`e${from + index}`),
    })),
  );
}

function relay(publish: Broker['publish'] = (topic, messages) => broker.publish(topic, messages)): RunningProcess {
  return track(
    startRelay({
      store,
      broker: {
        publish,
        consume: (options) => broker.consume(options),
        endPositions: (topic) => broker.endPositions(topic),
        committedPositions: (group, topic) => broker.committedPositions(group, topic),
        read: (topic, options) => broker.read(topic, options),
        close: () => broker.close(),
      },
      db,
      name: 'tally-relay',
      filter: { categories: ['tally'] },
      batchSize: 10,
      toMessages: ({ id, stream, revision }) => [
        { topic: 'tallies', message: { key: stream, value: JSON.stringify({ id, stream, revision }) } },
        ...(revision === 0 ? [{ topic: 'births', message: { key: stream, value: stream } }] : []),
      ],
      onError: (error) => errors.push(error),
    }),
  );
}

async function published(topic: string): Promise<readonly Message[]> {
  const messages: Message[] = [];
  for (const partition of (await broker.endPositions(topic)).keys())
    messages.push(...(await broker.read(topic, { partition, from: 0n, limit: 1000 })));
  return messages;
}

describe('a relay', () => {
  it('publishes every event once, in log order for each key', async () => {
    await add(25);
    const running = relay();
    await running.waitFor(25n);
    await add(5, 25);
    await running.waitFor(30n);
    const messages = (await published('tallies')).map(
      ({ value }) => JSON.parse(value) as { stream: string; revision: number },
    );
    for (let stream = 0; stream < 5; stream += 1)
      expect(messages.filter((one) => one.stream === `tally-${stream}`).map((one) => one.revision)).toEqual([
        0, 1, 2, 3, 4, 5,
      ]);
    expect((await published('births')).map((message) => message.value).toSorted()).toEqual(
      Array.from({ length: 5 }, (_, stream) => `tally-${stream}`),
    );
  });

  it('repeats the same messages after a crash between publication and checkpoint, and loses none', async () => {
    await add(25);
    let crash = true;
    const running = relay(async (topic, messages: readonly OutgoingMessage[]) => {
      await broker.publish(topic, messages);
      if (crash) {
        crash = false;
        throw new Error('crashed after the publication');
      }
    });
    await running.waitFor(25n);
    expect(errors).toHaveLength(1);
    const values = (await published('tallies')).map((message) => message.value);
    expect(values).toHaveLength(35);
    expect(new Set(values).size).toBe(25);
  });

  it('resumes after the last published event on restart', async () => {
    await add(10);
    const first = relay();
    await first.waitFor(10n);
    await first.stop();
    await add(3, 10);
    await relay().waitFor(13n);
    expect(await published('tallies')).toHaveLength(13);
  });
});

describe('a follower', () => {
  function follow(handle: (events: readonly StoredEvent[]) => Promise<void>): RunningProcess {
    return track(
      startFollower({
        store,
        db,
        name: 'tally-follower',
        filter: { types: ['EntryAdded'] },
        batchSize: 4,
        handle,
        onError: (error) => errors.push(error),
      }),
    );
  }

  it('acts on the log in order, in batches', async () => {
    await add(10);
    const batches: bigint[][] = [];
    await follow(async (events) => {
      batches.push(events.map((event) => event.position));
    }).waitFor(10n);
    expect(batches).toEqual([
      [1n, 2n, 3n, 4n],
      [5n, 6n, 7n, 8n],
      [9n, 10n],
    ]);
  });

  it('receives the same events again after a crash between effect and checkpoint', async () => {
    await add(4);
    const seen: bigint[] = [];
    const running = follow(async (events) => {
      seen.push(...events.map((event) => event.position));
      if (seen.length === 4) throw new Error('crashed after the effect');
    });
    await running.waitFor(4n);
    expect(seen).toEqual([1n, 2n, 3n, 4n, 1n, 2n, 3n, 4n]);
    expect(await readCheckpoint(db, 'tally-follower')).toBe(4n);
  });

  it('appends nothing for a repeated command', async () => {
    await add(4);
    const copies = createRuntime({ store, decider: { ...tally, category: 'copy' } });
    let crash = true;
    const running = track(
      startFollower({
        store,
        db,
        name: 'copies',
        filter: { categories: ['tally'] },
        handle: async (events) => {
          await copies.handleMany(
            events.map((event) => ({
              stream: 'copy-all',
              command: { entry: event.id, amount: 1 },
              context: causedBy(event.id),
            })),
          );
          if (crash) {
            crash = false;
            throw new Error('crashed after the append');
          }
        },
        onError: (error) => errors.push(error),
      }),
    );
    await running.waitFor(4n);
    expect(errors).toHaveLength(1);
    expect(await store.readStream('copy-all')).toHaveLength(4);
  });
});
