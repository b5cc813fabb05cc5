import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreUnavailable } from '@tantieme/event-store/event-store';
import type { Append, AppendResult, EventStore, NewEvent, StoredEvent } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { MESSAGES_PER_EVENT_MAX } from '../limits.js';
import { DomainError } from './decider.js';
import { eventId } from './identity.js';
import { ConflictUnresolved, createRuntime } from './runtime.js';
import type { Accepted, Refused, Runtime, Work } from './runtime.js';
import { causedBy, OCCURRED_AT, tally, temporaryDirectory } from '../testing/tally.fixture.js';
import type { AddEntry, EntryAdded, TallyState } from '../testing/tally.fixture.js';
import { domainEventOf, parseDomainEvent } from './upcasting.js';

const directory = temporaryDirectory();
afterAll(() => directory.remove());

const S = 'tally-a';

type TallyRuntime = Runtime<TallyState, AddEntry, EntryAdded>;

/** A store that counts its calls, so that a test can tell one read from a hundred. */
interface Counted extends EventStore {
  readonly calls: { append: number; readStreams: string[][]; readStream: string[] };
}

function counted(store: EventStore, beforeAppend: () => Promise<void> = async () => undefined): Counted {
  const calls: Counted['calls'] = { append: 0, readStreams: [], readStream: [] };
  return {
    calls,
    append: (append) => store.append(append),
    appendMany: async (appends: readonly Append[]): Promise<readonly AppendResult[]> => {
      calls.append += 1;
      await beforeAppend();
      return store.appendMany(appends);
    },
    readStream: (stream, options) => {
      calls.readStream.push(stream);
      return store.readStream(stream, options);
    },
    readStreams: (streams) => {
      calls.readStreams.push([...streams]);
      return store.readStreams(streams);
    },
    readAll: (options) => store.readAll(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    hashAt: (position) => store.hashAt(position),
    close: () => store.close(),
  };
}

function work(stream: string, entry: string, amount = 1, note?: string): Work<AddEntry> {
  const command = note === undefined ? { entry, amount } : { entry, amount, note };
  return { stream, command, context: causedBy(entry) };
}

function handled(result: Accepted<TallyState, EntryAdded> | Refused | undefined): Accepted<TallyState, EntryAdded> {
  if (result?.outcome !== 'accepted') throw new Error(`refused: ${String(result?.error)}`);
  return result;
}

function codeOf(result: Accepted<TallyState, EntryAdded> | Refused | undefined): string {
  return result?.outcome === 'refused' ? result.error.code : 'accepted';
}

let path: string;
let files = 0;
let store: EventStore;
let spied: Counted;
let runtime: TallyRuntime;

beforeEach(async () => {
  await store?.close();
  path = directory.path(`runtime-${(files += 1)}.sqlite`);
  store = openSqliteEventStore(path);
  spied = counted(store);
  runtime = createRuntime({ store: spied, decider: tally });
});
afterAll(() => store.close());

describe('a command', () => {
  it('appends its events, with ids computed from its cause', async () => {
    const { stored, events, revision, state } = await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    expect(revision).toBe(0);
    expect(events).toEqual([
      { type: 'EntryAdded', version: 2, occurredAt: OCCURRED_AT, data: { input: { entry: 'a', amount: 5 }, sum: 5 } },
    ]);
    expect(stored).toEqual(await store.readStream(S));
    expect(stored[0]?.id).toBe(eventId(S, 'm-1', 0));
    expect(state.sum).toBe(5);
  });

  it('records its actor and what caused it in the metadata', async () => {
    const context = { actor: 'ada', correlationId: 'c-9', causationId: 'm-0', cause: 'm-1' };
    const { stored } = await runtime.handle(S, { entry: 'a', amount: 5 }, context);
    expect(JSON.parse(stored[0]?.metadataText ?? '')).toEqual({
      actor: 'ada',
      correlationId: 'c-9',
      causationId: 'm-0',
    });
  });

  it('leaves out of the metadata what caused it where its data names that', async () => {
    const named = { ...tally, events: { EntryAdded: { ...tally.events.EntryAdded, namesCause: true as const } } };
    const context = { correlationId: 'c-9', causationId: 'm-0', cause: 'm-1' };
    const { stored } = await createRuntime({ store, decider: named }).handle(S, { entry: 'a', amount: 5 }, context);
    expect(JSON.parse(stored[0]?.metadataText ?? '')).toEqual({ correlationId: 'c-9' });
  });

  it('appends nothing when it is repeated', async () => {
    await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    const again = await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    expect(again).toMatchObject({ stored: [], events: [], revision: 0 });
    expect(await store.readStream(S)).toHaveLength(1);
  });

  it('appends nothing when it is repeated after a restart', async () => {
    await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    const restarted = createRuntime({ store, decider: tally });
    expect((await restarted.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'))).stored).toEqual([]);
    expect(await store.readStream(S)).toHaveLength(1);
  });

  it('counts as it was stored where an earlier try took effect late, decided otherwise', async () => {
    let inFlight: readonly Append[] | undefined;
    const slow: EventStore = {
      ...counted(store),
      appendMany: async (appends) => {
        if (inFlight === undefined) {
          inFlight = appends;
          throw new EventStoreUnavailable('the answer was lost');
        }
        await store.appendMany(inFlight);
        return store.appendMany(appends);
      },
    };
    const retrying = createRuntime({ store: slow, decider: tally });
    const first = retrying.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    await expect(first).rejects.toThrow(EventStoreUnavailable);
    const second = await retrying.handle(S, { entry: 'a', amount: 7 }, causedBy('m-1'));
    expect(second).toMatchObject({ events: [], revision: 0, state: { sum: 5 } });
    expect((await retrying.load(S)).state.sum).toBe(5);
    const [stored] = await store.readStream(S);
    expect(stored && domainEventOf(stored, tally.events).data).toMatchObject({ sum: 5 });
  });

  it('throws the error of the domain if it is refused, and changes nothing', async () => {
    await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    await expect(runtime.handle(S, { entry: 'b', amount: -6 }, causedBy('m-2'))).rejects.toMatchObject({
      code: 'TallyBelowZero',
      kind: 'conflict',
    });
    expect(await store.readStream(S)).toHaveLength(1);
    expect((await runtime.load(S)).state.sum).toBe(5);
  });

  it('throws a TypeError for a stream of another category', async () => {
    await expect(runtime.handle('other-a', { entry: 'a', amount: 5 }, causedBy('m-1'))).rejects.toThrow(TypeError);
  });

  it('stores nothing and leaves no incomplete state behind if it fails because of a bug', async () => {
    const buggy = createRuntime({
      store,
      decider: {
        ...tally,
        decide: (command: AddEntry, state: TallyState) => {
          if (command.note === 'bug') throw new RangeError('bug');
          return tally.decide(command, state);
        },
      },
    });
    await buggy.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    await expect(buggy.handleMany([work(S, 'b'), work(S, 'c', 1, 'bug')])).rejects.toThrow('bug');
    expect(await store.readStream(S)).toHaveLength(1);
    expect((await buggy.load(S)).state.sum).toBe(5);
  });
});

describe('many commands', () => {
  it('take one read and one append, and each is decided on its own', async () => {
    const results = await runtime.handleMany([
      work('tally-a', 'a1', 1),
      work('tally-b', 'b1', 10),
      work('tally-a', 'a2', 2),
      work('tally-b', 'b2', -100),
      work('tally-a', 'a1', 1),
      work('tally-b', 'b3', 20),
    ]);
    expect(results.map(codeOf)).toEqual(['accepted', 'accepted', 'accepted', 'TallyBelowZero', 'accepted', 'accepted']);
    expect(spied.calls).toEqual({ append: 1, readStreams: [['tally-a', 'tally-b']], readStream: [] });
    expect(handled(results[2])).toMatchObject({ stream: 'tally-a', revision: 1 });
    expect(handled(results[2]).stored.map((event) => event.id)).toEqual([eventId('tally-a', 'a2', 1)]);
    expect(handled(results[4])).toMatchObject({ stored: [], revision: 1 });
    expect(handled(results[5]).events[0]?.data.sum).toBe(30);
    expect(handled(results[5]).stored[0]?.revision).toBe(1);
    expect((await store.readStream('tally-b')).map((event) => event.revision)).toEqual([0, 1]);
  });

  it('read nothing for cached streams', async () => {
    await runtime.handleMany([work('tally-a', 'a1'), work('tally-b', 'b1')]);
    await runtime.handleMany([work('tally-a', 'a2'), work('tally-b', 'b2'), work('tally-c', 'c1')]);
    expect(spied.calls).toEqual({ append: 2, readStreams: [['tally-a', 'tally-b'], ['tally-c']], readStream: [] });
  });

  it('do not read a stream again that does not exist', async () => {
    await runtime.handleMany([work('tally-a', 'a1', -1)]);
    await runtime.handleMany([work('tally-a', 'a2', 1)]);
    expect(spied.calls).toEqual({ append: 1, readStreams: [['tally-a']], readStream: [] });
  });

  it('store the same as one by one: a thousand commands for hundreds of streams', async () => {
    const commands = Array.from({ length: 1000 }, (_, index) =>
      work(`tally-${(index * 7) % 300}`, `e${index % 900}`, index),
    );
    await runtime.handleMany(commands);
    expect(spied.calls.append).toBe(1);
    const other = openSqliteEventStore(':memory:');
    const oneByOne = createRuntime({ store: other, decider: tally });
    for (const { stream, command, context } of commands) await oneByOne.handle(stream, command, context);
    for (let index = 0; index < 300; index += 1)
      expect((await store.readStream(`tally-${index}`)).map((event) => event.hash)).toEqual(
        (await other.readStream(`tally-${index}`)).map((event) => event.hash),
      );
    await other.close();
  });

  it('may be none', async () => {
    expect(await runtime.handleMany([])).toEqual([]);
  });

  it('for one stream are split into several appends if they exceed the size limit, and the stream is read once', async () => {
    const note = 'x'.repeat(100_000);
    const results = await runtime.handleMany([
      ...Array.from({ length: 25 }, (_, index) => work('tally-a', `a${index}`, 1, note)),
      work('tally-b', 'b'),
    ]);
    expect(results.every((result) => result.outcome === 'accepted')).toBe(true);
    expect(handled(results[24])).toMatchObject({ revision: 24, state: { sum: 25 } });
    expect(await store.readStream('tally-a')).toHaveLength(25);
    expect(await store.readStream('tally-b')).toHaveLength(1);
    expect(spied.calls.readStreams).toEqual([['tally-a', 'tally-b']]);
    expect(spied.calls.append).toBe(5);
  });

  it('refuse the one whose event is larger than any store accepts', async () => {
    const results = await runtime.handleMany([
      work('tally-a', 'a1'),
      work('tally-a', 'a2', 1, 'x'.repeat(1_100_000)),
      work('tally-a', 'a3'),
      work('tally-b', 'b1'),
    ]);
    expect(results.map(codeOf)).toEqual(['accepted', 'EventTooLarge', 'accepted', 'accepted']);
    expect((await store.readStream('tally-a')).map(entryOf)).toEqual(['a1', 'a3']);
    expect((await runtime.load('tally-a')).state.sum).toBe(2);
  });
});

describe('a command whose event would be published as more messages than an offset can number', () => {
  it('is refused before anything is stored', async () => {
    const messages = new Array<{ value: string }>(MESSAGES_PER_EVENT_MAX + 1).fill({ value: '{}' });
    const publishing = createRuntime({ store, decider: tally, messagesOf: () => messages });
    const handled = publishing.handle('tally-a', { entry: 'a', amount: 1 }, causedBy('a'));
    await expect(handled).rejects.toMatchObject({ code: 'MessagesTooMany' });
    expect(await store.head()).toBe(0n);
  });
});

describe('a command whose event no store accepts', () => {
  it('is refused without blocking the rest of its batch', async () => {
    const commands = Array.from({ length: 60 }, (_, index) => work(`tally-${index % 20}`, `e${index}`));
    commands[25] = work('tally-5', 'lone \ud800 surrogate');
    commands[40] = work('tally-bad\nname', 'e40');
    const results = await runtime.handleMany(commands);
    expect(
      results.flatMap((result, index) => (result.outcome === 'refused' ? [[index, result.error.code]] : [])),
    ).toEqual([
      [25, 'EventNotStorable'],
      [40, 'EventNotStorable'],
    ]);
    expect(await store.head()).toBe(58n);
    expect((await runtime.load('tally-5')).state.sum).toBe(2);
  });

  it('is refused with the path of the field', async () => {
    const refused = runtime.handle(S, { entry: 'lone \ud800 surrogate', amount: 1 }, causedBy('m-1'));
    await expect(refused).rejects.toMatchObject({ kind: 'invalid', fields: [{ field: '/input/entry' }] });
    expect((await runtime.load(S)).revision).toBe('no-stream');
  });
});

describe('concurrent callers in one process', () => {
  it('use a stream one after the other, in order, and never conflict', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        runtime.handle(S, { entry: `e${index}`, amount: 1 }, causedBy(`m-${index}`)),
      ),
    );
    expect(results.map((result) => result.revision)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(spied.calls).toEqual({ append: 50, readStreams: [[S]], readStream: [] });
  });

  it('do not deadlock when they share streams in different orders', async () => {
    await Promise.all([
      runtime.handleMany([work('tally-a', '1'), work('tally-b', '1')]),
      runtime.handleMany([work('tally-b', '2'), work('tally-a', '2')]),
      runtime.handleMany([work('tally-c', '3'), work('tally-a', '3'), work('tally-b', '3')]),
    ]);
    expect(await store.readStream('tally-a')).toHaveLength(3);
    expect(await store.readStream('tally-b')).toHaveLength(3);
  });
});

describe('a second writer', () => {
  it('causes the command to be decided again on the new content of the stream', async () => {
    await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    const second = createRuntime({ store: openSqliteEventStore(path), decider: tally });
    await second.handle(S, { entry: 'b', amount: 10 }, causedBy('m-2'));
    const { events, revision } = await runtime.handle(S, { entry: 'c', amount: 1 }, causedBy('m-3'));
    expect(revision).toBe(2);
    expect(events[0]?.data.sum).toBe(16);
    expect((await runtime.load(S)).state.sum).toBe(16);
  });

  it('neither delays nor repeats the commands for other streams', async () => {
    await runtime.handleMany([work('tally-a', 'a1'), work('tally-b', 'b1')]);
    await createRuntime({ store, decider: tally }).handle('tally-a', { entry: 'x', amount: 1 }, causedBy('x'));
    const results = await runtime.handleMany([work('tally-a', 'a2'), work('tally-b', 'b2'), work('tally-a', 'a3')]);
    expect(results.map((result) => handled(result).revision)).toEqual([2, 1, 3]);
    expect(await store.readStream('tally-b')).toHaveLength(2);
  });

  it('is noticed by a command that appends nothing', async () => {
    await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    await createRuntime({ store, decider: tally }).handle(S, { entry: 'b', amount: 10 }, causedBy('m-2'));
    // On the cached state, 5, this would be refused.
    const { events } = await runtime.handle(S, { entry: 'c', amount: -12 }, causedBy('m-3'));
    expect(events[0]?.data.sum).toBe(3);
  });

  it('is noticed for a stream that is cached as absent', async () => {
    await expect(runtime.handle(S, { entry: 'a', amount: -1 }, causedBy('m-1'))).rejects.toThrow(DomainError);
    await createRuntime({ store, decider: tally }).handle(S, { entry: 'b', amount: 10 }, causedBy('m-2'));
    expect((await runtime.handle(S, { entry: 'a', amount: -1 }, causedBy('m-1'))).revision).toBe(1);
  });

  it('is noticed by a load', async () => {
    await runtime.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    await createRuntime({ store, decider: tally }).handle(S, { entry: 'b', amount: 10 }, causedBy('m-2'));
    expect(await runtime.load(S)).toMatchObject({ revision: 1, state: { sum: 15 } });
    expect(await runtime.load('tally-none')).toMatchObject({ revision: 'no-stream', state: { sum: 0 } });
  });

  it('causes an error after a bounded number of attempts if it is always faster', async () => {
    let foreign = 0;
    const busy = counted(store, async () => {
      const event = { ...foreignEvent(foreign), data: { input: { entry: `f${foreign}`, amount: 0 }, sum: 0 } };
      await store.append({ stream: S, expectedRevision: foreign === 0 ? 'no-stream' : foreign - 1, events: [event] });
      foreign += 1;
    });
    const unlucky = createRuntime({ store: busy, decider: tally });
    await expect(unlucky.handle(S, { entry: 'a', amount: 1 }, causedBy('m-1'))).rejects.toThrow(ConflictUnresolved);
    expect(foreign).toBe(11);
  });

  it('that handled the same cause at the same revision makes the command a repetition', async () => {
    const rival = createRuntime({ store: openSqliteEventStore(path), decider: tally });
    let first = true;
    const late = counted(store, async () => {
      if (!first) return;
      first = false;
      await rival.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    });
    const result = await createRuntime({ store: late, decider: tally }).handle(
      S,
      { entry: 'a', amount: 5 },
      causedBy('m-1'),
    );
    expect(result.revision).toBe(0);
    expect(late.calls.append).toBe(1);
    expect(await store.readStream(S)).toHaveLength(1);
  });
});

describe('an append that fails', () => {
  it('discards the state that is ahead of the store', async () => {
    let broken = false;
    const failing = counted(store, async () => {
      if (broken) throw new Error('disk full');
    });
    const unlucky = createRuntime({ store: failing, decider: tally });
    await unlucky.handle(S, { entry: 'a', amount: 5 }, causedBy('m-1'));
    broken = true;
    await expect(unlucky.handle(S, { entry: 'b', amount: 5 }, causedBy('m-2'))).rejects.toThrow('disk full');
    broken = false;
    expect((await unlucky.load(S)).state.sum).toBe(5);
    expect((await unlucky.handle(S, { entry: 'b', amount: 5 }, causedBy('m-2'))).events[0]?.data.sum).toBe(10);
  });
});

describe('cached states', () => {
  it('are limited in bytes, and the least recently used are evicted first', async () => {
    const small = createRuntime({ store: spied, decider: tally, cacheBytesMax: 3 * (150 + 200 + 7) });
    for (const stream of ['tally-a', 'tally-b', 'tally-c', 'tally-d'])
      await small.handle(stream, { entry: 'x', amount: 1 }, causedBy('x'));
    spied.calls.readStreams.length = 0;
    await small.handle('tally-d', { entry: 'y', amount: 1 }, causedBy('y'));
    expect(spied.calls.readStreams).toEqual([]);
    await small.handle('tally-a', { entry: 'y', amount: 1 }, causedBy('y'));
    expect(spied.calls.readStreams).toEqual([['tally-a']]);
  });

  it('stay where they are while many streams pass through once', async () => {
    const small = createRuntime({ store: spied, decider: tally, cacheBytesMax: 3 * (150 + 200 + 7) });
    await small.handle('tally-a', { entry: 'x', amount: 1 }, causedBy('x'));
    const others = ['tally-b', 'tally-c', 'tally-d', 'tally-e'];
    const passing = [...others, 'tally-a'].map((stream) => ({
      stream,
      command: { entry: 'y', amount: 1 },
      context: causedBy('y'),
    }));
    spied.calls.readStreams.length = 0;
    for (const one of passing) await small.handleMany([one], { isPassing: true });
    expect(spied.calls.readStreams).toEqual(others.map((stream) => [stream]));
    await small.handle('tally-a', { entry: 'z', amount: 1 }, causedBy('z'));
    expect(spied.calls.readStreams).toHaveLength(others.length);
  });

  it('exclude a state larger than the limit, which is read each time', async () => {
    const tiny = createRuntime({ store: spied, decider: tally, cacheBytesMax: 10 });
    for (const entry of ['a', 'b']) await tiny.handle(S, { entry, amount: 1 }, causedBy(entry));
    expect(spied.calls.readStreams).toEqual([[S], [S]]);
    expect((await tiny.load(S)).state.sum).toBe(2);
  });
});

describe('events of an old version', () => {
  it('are upcast when their stream is loaded', async () => {
    const old = { ...foreignEvent(0), version: 1, data: { entry: 'a', amount: 7, sum: 7 } };
    await store.append({ stream: S, expectedRevision: 'no-stream', events: [old] });
    expect((await runtime.handle(S, { entry: 'a', amount: 7 }, causedBy('m-1'))).stored).toEqual([]);
    expect((await runtime.handle(S, { entry: 'b', amount: 1 }, causedBy('m-2'))).events[0]?.data.sum).toBe(8);
  });
});

function entryOf(stored: StoredEvent): string {
  return parseDomainEvent<EntryAdded>(stored, tally.events).data.input.entry;
}

function foreignEvent(number: number): NewEvent {
  return {
    id: eventId(S, 'foreign', number),
    type: 'EntryAdded',
    version: 2,
    occurredAt: OCCURRED_AT,
    metadata: { actor: 'test', correlationId: 'c-1' },
    data: {},
  };
}
