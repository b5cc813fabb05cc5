import { beforeEach, describe, expect, it } from '@jest/globals';
import { APPEND_BYTES_MAX } from '@tantieme/event-store/limits';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { withWholeEvents } from '@tantieme/event-store/run';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';

import { causedBy, OCCURRED_AT } from '../testing/tally.fixture.js';
import type { Decider } from './decider.js';
import { createRuntime } from './runtime.js';
import { parseDomainEvent } from './upcasting.js';

/** Names as many guests as it is told to. */
interface Invite {
  readonly party: string;
  readonly guests: number;
}

interface Invited {
  readonly type: 'Invited';
  readonly version: 1;
  readonly occurredAt: string;
  readonly data: { readonly input: Invite; readonly before: number; readonly guests: readonly string[] };
}

interface Parties {
  readonly names: Set<string>;
  guests: number;
}

const invitations: Decider<Parties, Invite, Invited> = {
  category: 'party',
  events: { Invited: { version: 1 } },
  initialState: () => ({ names: new Set(), guests: 0 }),
  decide: (input, { names, guests: before }) => {
    if (names.has(input.party)) return [];
    const guests = Array.from({ length: input.guests }, (_, index) => `${before + index} 😀é"`);
    return [{ type: 'Invited', version: 1, occurredAt: OCCURRED_AT, data: { input, before, guests } }];
  },
  evolve: (state, { data }) => {
    state.names.add(data.input.party);
    state.guests += data.guests.length;
    return state;
  },
  commandOf: ({ data }) => data.input,
  storesRuns: true,
};

const S = 'party-a';
/** An event of about 2 MB: six parts. */
const BIG: Invite = { party: 'big', guests: 120_000 };
const SMALL: Invite = { party: 'small', guests: 1 };

/** Fails every append after the first `appends` of one event: the process has crashed. */
function crashingAfter(store: EventStore, appends: number): EventStore {
  let left = appends;
  const crashed = (): Promise<never> => Promise.reject(new Error('crashed'));
  return {
    ...withWholeEvents(store),
    append: (append) => (left-- > 0 ? store.append(append) : crashed()),
  };
}

const idsOf = (events: readonly StoredEvent[]): readonly string[] => events.map(({ id }) => id);

let store: EventStore;

beforeEach(() => {
  store = openSqliteEventStore(':memory:');
});

async function readLog(limit: number): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  const reader = withWholeEvents(store);
  for (let after = 0n; ;) {
    const page = await reader.readAll({ after, limit });
    events.push(...page.events);
    after = page.through;
    if (page.end) return events;
  }
}

describe('a decision that is larger than an append', () => {
  it('is stored in parts and is one event for its caller', async () => {
    const result = await createRuntime({ store, decider: invitations }).handle(S, BIG, causedBy('c-1'));
    expect(result.stored).toHaveLength(1);
    expect(result.revision).toBe(5);
    expect((await store.readStream(S)).map(({ type }) => type)).toEqual(Array<string>(6).fill('Invited'));
    const [stored] = result.stored;
    if (stored === undefined) throw new Error('nothing was stored');
    expect(parseDomainEvent<Invited>(stored, invitations.events).data.guests).toHaveLength(BIG.guests);
  });

  it('is the same state after a restart', async () => {
    await createRuntime({ store, decider: invitations }).handle(S, BIG, causedBy('c-1'));
    const { state, revision } = await createRuntime({ store, decider: invitations }).load(S);
    expect([state.guests, revision]).toEqual([BIG.guests, 5]);
  });

  it.each([1, 1000])('is one event for readers of the log, in pages of %d', async (limit) => {
    const runtime = createRuntime({ store, decider: invitations });
    await runtime.handle(S, BIG, causedBy('c-1'));
    await runtime.handle('party-b', SMALL, causedBy('c-2'));
    const events = await readLog(limit);
    expect(events.map(({ stream, revision }) => [stream, revision])).toEqual([
      [S, 5],
      ['party-b', 0],
    ]);
    expect(events[0]?.id).toBe((await store.readStream(S))[0]?.id);
  });

  it('neither blocks nor changes the rest of its batch', async () => {
    const runtime = createRuntime({ store, decider: invitations });
    const work = Array.from({ length: 30 }, (_, index) => ({
      stream: `party-${index % 10}`,
      command: index === 15 ? BIG : { party: `p${index}`, guests: 2 },
      context: causedBy(`c-${index}`),
    }));
    const results = await runtime.handleMany(work);
    expect(results.map(({ outcome }) => outcome)).toEqual(Array<string>(30).fill('accepted'));
    expect((await runtime.load('party-5')).state.guests).toBe(BIG.guests + 4);
    expect((await runtime.load('party-6')).state.guests).toBe(6);
  });

  it('is refused if what it was decided from is larger than an append', async () => {
    const party = 'x'.repeat(APPEND_BYTES_MAX);
    const runtime = createRuntime({ store, decider: invitations });
    await expect(runtime.handle(S, { party, guests: 1 }, causedBy('c-1'))).rejects.toMatchObject({
      code: 'EventTooLarge',
    });
    expect((await runtime.handle(S, SMALL, causedBy('c-2'))).revision).toBe(0);
  });
});

describe('a crash between two parts', () => {
  it.each([1, 2, 3, 4, 5])('after part %d: the next command of the stream completes the run first', async (parts) => {
    const crashed = createRuntime({ store: crashingAfter(store, parts), decider: invitations });
    await expect(crashed.handle(S, BIG, causedBy('c-1'))).rejects.toThrow('crashed');
    expect(await store.readStream(S)).toHaveLength(parts);
    expect(await readLog(10)).toEqual([]);

    const restarted = createRuntime({ store, decider: invitations });
    const { events, revision } = await restarted.handle(S, SMALL, causedBy('c-2'));
    expect(events[0]?.data.before).toBe(BIG.guests);
    expect(revision).toBe(6);
    expect((await restarted.handle(S, BIG, causedBy('c-1'))).stored).toEqual([]);

    const other = openSqliteEventStore(':memory:');
    const undisturbed = createRuntime({ store: other, decider: invitations });
    await undisturbed.handle(S, BIG, causedBy('c-1'));
    await undisturbed.handle(S, SMALL, causedBy('c-2'));
    expect((await store.readStream(S)).map(({ hash }) => hash)).toEqual(
      (await other.readStream(S)).map(({ hash }) => hash),
    );
    expect(idsOf(await readLog(10))).toHaveLength(2);
  });

  it('is completed by its own command, which is then a repetition', async () => {
    const crashed = createRuntime({ store: crashingAfter(store, 3), decider: invitations });
    await expect(crashed.handle(S, BIG, causedBy('c-1'))).rejects.toThrow('crashed');
    expect((await crashed.load('party-b')).revision).toBe('no-stream');
    const again = await createRuntime({ store, decider: invitations }).handle(S, BIG, causedBy('c-1'));
    expect(again).toMatchObject({ stored: [], revision: 5 });
  });

  it('is not completed by a build that decides something else', async () => {
    const crashed = createRuntime({ store: crashingAfter(store, 3), decider: invitations });
    await expect(crashed.handle(S, BIG, causedBy('c-1'))).rejects.toThrow('crashed');
    const other: typeof invitations = {
      ...invitations,
      decide: (command, state) =>
        invitations
          .decide(command, state)
          .map(({ data, ...event }) => ({ ...event, data: { ...data, guests: ['X'] } })),
    };
    const changed = createRuntime({ store, decider: other });
    await expect(changed.handle(S, SMALL, causedBy('c-2'))).rejects.toThrow('is not what is decided now');
    expect(await store.readStream(S)).toHaveLength(3);
  });

  it('is completed once by two processes at the same moment', async () => {
    const crashed = createRuntime({ store: crashingAfter(store, 3), decider: invitations });
    await expect(crashed.handle(S, BIG, causedBy('c-1'))).rejects.toThrow('crashed');
    const both = [1, 2].map(() => createRuntime({ store, decider: invitations }));
    await Promise.all(
      both.map((one, index) => one.handle(S, { party: `p${index}`, guests: 1 }, causedBy(`p${index}`))),
    );
    expect(await store.readStream(S)).toHaveLength(8);
    expect((await both[0]?.load(S))?.state.guests).toBe(BIG.guests + 2);
  });

  it('is seen by a process that has the state before it in memory', async () => {
    const idle = createRuntime({ store, decider: invitations });
    await idle.handle(S, SMALL, causedBy('c-1'));
    const crashed = createRuntime({ store: crashingAfter(store, 2), decider: invitations });
    await expect(crashed.handle(S, BIG, causedBy('c-2'))).rejects.toThrow('crashed');
    expect((await idle.handle(S, SMALL, causedBy('c-1'))).stored).toEqual([]);
    expect((await idle.load(S)).state.guests).toBe(BIG.guests + 1);
  });
});
