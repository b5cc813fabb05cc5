import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import type { TopicView } from '@tantieme/messaging/embedded/topic-view';
import { systemTimers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';

import { createRuntime } from '../decide/runtime.js';
import { parkedIn } from '../testing/parked.fixture.js';
import { startProcess } from '../testing/process.fixture.js';
import type { RunningProcess } from '../testing/process.fixture.js';
import { causedBy, tally } from '../testing/tally.fixture.js';
import { openDatabase } from '../read-model/database.js';
import type { AnyTables } from '../read-model/database.js';
import { parkedStream } from '../parking/parked.js';
import { logSource } from './log-source.js';
import type { Process, StepContext, StepResult } from './process.js';
import { relayOf, viewOf } from './publication.js';
import type { Publication } from './publication.js';
import { Scheduler } from './scheduler.js';
import { topicSource } from './topic-source.js';
import type { Received } from './topic-source.js';

let store: EventStore;
let db: Kysely<AnyTables>;
let broker: Broker;
let views: Map<string, TopicView>;
const running: RunningProcess[] = [];

beforeEach(() => {
  store = openSqliteEventStore(':memory:');
  db = openDatabase(':memory:');
  views = new Map();
  broker = openEmbeddedBroker(':memory:', { views });
});
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
  await broker.close();
  await db.destroy();
  await store.close();
});

function start<Item>(process: Process<Item>, others: readonly Process<StoredEvent>[] = []): RunningProcess {
  const started = startProcess(process, { store, db, broker, views, others });
  running.push(started);
  return started;
}

async function add(entry: string, stream = 'tally-a'): Promise<void> {
  await createRuntime({ store, decider: tally }).handle(stream, { entry, amount: 1 }, causedBy(entry));
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 2000; looks += 1) {
    if (await holds()) return;
    await systemTimers.wait(5);
  }
  throw new Error('the condition did not become true in time');
}

function onLog(
  step: (events: readonly StoredEvent[], context: StepContext) => Promise<StepResult>,
  name = 'tallies',
): Process<StoredEvent> {
  return { name, replicas: 'one-replica', source: logSource({ categories: ['tally'] }), step };
}

interface Text {
  readonly correlationId: string;
  readonly text: string;
}

function readerOf(
  topic: string | readonly string[],
  step: (batch: readonly Received<Text>[]) => Promise<StepResult>,
): Process<Received<Text>> {
  const decode = (value: string): Text => ({ correlationId: 'c', text: JSON.parse(value) as string });
  return {
    name: 'reader',
    replicas: 'every-replica',
    source: topicSource({ group: 'readers', topics: [topic].flat(), decode }),
    step,
  };
}

const message = (key: string, text: string): OutgoingMessage => ({ key, value: JSON.stringify(text) });

describe('a process on the log', () => {
  it('handles every event once, and continues after its checkpoint', async () => {
    const seen: string[] = [];
    const collecting = onLog(
      async (events) => void seen.push(...events.map(({ stream, revision }) => `${stream}@${revision}`)),
    );
    await add('1');
    const first = start(collecting);
    await first.waitFor(await store.head());
    await first.stop();
    await add('2');
    await start(collecting).waitFor(await store.head());
    expect(seen).toEqual(['tally-a@0', 'tally-a@1']);
  });

  it('delivers a failed batch again after a pause, and shows the reason until it succeeds', async () => {
    let failures = 2;
    const process = start(
      onLog(async () => {
        if (failures-- > 0) throw new Error('the disk is full');
      }),
    );
    await add('1');
    await until(() => process.status().lastError === 'the disk is full');
    await process.waitFor(await store.head());
    expect(process.status()).toMatchObject({ lastError: undefined, lag: 0n });
  });

  it('is called again while its step is open, and its checkpoint waits', async () => {
    const batches: number[] = [];
    let isDone = false;
    const process = start(
      onLog(async (events) => {
        batches.push(events.length);
        return isDone ? undefined : 'open';
      }),
    );
    await add('1');
    await until(() => batches.length >= 3);
    expect(process.status().position).toBe(0n);
    isDone = true;
    await process.waitFor(await store.head());
    expect(batches.slice(0, 3)).toEqual([1, 0, 0]);
  });

  it('delivers everything since the checkpoint again after a stop with an open step', async () => {
    const open = start(onLog(async () => 'open'));
    await add('1');
    await until(() => open.status().lag !== undefined);
    await open.stop();
    const seen: StoredEvent[] = [];
    await start(onLog(async (events) => void seen.push(...events))).waitFor(await store.head());
    expect(seen).toHaveLength(1);
  });

  it('goes on with one part of a step while another fails', async () => {
    const done: string[] = [];
    let isBroken = true;
    let delivered = 0;
    const process = start(
      onLog(async (events, context) => {
        delivered += events.length;
        const results = await Promise.all(
          ['broken', 'fine'].map((calendar) =>
            context.attempt(calendar, async () => {
              if (calendar === 'broken' && isBroken) throw new Error('no plan');
              done.push(calendar);
            }),
          ),
        );
        return results.includes('open') ? 'open' : undefined;
      }),
    );
    await add('1');
    await until(() => done.includes('fine') && process.status().lastError === 'no plan');
    isBroken = false;
    await process.waitFor(await store.head());
    expect(process.status().lastError).toBeUndefined();
    // The step as a whole never failed.
    expect(delivered).toBe(1);
  });

  it('shows no error of a part that took effect, although its answer was lost', async () => {
    let left = ['a', 'b'];
    const process = start(
      onLog(async (_events, context) => {
        const results = await Promise.all(
          left.map((part) =>
            context.attempt(part, async () => {
              left = left.filter((one) => one !== part);
              if (part === 'a') throw new Error('the answer was lost');
            }),
          ),
        );
        return results.includes('open') ? 'open' : undefined;
      }),
    );
    await add('1');
    await process.waitFor(await store.head());
    expect(left).toEqual([]);
    expect(process.status().lastError).toBeUndefined();
  });

  it('waits for another process without blocking: its step stays open until that one has come far enough', async () => {
    let isSlow = true;
    const slow = onLog(async () => (isSlow ? 'open' : undefined), 'slow');
    let calls = 0;
    const waiting = start(
      onLog(async (events, context) => {
        calls += 1;
        return (await context.hasReached('slow', events.at(-1)?.position ?? (await store.head()))) ? undefined : 'open';
      }, 'waiting'),
      [slow],
    );
    await add('1');
    await until(() => calls > 1);
    expect(waiting.status().position).toBe(0n);
    isSlow = false;
    await waiting.waitFor(await store.head());
  });
});

describe('threads', () => {
  it('tell each other how far their processes are, and never ask', async () => {
    const threads: Scheduler[] = [];
    const thread = (runs: string): Scheduler => {
      const made: Scheduler = new Scheduler({
        store,
        broker,
        db,
        views,
        timers: systemTimers,
        onError: () => undefined,
        tell: (told) => threads.filter((one) => one !== made).forEach((one) => one.receive(structuredClone(told))),
      });
      threads.push(made);
      const step = async (_: readonly StoredEvent[], context: StepContext): Promise<StepResult> =>
        runs !== 'second' || (await context.hasReached('first', await store.head())) ? undefined : 'open';
      for (const name of ['first', 'second']) made.add(onLog(step, name), name === runs);
      return made;
    };
    const [first, second] = [thread('first'), thread('second')];
    first.start();
    second.start();
    await add('1');
    const head = await store.head();
    const positions = (one: Scheduler): unknown => one.status().map(({ name, position }) => [name, position]);
    const reached = [
      ['first', head],
      ['second', head],
    ];
    await until(() => JSON.stringify(String(positions(first))) === JSON.stringify(String(reached)));
    await until(() => JSON.stringify(String(positions(second))) === JSON.stringify(String(reached)));
    for (const one of threads) await one.stop();
  });
});

describe('a consumer', () => {
  it('goes on with its other topics while one fails', async () => {
    const seen = new Set<string>();
    const process = start(
      readerOf(['sales', 'refunds'], async (batch) => {
        for (const { envelope } of batch) if (envelope.text === 'poison') throw new Error('not now');
        for (const { envelope } of batch) seen.add(envelope.text);
      }),
    );
    await broker.publish('sales', [message('a', 'poison')]);
    await until(() => process.status().lastError === 'not now');
    await broker.publish('refunds', [message('a', 'refund')]);
    await until(() => seen.has('refund'));
  });

  it('parks what it refuses and what cannot be read, and goes on', async () => {
    const seen: string[] = [];
    start(
      readerOf('sales', async (batch) => {
        seen.push(...batch.map(({ envelope }) => envelope.text));
        return batch
          .filter(({ envelope }) => envelope.text === 'no')
          .map((received) => ({ message: received.message, reason: 'Unwanted: no' }));
      }),
    );
    await broker.publish('sales', [message('a', 'no'), { key: 'a', value: 'no JSON' }, message('a', 'yes')]);
    await until(async () => (await parkedIn(store)).length === 2);
    await until(() => seen.includes('yes'));
    expect(await parkedIn(store)).toMatchObject([
      { process: 'reader', topic: 'sales', reason: expect.stringContaining('JSON'), message: { value: 'no JSON' } },
      { process: 'reader', topic: 'sales', reason: 'Unwanted: no', message: { value: '"no"', isCut: false } },
    ]);
  });

  it('handles a parked message when somebody asks for it, and refuses it again with the reason', async () => {
    let answer = 'not yet';
    const handled: string[] = [];
    const process = start(
      readerOf('sales', async (batch) => {
        if (answer !== '') return batch.map((received) => ({ message: received.message, reason: answer }));
        handled.push(...batch.map(({ envelope }) => envelope.text));
      }),
    );
    await broker.publish('sales', [message('a', 'deal')]);
    await until(async () => (await parkedIn(store)).length === 1);
    const [item] = await parkedIn(store);
    const { runtime } = process.scheduler.parking;
    const stream = parkedStream('reader', item?.origin ?? { stream: '', revision: 0 });
    const retry = (cause: string): Promise<unknown> =>
      runtime.handle(stream, { type: 'request-retry', at: '2026-03-01T00:00:00Z', by: 'operator' }, causedBy(cause));
    answer = 'still not';
    await retry('1');
    await until(async () => (await runtime.load(stream)).state.reason === 'still not');
    answer = '';
    await retry('2');
    await until(async () => (await runtime.load(stream)).state.status === 'handled');
    expect(handled).toEqual(['deal']);
  });
});

describe('a publication as a view of the log', () => {
  it('delivers the messages of each event, parks an event whose messages cannot be made, and flows on', async () => {
    let isFixed = false;
    const publication: Publication = {
      name: 'tally-relay',
      topic: 'tallies',
      filter: { categories: ['tally'], types: ['EntryAdded'] },
      toMessages: (event) => {
        if (event.revision === 1 && !isFixed) throw new Error('data/name must not have a TAB');
        return [message(event.stream, `${event.revision}`)];
      },
    };
    const seen: string[] = [];
    const process = start(
      readerOf('tallies', async (batch) => void seen.push(...batch.map(({ envelope }) => envelope.text))),
    );
    const { parking } = process.scheduler;
    await process.stop();
    views.set('tallies', viewOf(publication, store, parking));
    for (const entry of ['1', '2', '3']) await add(entry);
    const again = start(
      readerOf('tallies', async (batch) => void seen.push(...batch.map(({ envelope }) => envelope.text))),
    );
    await again.waitFor(await store.head());
    expect(seen).toEqual(['0', '2']);
    const [item] = await parkedIn(store);
    expect(item).toMatchObject({ process: 'tally-relay', origin: { stream: 'tally-a', revision: 1 } });
    isFixed = true;
    await parking.runtime.handle(
      parkedStream('tally-relay', { stream: 'tally-a', revision: 1 }),
      { type: 'request-retry', at: '2026-03-01T00:00:00Z', by: 'operator' },
      causedBy('retry'),
    );
    await until(() => seen.length === 3);
    expect(seen).toEqual(['0', '2', '1']);
  });
});

describe('a publication by a relay', () => {
  it('parks an event whose message is refused only when it becomes text, and flows on', async () => {
    const tooLarge = {
      key: 'tally-a',
      get value(): string {
        throw new Error('the message has 900,001 bytes');
      },
    };
    const publication: Publication = {
      name: 'tally-relay',
      topic: 'tallies',
      filter: { categories: ['tally'], types: ['EntryAdded'] },
      toMessages: ({ stream, revision }) => [revision === 1 ? tooLarge : message(stream, `${revision}`)],
    };
    const seen: string[] = [];
    const { parking } = start(
      readerOf('tallies', async (batch) => void seen.push(...batch.map(({ envelope }) => envelope.text))),
    ).scheduler;
    const relay = start(relayOf(publication, { store, broker, parking }));
    for (const entry of ['1', '2', '3']) await add(entry);
    await relay.waitFor(await store.head());
    await until(() => seen.length === 2);
    expect(seen).toEqual(['0', '2']);
    expect(await parkedIn(store)).toEqual([
      expect.objectContaining({ origin: { stream: 'tally-a', revision: 1 }, reason: 'the message has 900,001 bytes' }),
    ]);
  });
});
