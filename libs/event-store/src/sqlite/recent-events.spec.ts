import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Append, EventFilter, NewEvent, StoredEvent } from '../event-store.js';
import { RecentEvents } from './recent-events.js';
import { openSqliteEventStore } from './event-store.js';
import type { SqliteEventStore } from './event-store.js';

function eventAt(position: number, stream: string, type = 'Noted', dataText = '{}'): StoredEvent {
  return {
    stream,
    revision: 0,
    position: BigInt(position),
    type,
    version: 1,
    id: `id-${position}`,
    occurredAt: '2026-03-01T00:00:00Z',
    recordedAt: '2026-03-01T00:00:00Z',
    metadataText: '{}',
    dataText,
    hash: '',
  };
}

async function collectGarbage(): Promise<void> {
  // A weak reference keeps its target until the turn has ended.
  await new Promise((resolve) => setImmediate(resolve));
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('the newest events in memory', () => {
  function positionsAfter(recent: RecentEvents, position: number, limit: number, filter?: EventFilter) {
    const page = recent.after(position, filter, limit);
    return page && { positions: page.events.map((event) => Number(event.position)), through: page.through };
  }

  it('holds no event longer than its limit allows, however large the events are', async () => {
    const recent = new RecentEvents(1_000_000, 0);
    const added: WeakRef<StoredEvent>[] = [];
    for (let position = 1; position <= 50; position += 1) {
      const event = eventAt(position, 'a-1', 'Noted', 'x'.repeat(100_000));
      added.push(new WeakRef(event));
      recent.add([event]);
    }
    await collectGarbage();
    expect(added.filter((event) => event.deref() !== undefined).length).toBeLessThanOrEqual(10);
    expect(recent.after(49, undefined, 10)?.events).toHaveLength(1);
  });

  it('returns the same pages as the log', () => {
    const recent = new RecentEvents(1_000_000, 4);
    recent.add([
      eventAt(5, 'a-1'),
      eventAt(6, 'b-1'),
      eventAt(7, 'a-2', 'Struck'),
      eventAt(8, 'a-3'),
      eventAt(9, 'b-2'),
    ]);
    expect(positionsAfter(recent, 4, 10)).toEqual({ positions: [5, 6, 7, 8, 9], through: 9 });
    expect(positionsAfter(recent, 4, 2)).toEqual({ positions: [5, 6], through: 6 });
    expect(positionsAfter(recent, 5, 10, { categories: ['a'] })).toEqual({ positions: [7, 8], through: 9 });
    expect(positionsAfter(recent, 4, 10, { categories: ['a'], types: ['Struck'] })).toEqual({
      positions: [7],
      through: 9,
    });
    expect(positionsAfter(recent, 9, 10)).toEqual({ positions: [], through: 9 });
  });

  it('returns undefined for a position before its oldest event', () => {
    const recent = new RecentEvents(1_000_000, 4);
    expect(recent.after(0, undefined, 10)).toBeUndefined();
    recent.add([eventAt(5, 'a-1')]);
    expect(recent.after(3, undefined, 10)).toBeUndefined();
    recent.clear(5);
    expect(recent.after(4, undefined, 10)).toBeUndefined();
    expect(positionsAfter(recent, 5, 10)).toEqual({ positions: [], through: 5 });
  });

  it('skips events of other connections that do not match, and returns undefined for those that do', () => {
    const recent = new RecentEvents(1_000_000, 0);
    recent.add([eventAt(1, 'a-1'), eventAt(2, 'a-2')]);
    recent.addForeign(7, [{ category: 'b', type: 'Noted' }]);
    recent.add([eventAt(8, 'a-3')]);
    recent.addForeign(9, [{ category: 'c', type: 'Noted' }]);
    expect(positionsAfter(recent, 0, 10, { categories: ['a'] })).toEqual({ positions: [1, 2, 8], through: 9 });
    expect(positionsAfter(recent, 4, 10, { categories: ['a'] })).toEqual({ positions: [8], through: 9 });
    expect(positionsAfter(recent, 0, 10, { categories: ['a', 'b'] })).toEqual({ positions: [1, 2], through: 2 });
    expect(recent.after(2, { categories: ['a', 'b'] }, 10)).toBeUndefined();
    expect(recent.after(5, { types: ['Noted'] }, 10)).toBeUndefined();
    expect(positionsAfter(recent, 7, 10, { categories: ['a', 'b'] })).toEqual({ positions: [8], through: 9 });
    expect(positionsAfter(recent, 0, 10, { types: ['Struck'] })).toEqual({ positions: [], through: 9 });
  });

  it('drops the oldest events beyond its byte limit', () => {
    const recent = new RecentEvents(100_000, 0);
    for (let position = 1; position <= 5_000; position += 1)
      recent.add([eventAt(position, 'a-1', 'Noted', 'x'.repeat(166))]);
    expect(positionsAfter(recent, 4_899, 1)).toBeUndefined();
    expect(positionsAfter(recent, 4_900, 2)).toEqual({ positions: [4_901, 4_902], through: 4_902 });
  });
});

describe('a subscription at the head of the log', () => {
  let directory: string;
  let store: SqliteEventStore;
  let other: SqliteEventStore;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'recent-events-'));
    store = openSqliteEventStore(join(directory, 'events.sqlite'));
    other = openSqliteEventStore(join(directory, 'events.sqlite'));
  });

  afterEach(async () => {
    await store.close();
    await other.close();
    rmSync(directory, { recursive: true });
  });

  const appendTo = (stream: string): Append => ({
    stream,
    expectedRevision: 'no-stream',
    events: [
      {
        id: `id-${stream}`,
        type: 'Noted',
        version: 1,
        occurredAt: '2026-03-01T00:00:00Z',
        metadata: { actor: 'a', correlationId: 'c' },
        data: { stream },
      },
    ],
  });

  const firstOf = ({ events: [event] }: Append): NewEvent => {
    if (event === undefined) throw new Error('the append has no events');
    return event;
  };

  async function subscribed(count: number, filter?: EventFilter): Promise<readonly StoredEvent[]> {
    const ending = new AbortController();
    const events: StoredEvent[] = [];
    for await (const page of store.subscribe({ batchSize: 2, signal: ending.signal, filter })) {
      events.push(...page.events);
      if (events.length >= count) ending.abort();
    }
    return events;
  }

  it('gives every subscriber the same objects, equal to the events in the file', async () => {
    for (const stream of ['a-1', 'b-1', 'a-2']) await store.append(appendTo(stream));
    const first = await subscribed(3);
    const second = await subscribed(2, { categories: ['a'] });
    expect(second[0]).toBe(first[0]);
    expect(first).toEqual((await store.readAll({ limit: 10 })).events);
  });

  it('misses and repeats nothing if another connection writes in between', async () => {
    await store.append(appendTo('a-1'));
    await other.append(appendTo('a-2'));
    expect((await subscribed(2)).map(({ stream }) => stream)).toEqual(['a-1', 'a-2']);
    await store.append(appendTo('a-3'));
    await other.append(appendTo('a-4'));
    await store.append(appendTo('a-5'));
    await store.append(appendTo('a-6'));
    expect((await subscribed(6)).map(({ stream }) => stream)).toEqual(['a-1', 'a-2', 'a-3', 'a-4', 'a-5', 'a-6']);
  });

  it('wakes for an append of another connection of this process', async () => {
    const found = subscribed(1);
    await new Promise(setImmediate);
    await other.append(appendTo('a-1'));
    expect((await found).map(({ stream }) => stream)).toEqual(['a-1']);
  });

  it('continues a stream that another connection started', async () => {
    await store.append(appendTo('a-1'));
    await other.append(appendTo('b-1'));
    expect(
      await store.append({ ...appendTo('b-1'), events: [{ ...firstOf(appendTo('b-1')), id: 'second' }] }),
    ).toMatchObject({
      outcome: 'conflict',
      actual: 0,
    });
    expect(await store.append({ ...appendTo('b-1'), expectedRevision: 0 })).toMatchObject({
      outcome: 'appended',
      revision: 1,
    });
    expect(await other.append({ ...appendTo('b-1'), expectedRevision: 1 })).toMatchObject({
      outcome: 'appended',
      revision: 2,
    });
  });
});
