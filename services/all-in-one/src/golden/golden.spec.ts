import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@tantieme/audit/verify';
import type { Verification } from '@tantieme/audit/verify';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { eventHash, FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { isPart } from '@tantieme/event-store/run';
import type { EventType } from '@tantieme/event-sourcing/decide/decider';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { replayables } from '../replayables.js';
import { appendGoldenEvents, readGoldenLog } from './golden-log.js';
import type { GoldenEvent } from './golden-log.js';
import { messagesOf, openMemoryStore, readModelDigests, recordGoldenLog, replayGoldenLog } from './replay.js';

const golden = readGoldenLog();
const { events, tables } = golden;

describe('the golden log', () => {
  it('is replayed to the byte', async () => {
    expect(await replayGoldenLog(golden)).toEqual({ events: events.length, differences: [] });
  });

  it('has every event type of every service', async () => {
    const store = openMemoryStore();
    const known = (await replayables(store)).flatMap(({ category, events }) =>
      Object.keys(events).map((type) => `${category} ${type}`),
    );
    await store.close();
    const found = new Set(events.map(({ stream, type }) => `${categoryOf(stream)} ${type}`));
    expect(known.filter((type) => !found.has(type))).toEqual([]);
    expect([...found].filter((type) => !known.includes(type))).toEqual([]);
  });

  it('is what its script records (after a change of formats: npm run golden -- --write)', async () => {
    const recorded = await recordGoldenLog();
    const namesOf = (log: readonly GoldenEvent[]) =>
      log.map(({ stream, revision, type, hash }) => `${stream}@${revision} ${type} ${hash}`);
    expect(namesOf(recorded.events)).toEqual(namesOf(events));
    expect(recorded.tables).toEqual(tables);
    expect(recorded.messages).toEqual(golden.messages);
  });

  it('has decisions that are stored as runs', () => {
    expect(events.filter(isGoldenPart).length).toBeGreaterThan(2);
  });
});

describe('a replay', () => {
  const changed = (index: number, change: Partial<GoldenEvent>): readonly GoldenEvent[] =>
    events.map((event, at) => (at === index ? { ...event, ...change } : event));
  const indexOf = (type: string): number => events.findIndex((event) => event.type === type);

  it.each(['actor', 'correlationId'])('names an event whose %s was changed', async (name) => {
    const [first] = events;
    if (first === undefined) throw new Error('the log is empty');
    const metadata = { ...first.metadata, [name]: 'other' };
    const { differences } = await replayGoldenLog({ ...golden, events: changed(0, { metadata }) });
    expect(differences).toContain(`${first.stream}@0: the hash is another one`);
  });

  it('names a decision that comes out differently, and the tables that hold it', async () => {
    const index = indexOf('StatementIssued');
    const event = events[index];
    if (event === undefined) throw new Error('a statement is issued');
    const data = JSON.parse(canonicalJson(event.data).replace('"payable":"', '"payable":"1')) as GoldenEvent['data'];
    const { differences } = await replayGoldenLog({ ...golden, events: changed(index, { data }) });
    const at = `${event.stream}@${event.revision}`;
    expect(differences).toContain(`${at}: the hash is another one`);
    expect(differences).toContainEqual(expect.stringMatching(/^account-.*: decided again, \/statement\/payable is /));
    expect(differences).toContain('payouts_statements: its rows are others');
  });

  it.each([
    [{ type: 'DealForgotten' }, /DealForgotten at revision 0: it knows only DealFactRecorded/],
    [{ version: 2 }, /the event has version 2, and it knows up to 1/],
  ])('refuses an event that this build does not know: %j', async (change, message) => {
    const index = indexOf('DealFactRecorded');
    const store = openMemoryStore();
    await appendGoldenEvents(store, changed(index, change));
    const { differences } = await verifyLog({ store, replayables: await replayables(store) });
    expect(differences[0]?.reason).toMatch(message);
    await expect(readModelDigests(store)).rejects.toThrow(message);
    await store.close();
    const replay = await replayGoldenLog({ ...golden, events: changed(index, change) });
    expect(replay.differences).toContainEqual(expect.stringMatching(/^the read models cannot be rebuilt: deal-/));
    expect(replay.differences.at(-1)).toMatch(/^(the messages cannot be made: deal-|deals\t.*not published any more$)/);
  });

  it('names a message whose bytes have changed, and one that is not published any more', async () => {
    const [first = '', ...others] = golden.messages;
    const messages = [first.replace(/.$/, 'x'), ...others, 'payouts\tanna\tabc'];
    const [topic, key] = first.split('\t');
    expect((await replayGoldenLog({ ...golden, messages })).differences).toEqual([
      expect.stringContaining(`${topic} ${key} of `),
      `${messages[0]}: the message is not published any more`,
      'payouts\tanna\tabc: the message is not published any more',
    ]);
  });

  it.each(['DealCredited', 'Earned', 'ClaimsReceived', 'BonusDecided', 'StatementIssued'])(
    'refuses the %s of an engine version that this build does not have',
    async (type) => {
      const index = indexOf(type);
      const { data } = events[index] ?? {};
      const store = openMemoryStore();
      await appendGoldenEvents(store, changed(index, { data: { ...(data as object), engine: 7 } }));
      const { differences } = await verifyLog({ store, replayables: await replayables(store) });
      expect(differences[0]?.reason).toMatch(
        /^cannot be decided again: version 7 of the .* calculation is not in this build, which has 1;/,
      );
      await store.close();
    },
  );
});

function isGoldenPart({ data }: GoldenEvent): boolean {
  return '$run' in (data as object);
}

/** The run of a part: the id of its first part. */
function runOf({ id }: GoldenEvent): string {
  return id.split('.', 1)[0] ?? id;
}

/**
 * The same log as an earlier build would have left it, in which every event type had an older version: the data was
 * wrapped.
 */
async function olderLog(store: EventStore): Promise<EventStore> {
  const ends = new Map<string, string>();
  const older = new Map<bigint, StoredEvent>();
  for (const event of (await store.readAll({ limit: 10_000 })).events) {
    // The parts of a run stay as they are: they hold the text of one event.
    const old = isPart(event) ? event : { ...event, version: 0, dataText: `{"old":${event.dataText}}` };
    const hash = eventHash(ends.get(event.stream) ?? FIRST_PREDECESSOR, old);
    ends.set(event.stream, hash);
    older.set(event.position, { ...old, hash });
  }
  const of = (read: readonly StoredEvent[]): readonly StoredEvent[] =>
    read.flatMap(({ position }) => older.get(position) ?? []);
  return {
    append: () => Promise.reject(new Error('the older log is only read')),
    appendMany: () => Promise.reject(new Error('the older log is only read')),
    readStream: async (stream, options) => of(await store.readStream(stream, options)),
    readStreams: async (streams) =>
      new Map([...(await store.readStreams(streams))].map(([stream, read]) => [stream, of(read)])),
    readAll: async (options) => {
      const page = await store.readAll(options);
      return { ...page, events: of(page.events) };
    },
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    hashAt: (position) => store.hashAt(position),
    close: () => store.close(),
  };
}

describe('events of an older version are upcast', () => {
  const upcast = { 0: ({ old }: { readonly old: object }) => old };
  const types: { -readonly [Name in keyof EventType]: EventType[Name] }[] = [];
  const store = openMemoryStore();
  let older: EventStore;
  let verified: Verification;

  beforeAll(async () => {
    await appendGoldenEvents(store, events);
    older = await olderLog(store);
    for (const { events } of await replayables(store)) types.push(...Object.values(events));
    for (const type of types) type.upcast = upcast;
    verified = await verifyLog({ store: older, replayables: await replayables(older) });
  });
  afterAll(async () => {
    for (const type of types) delete type.upcast;
    await store.close();
  });

  it('when they are verified', () => {
    expect(verified).toMatchObject({
      decisions:
        events.length - events.filter(isGoldenPart).length + new Set(events.filter(isGoldenPart).map(runOf)).size,
      differences: [],
    });
  });

  it('by every decider', async () => {
    const known = await replayables(older);
    for (const { stream } of events.filter(({ revision }) => revision === 0)) {
      const decider = known.find(({ category }) => category === categoryOf(stream));
      if (decider === undefined) throw new Error(`${stream} has no decider`);
      const { state } = await createRuntime({ store: older, decider }).load(stream);
      expect(state).toEqual((await createRuntime({ store, decider }).load(stream)).state);
    }
  });

  it('by every read model', async () => {
    expect(await readModelDigests(older)).toEqual(tables);
  });

  it('by everything that publishes messages', async () => {
    const messages = await messagesOf(store);
    expect(messages.length).toBeGreaterThan(40);
    expect(await messagesOf(older)).toEqual(messages);
  });

  it('unless their upcaster is missing', async () => {
    for (const type of types) delete type.upcast;
    // The data of events that were read before is cached.
    const unread = await olderLog(store);
    await expect(readModelDigests(unread)).rejects.toThrow('there is no upcaster from its version 0 to 1');
    await expect(messagesOf(unread)).rejects.toThrow('there is no upcaster from its version 0 to 1');
    for (const type of types) type.upcast = upcast;
  });
});
