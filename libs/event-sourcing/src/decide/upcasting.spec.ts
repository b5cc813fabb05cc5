import { describe, expect, it } from '@jest/globals';

import { tally } from '../testing/tally.fixture.js';
import type { EntryAdded } from '../testing/tally.fixture.js';
import type { EventTypes } from './decider.js';
import { cacheParsedData, domainEventOf, EventUnknown, parseDomainEvent, withReader } from './upcasting.js';
import type { StoredFields } from './upcasting.js';

const DATA = { input: { entry: 'a', amount: 5 }, sum: 5 };

function stored(version: number, data: object, type = 'EntryAdded'): StoredFields {
  const dataText = JSON.stringify(data);
  return { stream: 'tally-1', revision: 3, type, version, occurredAt: '2026-03-01T00:00:00Z', dataText };
}

describe('an event of an old version', () => {
  const old = () => stored(1, { amount: 5, entry: 'a', sum: 5 });
  const read = { type: 'EntryAdded', version: 2, occurredAt: '2026-03-01T00:00:00Z', data: DATA };

  it('is upcast to the newest version by every way to read it', () => {
    expect(domainEventOf<EntryAdded>(old(), tally.events)).toEqual(read);
    expect(parseDomainEvent<EntryAdded>(old(), tally.events)).toEqual(read);
    expect(withReader(tally).read(old())).toEqual(read);
  });

  it('is upcast once for all readers that share it', () => {
    const shared = old();
    const first = domainEventOf<EntryAdded>(shared, tally.events);
    expect(domainEventOf<EntryAdded>(shared, tally.events)).toEqual(first);
    expect(domainEventOf<EntryAdded>(shared, tally.events).data).toBe(first.data);
  });

  it('passes through every version in between', () => {
    const upcast = { 1: () => ({ two: true }), 2: (data: object) => ({ ...data, three: true }) };
    const read = domainEventOf(stored(1, { one: true }, 'Noted'), { Noted: { version: 3, upcast } });
    expect(read).toMatchObject({ version: 3, data: { two: true, three: true } });
  });

  it('is refused where an upcaster is missing', () => {
    const types = { Noted: { version: 3, upcast: { 2: (data: object) => data } } };
    expect(() => domainEventOf(stored(1, {}, 'Noted'), types)).toThrow('there is no upcaster from its version 1 to 2');
  });
});

describe('an event that this build does not know', () => {
  it('is refused by the name of its type', () => {
    const read = () => domainEventOf<EntryAdded>(stored(1, DATA, 'EntryRemoved'), tally.events);
    expect(read).toThrow(EventUnknown);
    expect(read).toThrow(
      'tally-1 has an event that this build cannot read, EntryRemoved at revision 3: it knows only EntryAdded; run the version of the program that wrote this log, or a later one',
    );
    const inherited = stored(1, DATA, 'constructor');
    expect(() => domainEventOf<EntryAdded>(inherited, tally.events)).toThrow(EventUnknown);
  });

  it('is refused by its version, even where its data was cached', () => {
    const newer = stored(3, DATA);
    expect(() => parseDomainEvent<EntryAdded>(newer, tally.events)).toThrow(
      'the event has version 3, and it knows up to 2',
    );
    cacheParsedData(newer, DATA);
    expect(() => domainEventOf<EntryAdded>(newer, tally.events)).toThrow(EventUnknown);
  });
});

it('lists every type of a decider with the version that it writes', () => {
  type Event =
    EntryAdded | { readonly type: 'Noted'; readonly version: 2; readonly occurredAt: string; readonly data: object };
  const complete: EventTypes<Event> = { EntryAdded: { version: 2 }, Noted: { version: 2 } };
  // @ts-expect-error a type is missing
  const incomplete: EventTypes<Event> = { EntryAdded: { version: 2 } };
  // @ts-expect-error another version than the decider writes
  const outdated: EventTypes<Event> = { EntryAdded: { version: 2 }, Noted: { version: 1 } };
  expect(Object.keys(complete)).toEqual(['EntryAdded', 'Noted']);
  expect([incomplete, outdated]).toHaveLength(2);
});
