/**
 * What every event store adapter guarantees, as tests. The spec of an adapter calls `eventStoreContract` with a
 * function that opens an empty store.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { canonicalJson } from './canonical-json.js';
import { eventHash, FIRST_PREDECESSOR } from './chain.js';
import { EventStoreClosed, EventTooLarge, IncompleteStream, UnknownPosition } from './event-store.js';
import { APPEND_BYTES_MAX, EVENT_OVERHEAD_BYTES, PAGE_BYTES_MAX } from './limits.js';
import type {
  Append,
  AppendedEvent,
  AppendResult,
  EventFilter,
  EventStore,
  ExpectedRevision,
  NewEvent,
  Page,
  Position,
  StoredEvent,
} from './event-store.js';
import { readRevisions, readTail } from './read-revisions.js';
import { partsOf } from './run.js';

export interface StoreUnderTest {
  readonly store: EventStore;
  /** Opens the same data again, as another process would. The suite closes it, and may have closed `store` before. */
  reopen(): Promise<EventStore>;
  /** Closes and removes everything, even if the suite has closed the store. */
  dispose(): Promise<void>;
}

/** An event for tests; its data and id contain `number`. */
export function sampleEvent(number: number, overrides: Partial<NewEvent> = {}): NewEvent {
  return {
    id: `00000000-0000-5000-8000-${String(number).padStart(12, '0')}`,
    type: 'DealBooked',
    version: 1,
    occurredAt: '2026-03-01T10:00:00.000Z',
    metadata: { actor: 'service:crm', correlationId: `correlation-${number}` },
    data: { number },
    ...overrides,
  };
}

function samples(from: number, count: number, overrides: Partial<NewEvent> = {}): readonly NewEvent[] {
  return Array.from({ length: count }, (_, index) => sampleEvent(from + index, overrides));
}

function appendTo(stream: string, expectedRevision: ExpectedRevision, events: readonly NewEvent[]): Append {
  return { stream, expectedRevision, events };
}

/** The events as appended, without a position that some adapters add. */
function stored(result: AppendResult | undefined): readonly AppendedEvent[] {
  if (result?.outcome !== 'appended') throw new Error(`the append was not stored: ${result?.outcome}`);
  return withoutPositions(result.events);
}

function withoutPositions(events: readonly AppendedEvent[]): readonly AppendedEvent[] {
  return events.map((event) => {
    const { position: _, ...rest } = event as AppendedEvent & Partial<StoredEvent>;
    return rest;
  });
}

const ids = (events: readonly AppendedEvent[]): readonly string[] => events.map(({ id }) => id);
const names = (events: readonly AppendedEvent[]): readonly string[] =>
  events.map(({ stream, revision }) => `${stream}@${revision}`);

async function everything(store: EventStore, limit: number, filter?: EventFilter): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after: Position = 0n; ;) {
    const page = await store.readAll({ after, limit, filter });
    events.push(...page.events);
    if (page.end) return events;
    after = page.through;
  }
}

/** Collects at least `enough` events of a subscription. */
async function collect(pages: AsyncIterable<Page>, enough: number): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const page of pages) {
    events.push(...page.events);
    if (events.length >= enough) break;
  }
  return events;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function eventStoreContract(adapter: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${adapter} fulfils the event store contract`, () => {
    let underTest: StoreUnderTest;
    let store: EventStore;
    let stopping: AbortController;

    beforeEach(async () => {
      underTest = await open();
      store = underTest.store;
      stopping = new AbortController();
    });

    afterEach(async () => {
      stopping.abort();
      await underTest.dispose();
    });

    describe('an append to one stream', () => {
      it('gives the first event of a new stream revision 0', async () => {
        const result = await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        expect(result).toMatchObject({ outcome: 'appended', stream: 'deal-1', revision: 0, repeated: false });
      });

      it('numbers the events of one append in their order', async () => {
        const result = await store.append(appendTo('deal-1', 'no-stream', samples(1, 3)));
        expect(names(stored(result))).toEqual(['deal-1@0', 'deal-1@1', 'deal-1@2']);
        expect(ids(await store.readStream('deal-1'))).toEqual(samples(1, 3).map(({ id }) => id));
      });

      it('continues at the exact newest revision', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        const result = await store.append(appendTo('deal-1', 1, [sampleEvent(3)]));
        expect(result).toMatchObject({ outcome: 'appended', revision: 2 });
      });

      it('returns the events exactly as they are read later', async () => {
        const result = await store.append(appendTo('deal-1', 'no-stream', samples(1, 3)));
        const read = await store.readStream('deal-1');
        expect(stored(result)).toEqual(withoutPositions(read));
        expect(result).toMatchObject({ position: read.at(-1)?.position });
        expect(await everything(store, 10)).toEqual(read);
      });

      it('conflicts if the stream exists although none is expected', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        const result = await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(9)]));
        expect(result).toEqual({ outcome: 'conflict', stream: 'deal-1', expected: 'no-stream', actual: 1 });
      });

      it('conflicts if the stream has newer events', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 3)));
        const result = await store.append(appendTo('deal-1', 0, [sampleEvent(9)]));
        expect(result).toEqual({ outcome: 'conflict', stream: 'deal-1', expected: 0, actual: 2 });
      });

      it('conflicts if the stream has not reached the expected revision', async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        const result = await store.append(appendTo('deal-1', 5, [sampleEvent(9)]));
        expect(result).toEqual({ outcome: 'conflict', stream: 'deal-1', expected: 5, actual: 0 });
      });

      it('conflicts if the stream does not exist', async () => {
        const result = await store.append(appendTo('deal-1', 0, [sampleEvent(1)]));
        expect(result).toEqual({ outcome: 'conflict', stream: 'deal-1', expected: 0, actual: 'no-stream' });
      });

      it('stores nothing of a conflict', async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        const head = await store.head();
        await store.append(appendTo('deal-1', 'no-stream', samples(7, 3)));
        expect(await store.head()).toBe(head);
        expect(await store.readStream('deal-1')).toHaveLength(1);
      });

      it('refuses an append without events', async () => {
        await expect(store.append(appendTo('deal-1', 'no-stream', []))).rejects.toThrow();
      });

      it('takes effect in the order of the calls', async () => {
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, n) =>
            store.append(appendTo('deal-1', n === 0 ? 'no-stream' : n - 1, [sampleEvent(n)])),
          ),
        );
        expect(results.every(({ outcome }) => outcome === 'appended')).toBe(true);
      });

      it('refuses names that could not be returned unchanged, or that engines reserve', async () => {
        for (const stream of ['', 'deal-\ud800', 'deal-\u0000', 'deal-\n', '$stats']) {
          await expect(store.append(appendTo(stream, 'no-stream', [sampleEvent(1)]))).rejects.toMatchObject({
            code: 'InvalidAppend',
          });
        }
        const wrongOnes = [{ version: 0 }, { version: 1.5 }, { type: '' }, { type: '$>' }, { id: '\udfff' }];
        for (const wrong of [...wrongOnes, { occurredAt: '' }]) {
          await expect(store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1, wrong)]))).rejects.toMatchObject({
            code: 'InvalidAppend',
          });
        }
        expect(await store.head()).toBe(0n);
      });
    });

    describe('a repeated append', () => {
      it('is a success without effect', async () => {
        const first = await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        const head = await store.head();
        const again = await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        expect(again).toMatchObject({ ...first, repeated: true });
        expect(await store.head()).toBe(head);
      });

      it('is recognised at a later revision', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        await store.append(appendTo('deal-1', 1, samples(3, 2)));
        const again = await store.append(appendTo('deal-1', 1, samples(3, 2)));
        expect(again).toMatchObject({ outcome: 'appended', revision: 3, repeated: true });
      });

      it('is recognised after newer events', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        await store.append(appendTo('deal-1', 1, samples(3, 2)));
        const again = await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        expect(again).toMatchObject({ outcome: 'appended', revision: 1, repeated: true });
        expect(ids(stored(again))).toEqual(samples(1, 2).map(({ id }) => id));
      });

      it('conflicts at another expected revision', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 3)));
        expect(await store.append(appendTo('deal-1', 0, samples(1, 2)))).toMatchObject({ outcome: 'conflict' });
      });

      it('conflicts if only some of its ids were stored', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        const mixed = [sampleEvent(1), sampleEvent(9)];
        expect(await store.append(appendTo('deal-1', 'no-stream', mixed))).toMatchObject({ outcome: 'conflict' });
      });

      it('conflicts if it has more events than were stored', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        const more = await store.append(appendTo('deal-1', 'no-stream', samples(1, 3)));
        expect(more).toMatchObject({ outcome: 'conflict', actual: 1 });
      });

      it('keeps the content that was stored first, and continues from there', async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        const again = await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1, { data: 'other' })]));
        expect(again).toMatchObject({ repeated: true, events: [{ dataText: '{"number":1}' }] });
        const [next] = stored(await store.append(appendTo('deal-1', 0, [sampleEvent(2)])));
        expect(next?.hash).toBe(eventHash(stored(again)[0]?.hash ?? '', next ?? never()));
      });

      it('succeeds while the first one is still under way', async () => {
        for (let n = 0; n < 10; n++) {
          const append = appendTo('deal-1', n === 0 ? 'no-stream' : n - 1, [sampleEvent(n)]);
          const both = await Promise.all([store.append(append), store.append(append)]);
          expect(both).toMatchObject([{ repeated: false }, { repeated: true }]);
          expect(stored(both[0])).toEqual(stored(both[1]));
        }
        expect(await store.readStream('deal-1')).toHaveLength(10);
      });

      it('may use the same ids in another stream', async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        const other = await store.append(appendTo('deal-2', 'no-stream', [sampleEvent(1)]));
        expect(other).toMatchObject({ outcome: 'appended', repeated: false });
      });
    });

    describe('the size limit of an append', () => {
      const ofBytes = (number: number, bytes: number): NewEvent => {
        const empty =
          Buffer.byteLength(JSON.stringify(sampleEvent(number).metadata)) + Buffer.byteLength('{"text":""}');
        return sampleEvent(number, { data: { text: 'x'.repeat(bytes - EVENT_OVERHEAD_BYTES - empty) } });
      };

      it('accepts exactly as many bytes as every engine accepts', async () => {
        const result = await store.append(appendTo('deal-1', 'no-stream', [ofBytes(1, APPEND_BYTES_MAX)]));
        expect(result.outcome).toBe('appended');
      });

      it('refuses one byte more and stores nothing', async () => {
        const tooLarge = appendTo('deal-1', 'no-stream', [ofBytes(1, APPEND_BYTES_MAX + 1)]);
        await expect(store.append(tooLarge)).rejects.toThrow(EventTooLarge);
        expect(await store.head()).toBe(0n);
      });

      it('counts all events of an append', async () => {
        const half = APPEND_BYTES_MAX / 2;
        const tooLarge = appendTo('deal-1', 'no-stream', [ofBytes(1, half), ofBytes(2, half + 1)]);
        await expect(store.append(tooLarge)).rejects.toMatchObject({ code: 'EventTooLarge', stream: 'deal-1' });
      });

      it('counts bytes, not characters', async () => {
        const euros = sampleEvent(1, { data: { text: '€'.repeat(APPEND_BYTES_MAX / 3) } });
        await expect(store.append(appendTo('deal-1', 'no-stream', [euros]))).rejects.toThrow(EventTooLarge);
      });

      it('counts the overhead of each event', async () => {
        const [size, first] = [1024, samples(0, 1024).map((_, n) => ofBytes(n, 1024))];
        expect(await store.append(appendTo('deal-1', 'no-stream', first))).toMatchObject({ outcome: 'appended' });
        const tooMany = [
          ...first.map(({ id }, n) => ({ ...ofBytes(n, size), id: `${id.slice(0, -1)}x` })),
          ofBytes(1, 600),
        ];
        await expect(store.append(appendTo('deal-1', 1023, tooMany))).rejects.toThrow(EventTooLarge);
      });

      it('allows reading streams and pages of large events', async () => {
        for (let n = 0; n < 6; n++)
          stored(await store.append(appendTo('deal-1', n === 0 ? 'no-stream' : n - 1, [ofBytes(n, APPEND_BYTES_MAX)])));
        const events = await store.readStream('deal-1');
        expect(events).toHaveLength(6);
        expect(await everything(store, 6)).toEqual(events);
        expect(await collect(store.subscribe({ batchSize: 6, signal: stopping.signal }), 6)).toEqual(events);
      });

      it('ends a page of the log with the event that fills it', async () => {
        const count = PAGE_BYTES_MAX / APPEND_BYTES_MAX + 4;
        for (let n = 0; n < count; n++)
          stored(await store.append(appendTo('deal-1', n === 0 ? 'no-stream' : n - 1, [ofBytes(n, APPEND_BYTES_MAX)])));
        for (const filter of [undefined, { categories: ['deal'] }]) {
          const page = await store.readAll({ limit: 1000, filter });
          expect(page.events.length).toBeLessThan(count);
          expect(page).toMatchObject({ end: false, through: page.events.at(-1)?.position });
          expect(await everything(store, 1000, filter)).toEqual(await store.readStream('deal-1'));
        }
      });

      it('is checked before anything of the call is stored', async () => {
        const calls = [
          appendTo('deal-1', 'no-stream', [sampleEvent(1)]),
          appendTo('deal-2', 'no-stream', [ofBytes(2, APPEND_BYTES_MAX + 1)]),
        ];
        await expect(store.appendMany(calls)).rejects.toThrow(EventTooLarge);
        expect(await store.readStream('deal-1')).toEqual([]);
      });
    });

    describe('appends to many streams in one call', () => {
      it('return results in the order of the appends', async () => {
        const results = await store.appendMany([
          appendTo('deal-2', 'no-stream', samples(1, 2)),
          appendTo('deal-1', 'no-stream', samples(3, 1)),
        ]);
        expect(results.map(({ stream }) => stream)).toEqual(['deal-2', 'deal-1']);
        expect(names(await everything(store, 10)).toSorted()).toEqual(['deal-1@0', 'deal-2@0', 'deal-2@1']);
      });

      it('are not affected by a conflict of one of them', async () => {
        await store.append(appendTo('deal-2', 'no-stream', [sampleEvent(1)]));
        const results = await store.appendMany([
          appendTo('deal-1', 'no-stream', [sampleEvent(2)]),
          appendTo('deal-2', 'no-stream', [sampleEvent(3)]),
          appendTo('deal-3', 'no-stream', [sampleEvent(4)]),
        ]);
        expect(results.map(({ outcome }) => outcome)).toEqual(['appended', 'conflict', 'appended']);
        expect(await store.readStream('deal-2')).toHaveLength(1);
      });

      it('are recognised as repetitions one by one', async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        const results = await store.appendMany([
          appendTo('deal-1', 'no-stream', [sampleEvent(1)]),
          appendTo('deal-2', 'no-stream', [sampleEvent(2)]),
        ]);
        expect(results).toMatchObject([{ repeated: true }, { repeated: false }]);
      });

      it('must be to different streams', async () => {
        const twice = [appendTo('deal-1', 'no-stream', [sampleEvent(1)]), appendTo('deal-1', 0, [sampleEvent(2)])];
        await expect(store.appendMany(twice)).rejects.toThrow();
        expect(await store.head()).toBe(0n);
      });

      it('may be none', async () => {
        expect(await store.appendMany([])).toEqual([]);
      });

      it('may be to a thousand streams', async () => {
        const calls = Array.from({ length: 1000 }, (_, n) => appendTo(`deal-${n}`, 'no-stream', [sampleEvent(n)]));
        const results = await store.appendMany(calls);
        expect(results.every(({ outcome }) => outcome === 'appended')).toBe(true);
        expect(await everything(store, 300)).toHaveLength(1000);
      });
    });

    describe('a stored event', () => {
      it('keeps id, type, version and both times', async () => {
        const event = sampleEvent(1, { type: 'DealPaid', version: 3, occurredAt: '2026-02-28T23:59:59.999Z' });
        await store.append(appendTo('deal-1', 'no-stream', [event]));
        const [read] = await store.readStream('deal-1');
        expect(read).toMatchObject({ id: event.id, type: 'DealPaid', version: 3, occurredAt: event.occurredAt });
        expect(new Date(read?.recordedAt ?? '').toISOString()).toBe(read?.recordedAt);
      });

      it('has the canonical text of its data and metadata', async () => {
        const event = sampleEvent(1, {
          metadata: { correlationId: 'c', causationId: 'b', actor: 'a' },
          data: { b: [3, { z: null, y: true }], a: 1e21, '10': -0, '9': 0.1 },
        });
        await store.append(appendTo('deal-1', 'no-stream', [event]));
        expect((await store.readStream('deal-1'))[0]).toMatchObject({
          metadataText: '{"actor":"a","causationId":"b","correlationId":"c"}',
          dataText: '{"10":0,"9":0.1,"a":1e+21,"b":[3,{"y":true,"z":null}]}',
        });
      });

      it('keeps every character', async () => {
        const data = { text: 'Zürich €\u{1F600}\u0000\u2028\n"\\', 日本: '語' };
        await store.append(appendTo('deal-Zürich|語', 'no-stream', [sampleEvent(1, { data })]));
        const [read] = await store.readStream('deal-Zürich|語');
        expect(JSON.parse(read?.dataText ?? '')).toEqual(data);
        expect(read?.stream).toBe('deal-Zürich|語');
      });

      it.each([null, true, 0, '', '\ufeff', [], {}, [null]])('may have %j as its data', async (data) => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1, { data })]));
        expect((await store.readStream('deal-1'))[0]?.dataText).toBe(JSON.stringify(data));
      });

      it('keeps any printable id, and confuses no two', async () => {
        const given = [
          'crm|D-1',
          'Zürich €',
          '00000000-0000-0000-0000-000000000000',
          '0b5d8e9c-3f8a-8d2e-9c1b-0123456789ab',
          '0b5d8e9c-3f8a-4d2e-9c1b-0123456789ab',
          '0B5D8E9C-3F8A-4D2E-9C1B-0123456789AB',
        ];
        const events = given.map((id, n) => sampleEvent(n, { id }));
        expect(ids(stored(await store.append(appendTo('deal-1', 'no-stream', events))))).toEqual(given);
        expect(ids(await everything(store, 10))).toEqual(given);
        expect(await store.append(appendTo('deal-1', 'no-stream', events))).toMatchObject({ repeated: true });
        const otherCase = [sampleEvent(1, { id: given[4]?.toUpperCase() ?? '' })];
        expect(await store.append(appendTo('deal-1', 3, otherCase))).toMatchObject({ outcome: 'conflict', actual: 5 });
      });

      it.each([
        ['undefined', { amount: undefined }],
        ['NaN', { amount: Number.NaN }],
        ['a bigint', { amount: 1n }],
        ['a lone surrogate', { text: '\ud83d' }],
        ['a date', { at: new Date(0) }],
      ])('cannot contain %s', async (_, data) => {
        await expect(store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1, { data })]))).rejects.toThrow();
        expect(await store.head()).toBe(0n);
      });

      it('is chained to its predecessor in the stream', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        await store.append(appendTo('deal-2', 'no-stream', samples(3, 1)));
        await store.append(appendTo('deal-1', 1, samples(4, 1)));
        for (const stream of ['deal-1', 'deal-2']) {
          let previous = FIRST_PREDECESSOR;
          for (const event of await store.readStream(stream)) {
            expect(event.hash).toBe(eventHash(previous, event));
            previous = event.hash;
          }
        }
      });
    });

    describe('reading a stream', () => {
      beforeEach(async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(0, 5)));
        await store.append(appendTo('deal-10', 'no-stream', samples(10, 2)));
      });
      const revisions = async (options?: Parameters<EventStore['readStream']>[1]): Promise<readonly number[]> =>
        (await store.readStream('deal-1', options)).map(({ revision }) => revision);

      it('returns nothing if the stream does not exist', async () => {
        expect(await store.readStream('deal-2')).toEqual([]);
      });

      it('goes forwards from the start, with only its own events', async () => {
        expect(await revisions()).toEqual([0, 1, 2, 3, 4]);
      });

      it('goes forwards from a revision, up to a limit', async () => {
        expect(await revisions({ from: 3 })).toEqual([3, 4]);
        expect(await revisions({ from: 1, limit: 2 })).toEqual([1, 2]);
      });

      it('goes backwards from the newest', async () => {
        expect(await revisions({ direction: 'backwards' })).toEqual([4, 3, 2, 1, 0]);
        expect(await revisions({ direction: 'backwards', limit: 1 })).toEqual([4]);
      });

      it('goes backwards from a revision, up to a limit', async () => {
        expect(await revisions({ direction: 'backwards', from: 2 })).toEqual([2, 1, 0]);
        expect(await revisions({ direction: 'backwards', from: 3, limit: 2 })).toEqual([3, 2]);
        expect(await revisions({ direction: 'backwards', from: 99, limit: 2 })).toEqual([4, 3]);
      });

      it('returns nothing beyond the end', async () => {
        expect(await revisions({ from: 5 })).toEqual([]);
      });

      it('reads many streams in one call, and omits those that do not exist', async () => {
        const found = await store.readStreams(['deal-10', 'deal-2', 'deal-1']);
        expect([...found.keys()].toSorted()).toEqual(['deal-1', 'deal-10']);
        expect(found.get('deal-1')).toEqual(await store.readStream('deal-1'));
      });
    });

    describe('reading some revisions of a stream', () => {
      const stream = 'deal-1';
      beforeEach(async () => {
        for (let revision = 0; revision < 60; revision += 20)
          await store.append(appendTo(stream, revision === 0 ? 'no-stream' : revision - 1, samples(revision, 20)));
      });

      it('returns exactly those, whatever lies between them', async () => {
        const all = await store.readStream(stream);
        for (const revisions of [[], [0], [59], [0, 1, 2], [3, 5, 30, 31, 59], all.map(({ revision }) => revision)])
          expect(await readRevisions(store, stream, revisions)).toEqual(revisions.map((revision) => all[revision]));
      });

      it('refuses to go on without one of them', async () => {
        await expect(readRevisions(store, stream, [58, 60])).rejects.toThrow(IncompleteStream);
        await expect(readRevisions(store, 'deal-2', [0])).rejects.toThrow(IncompleteStream);
      });

      it('returns what follows a position, and the newest event in any case', async () => {
        const all = await store.readStream(stream);
        expect(await readTail(store, stream, 0n)).toEqual(all);
        expect(await readTail(store, stream, all[37]?.position ?? 0n)).toEqual(all.slice(38));
        expect(await readTail(store, stream, await store.head())).toEqual(all.slice(59));
        expect(await readTail(store, 'deal-2', 0n)).toEqual([]);
      });

      it('returns a run as one event, and a tail from the first part of a run', async () => {
        const large = { ...sampleEvent(100), data: { text: 'x'.repeat(900_000) } };
        for (const [index, part] of partsOf(large).entries()) await store.append(appendTo(stream, 59 + index, [part]));
        const all = await store.readStream(stream);
        const [whole] = await readRevisions(store, stream, [63]);
        expect(whole).toMatchObject({ id: large.id, revision: 63, dataText: canonicalJson(large.data) });
        expect(await readTail(store, stream, all[61]?.position ?? 0n)).toEqual(all.slice(60));
      });
    });

    describe('reading all', () => {
      beforeEach(async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1), sampleEvent(2, { type: 'DealPaid' })]));
        await store.append(appendTo('credit-1', 'no-stream', [sampleEvent(3, { type: 'DealCredited' })]));
        await store.append(appendTo('plan', 'no-stream', [sampleEvent(4, { type: 'PlanPublished' })]));
        await store.append(appendTo('deal-2', 'no-stream', [sampleEvent(5, { type: 'DealPaid' })]));
        await store.append(appendTo('credit-1', 0, [sampleEvent(6, { type: 'DealPaid' })]));
      });
      const read = async (filter?: EventFilter): Promise<readonly string[]> =>
        names(await everything(store, 2, filter));

      it('returns the events in the order of the appends, with ascending positions', async () => {
        const events = await everything(store, 100);
        expect(names(events)).toEqual(['deal-1@0', 'deal-1@1', 'credit-1@0', 'plan@0', 'deal-2@0', 'credit-1@1']);
        for (let index = 1; index < events.length; index++) {
          expect(events[index]?.position).toBeGreaterThan(events[index - 1]?.position ?? 0n);
        }
      });

      it('returns everything once, page by page', async () => {
        const whole = await everything(store, 100);
        for (const limit of [1, 2, 3, 5, 6]) expect(await everything(store, limit)).toEqual(whole);
      });

      it('marks the end of the log', async () => {
        const first = await store.readAll({ limit: 4 });
        expect(first).toMatchObject({ end: false, through: first.events.at(-1)?.position });
        const second = await store.readAll({ after: first.through, limit: 4 });
        expect(second.events).toHaveLength(2);
        expect(second).toMatchObject({ end: true, through: await store.head() });
        expect(await store.readAll({ after: second.through, limit: 4 })).toEqual({
          events: [],
          through: second.through,
          end: true,
        });
      });

      it('filters by category, which may be the whole name', async () => {
        expect(await read({ categories: ['deal'] })).toEqual(['deal-1@0', 'deal-1@1', 'deal-2@0']);
        expect(await read({ categories: ['plan'] })).toEqual(['plan@0']);
      });

      it('filters by several categories in the global order', async () => {
        expect(await read({ categories: ['credit', 'deal'] })).toEqual([
          'deal-1@0',
          'deal-1@1',
          'credit-1@0',
          'deal-2@0',
          'credit-1@1',
        ]);
      });

      it('filters by type', async () => {
        expect(await read({ types: ['DealPaid'] })).toEqual(['deal-1@1', 'deal-2@0', 'credit-1@1']);
      });

      it('filters by category and type together', async () => {
        expect(await read({ categories: ['deal', 'plan'], types: ['DealPaid'] })).toEqual(['deal-1@1', 'deal-2@0']);
      });

      it('distinguishes categories and types with a common prefix', async () => {
        await store.append(appendTo('dealer-1', 'no-stream', [sampleEvent(7, { type: 'DealPaidOut' })]));
        await store.append(appendTo('planner', 'no-stream', [sampleEvent(8)]));
        expect(await read({ categories: ['deal', 'plan'] })).toEqual(['deal-1@0', 'deal-1@1', 'plan@0', 'deal-2@0']);
        expect(await read({ categories: ['dealer'], types: ['DealPaid'] })).toEqual([]);
        expect(await read({ types: ['DealPaid'] })).toEqual(['deal-1@1', 'deal-2@0', 'credit-1@1']);
      });

      it('does not treat names as patterns', async () => {
        await store.append(appendTo('a.c-1', 'no-stream', [sampleEvent(7, { type: 'Deal.*' })]));
        await store.append(appendTo('abc-1', 'no-stream', [sampleEvent(8, { type: '^Deal(' })]));
        expect(await read({ categories: ['a.c', '.*'] })).toEqual(['a.c-1@0']);
        expect(await read({ types: ['Deal.*', '^Deal('] })).toEqual(['a.c-1@0', 'abc-1@0']);
      });

      it('resumes after any event, with and without a filter', async () => {
        const whole = await everything(store, 100);
        for (const [index, { position }] of whole.entries()) {
          const rest = await store.readAll({ after: position, limit: 100 });
          expect(rest.events).toEqual(whole.slice(index + 1));
          const paid = await store.readAll({ after: position, limit: 100, filter: { types: ['DealPaid'] } });
          expect(paid.events).toEqual(whole.slice(index + 1).filter(({ type }) => type === 'DealPaid'));
          expect(paid.through).toBe(await store.head());
        }
      });

      it('advances if nothing matches', async () => {
        const page = await store.readAll({ limit: 10, filter: { categories: ['account'] } });
        expect(page).toEqual({ events: [], through: await store.head(), end: true });
      });

      it('returns nothing for a filter with an empty list', async () => {
        expect(await read({ categories: [] })).toEqual([]);
        expect(await read({})).toHaveLength(6);
      });

      it('returns the newest position as the head', async () => {
        const [last] = (await everything(store, 100)).slice(-1);
        expect(await store.head()).toBe(last?.position);
      });
    });

    it('returns the hash of the event at a position, and of no other position', async () => {
      stored(await store.append(appendTo('deal-1', 'no-stream', samples(1, 2))));
      const [first, second] = await store.readStream('deal-1');
      expect(await store.hashAt(first?.position ?? 0n)).toBe(first?.hash);
      expect(await store.hashAt(second?.position ?? 0n)).toBe(second?.hash);
      expect(await store.hashAt(0n)).toBeUndefined();
      expect(await store.hashAt((second?.position ?? 0n) + 1n)).toBeUndefined();
    });

    it('starts empty: head 0, an empty page that is the end', async () => {
      expect(await store.head()).toBe(0n);
      expect(await store.readAll({ limit: 10 })).toEqual({ events: [], through: 0n, end: true });
    });

    describe('concurrent writers', () => {
      it('have exactly one winner at one revision of a stream', async () => {
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) => store.append(appendTo('deal-1', 'no-stream', [sampleEvent(n)]))),
        );
        expect(results.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
        expect(await store.readStream('deal-1')).toHaveLength(1);
      });

      it('to different streams lose nothing', async () => {
        const writers = Array.from({ length: 10 }, async (_, writer) => {
          for (let n = 0; n < 20; n++) {
            const expected = n === 0 ? 'no-stream' : n - 1;
            stored(await store.append(appendTo(`deal-${writer}`, expected, [sampleEvent(writer * 100 + n)])));
          }
        });
        await Promise.all(writers);
        const events = await everything(store, 7);
        expect(new Set(names(events)).size).toBe(200);
        for (let writer = 0; writer < 10; writer++) expect(await store.readStream(`deal-${writer}`)).toHaveLength(20);
      });

      it('never insert an event before the position of a reader', async () => {
        let writing = true;
        const writers = Promise.all(
          Array.from({ length: 5 }, async (_, writer) => {
            for (let n = 0; n < 40; n++) {
              const expected = n === 0 ? 'no-stream' : n - 1;
              await store.append(appendTo(`deal-${writer}`, expected, [sampleEvent(writer * 100 + n)]));
            }
          }),
        ).then(() => (writing = false));
        const seen: StoredEvent[] = [];
        for (let after = 0n, page: Page; ; after = page.through) {
          const wasWriting = writing;
          page = await store.readAll({ after, limit: 3 });
          seen.push(...page.events);
          if (page.end && !wasWriting) break;
          if (page.end) await pause(1);
        }
        await writers;
        expect(seen).toEqual(await everything(store, 1000));
        expect(seen).toHaveLength(200);
      });
    });

    describe('two instances of one store', () => {
      let other: EventStore;
      beforeEach(async () => (other = await underTest.reopen()));
      afterEach(() => other.close());

      it("see each other's appends, and chain to them", async () => {
        await store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]));
        expect(await other.append(appendTo('deal-1', 'no-stream', [sampleEvent(2)]))).toMatchObject({ actual: 0 });
        expect(await other.append(appendTo('deal-1', 0, [sampleEvent(2)]))).toMatchObject({ revision: 1 });
        expect(await store.append(appendTo('deal-1', 0, [sampleEvent(3)]))).toMatchObject({ actual: 1 });
        expect(await store.append(appendTo('deal-1', 1, [sampleEvent(3)]))).toMatchObject({ revision: 2 });
        let previous = FIRST_PREDECESSOR;
        for (const event of await other.readStream('deal-1')) {
          expect(event.hash).toBe(eventHash(previous, event));
          previous = event.hash;
        }
        expect(await other.readStream('deal-1')).toEqual(await store.readStream('deal-1'));
      });

      it('store the same concurrent append once, and one of them reports a repetition', async () => {
        for (let n = 0; n < 10; n++) {
          const expected = n === 0 ? 'no-stream' : n - 1;
          const both = await Promise.all(
            [store, other].map((one) => one.append(appendTo('deal-1', expected, [sampleEvent(n)]))),
          );
          expect(both.map((result) => result.outcome === 'appended' && result.repeated).toSorted()).toEqual([
            false,
            true,
          ]);
          expect(stored(both[0])).toEqual(stored(both[1]));
        }
        expect(await store.readStream('deal-1')).toHaveLength(10);
      });

      it('store it once even if another stream has its ids', async () => {
        for (let n = 0; n < 10; n++) {
          const expected = n === 0 ? 'no-stream' : n - 1;
          stored(await store.append(appendTo('deal-2', expected, [sampleEvent(n)])));
          const both = await Promise.all(
            [store, other].map((one) => one.append(appendTo('deal-1', expected, [sampleEvent(n)]))),
          );
          expect(stored(both[0])).toEqual(stored(both[1]));
        }
        expect(await store.readStream('deal-1')).toHaveLength(10);
      });

      it('keep the content that was stored first, and chain to it', async () => {
        for (let n = 0; n < 10; n++) {
          const expected = n === 0 ? 'no-stream' : n - 1;
          const both = await Promise.all(
            [store, other].map((one, data) => one.append(appendTo('deal-1', expected, [sampleEvent(n, { data })]))),
          );
          expect(stored(both[0])).toEqual(stored(both[1]));
        }
        let previous = FIRST_PREDECESSOR;
        for (const event of await store.readStream('deal-1')) {
          expect(event.hash).toBe(eventHash(previous, event));
          previous = event.hash;
        }
      });

      it('have exactly one winner when they compete', async () => {
        const both = await Promise.all(
          [store, other].map((one, n) => one.append(appendTo('deal-1', 'no-stream', [sampleEvent(n)]))),
        );
        expect(both.map(({ outcome }) => outcome).toSorted()).toEqual(['appended', 'conflict']);
      });

      it("follow each other's appends", async () => {
        const collected = collect(store.subscribe({ batchSize: 10, signal: stopping.signal }), 30);
        for (let n = 0; n < 30; n++)
          stored(await other.append(appendTo('deal-1', n === 0 ? 'no-stream' : n - 1, [sampleEvent(n)])));
        expect(await collected).toEqual(await other.readStream('deal-1'));
      });

      it("read the log on from each other's positions", async () => {
        stored(await store.append(appendTo('deal-1', 'no-stream', samples(0, 3))));
        for (const { position } of await everything(store, 2))
          expect((await other.readAll({ after: position, limit: 10 })).end).toBe(true);
      });
    });

    describe('a position that is not one of this log', () => {
      const restored = async (): Promise<Position> => {
        await store.append(appendTo('deal-1', 'no-stream', samples(0, 3)));
        return (await store.head()) + 100_000n;
      };

      it('is refused by a read, with the way out', async () => {
        for (const after of [await restored(), -1n]) {
          await expect(store.readAll({ after, limit: 10 })).rejects.toThrow(UnknownPosition);
          const filter = { categories: ['credit'] };
          await expect(store.readAll({ after, limit: 10, filter })).rejects.toThrow(/no position of this event log/);
        }
      });

      it('is refused by a subscription, instead of skipping what is written below it', async () => {
        const after = await restored();
        const subscription = store.subscribe({ after, batchSize: 10, signal: stopping.signal });
        await expect(collect(subscription, 1)).rejects.toThrow(UnknownPosition);
      });
    });

    describe('a subscription', () => {
      const subscribe = (
        options: { after?: Position | undefined; filter?: EventFilter; batchSize?: number } = {},
      ): AsyncIterable<Page> => store.subscribe({ batchSize: 10, signal: stopping.signal, ...options });
      const write = async (stream: string, from: number, count: number): Promise<void> => {
        for (let n = from; n < from + count; n++) {
          stored(await store.append(appendTo(stream, n === 0 ? 'no-stream' : n - 1, [sampleEvent(n)])));
        }
      };

      it('catches up and then continues live, without loss or repetition', async () => {
        await write('deal-1', 0, 95);
        const collected = collect(subscribe(), 300);
        await write('deal-1', 95, 205);
        const events = await collected;
        expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: 300 }, (_, n) => n));
      });

      it('delivers an append that arrives while it waits', async () => {
        const collected = collect(subscribe(), 1);
        await pause(20);
        await write('deal-1', 0, 1);
        expect(names(await collected)).toEqual(['deal-1@0']);
      });

      it('delivers appends that are larger than any buffer on the way', async () => {
        const collected = collect(subscribe({ batchSize: 1000 }), 1000);
        await pause(20);
        for (let n = 0; n < 10; n++) {
          const expected = n === 0 ? 'no-stream' : 100 * n - 1;
          stored(await store.append(appendTo('deal-1', expected, samples(100 * n, 100))));
        }
        expect(await collected).toEqual(await store.readStream('deal-1'));
      });

      it('starts after its position', async () => {
        await write('deal-1', 0, 5);
        const third = (await store.readStream('deal-1'))[2];
        const events = await collect(subscribe({ after: third?.position }), 2);
        expect(names(events)).toEqual(['deal-1@3', 'deal-1@4']);
      });

      it('limits the size of its pages', async () => {
        await write('deal-1', 0, 25);
        const sizes: number[] = [];
        for await (const page of subscribe({ batchSize: 10 })) {
          sizes.push(page.events.length);
          if (page.end) break;
        }
        expect(sizes).toEqual([10, 10, 5]);
      });

      it('applies its filter, and moves its position past other events', async () => {
        const collected = collect(subscribe({ filter: { categories: ['credit'] } }), 2);
        await write('deal-1', 0, 3);
        await write('credit-1', 0, 1);
        await write('deal-1', 3, 3);
        await write('credit-1', 1, 1);
        expect(names(await collected)).toEqual(['credit-1@0', 'credit-1@1']);
        await write('deal-1', 6, 1);
        for await (const page of subscribe({ filter: { categories: ['account'] } })) {
          if (page.end) {
            expect(page.through).toBe(await store.head());
            break;
          }
        }
      });

      it('passes events outside its filter while it waits, up to the end of the log', async () => {
        let through = 0n;
        const passing = (async () => {
          for await (const page of subscribe({ filter: { categories: ['account'] } })) through = page.through;
        })();
        await pause(20);
        for (let n = 0; n < 3; n++) {
          await write('deal-1', n, 1);
          const head = await store.head();
          while (through < head) await pause(1);
          expect(through).toBe(head);
        }
        stopping.abort();
        await passing;
      });

      it('does not affect another one', async () => {
        const both = [collect(subscribe({ batchSize: 3 }), 30), collect(subscribe({ batchSize: 7 }), 30)];
        await write('deal-1', 0, 30);
        const [one, other] = await Promise.all(both);
        expect(one).toEqual(other);
      });

      it('ends when it is aborted while it waits', async () => {
        const collected = collect(subscribe(), 1);
        await pause(20);
        stopping.abort();
        expect(await collected).toEqual([]);
      });

      it('does not start if it was aborted before', async () => {
        await write('deal-1', 0, 1);
        stopping.abort();
        expect(await collect(subscribe(), 1)).toEqual([]);
      });

      it('ends when the store is closed while it waits', async () => {
        const collected = collect(subscribe(), 1);
        await pause(20);
        await store.close();
        expect(await collected).toEqual([]);
      });

      it('ends when the store is closed while a page is processed', async () => {
        await write('deal-1', 0, 25);
        const seen: number[] = [];
        for await (const page of subscribe()) {
          seen.push(page.events.length);
          await store.close();
        }
        expect(seen).toEqual([10]);
      });

      it('yields to other work while it catches up', async () => {
        await write('deal-1', 0, 60);
        let turns = 0;
        const timer = setInterval(() => (turns += 1), 0);
        for await (const page of subscribe({ batchSize: 1 })) {
          await pause(0);
          if (page.end) break;
        }
        clearInterval(timer);
        expect(turns).toBeGreaterThan(0);
      });
    });

    describe('closing', () => {
      it('keeps everything, and a reopened store continues where it ended', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        const before = await everything(store, 10);
        await store.close();
        const reopened = await underTest.reopen();
        expect(await everything(reopened, 10)).toEqual(before);
        stored(await reopened.append(appendTo('deal-1', 1, [sampleEvent(3)])));
        const [next = never()] = await reopened.readStream('deal-1', { from: 2 });
        expect(next.hash).toBe(eventHash(before[1]?.hash ?? '', next));
        expect(next.position).toBeGreaterThan(before[1]?.position ?? 0n);
        await reopened.close();
      });

      it('does not prevent recognising a repetition afterwards', async () => {
        await store.append(appendTo('deal-1', 'no-stream', samples(1, 2)));
        await store.close();
        const reopened = await underTest.reopen();
        expect(await reopened.append(appendTo('deal-1', 'no-stream', samples(1, 2)))).toMatchObject({ repeated: true });
        await reopened.close();
      });

      it('makes later calls fail, and may be done twice', async () => {
        await store.close();
        await store.close();
        await expect(store.append(appendTo('deal-1', 'no-stream', [sampleEvent(1)]))).rejects.toThrow(EventStoreClosed);
        await expect(store.readStream('deal-1')).rejects.toThrow(EventStoreClosed);
        await expect(store.readStreams(['deal-1'])).rejects.toThrow(EventStoreClosed);
        await expect(store.readAll({ limit: 1 })).rejects.toThrow(EventStoreClosed);
        await expect(store.head()).rejects.toThrow(EventStoreClosed);
        await expect(store.hashAt(1n)).rejects.toThrow(EventStoreClosed);
        await expect(collect(store.subscribe({ batchSize: 1, signal: stopping.signal }), 1)).rejects.toThrow(
          EventStoreClosed,
        );
      });

      it('leaves no append incomplete', async () => {
        const asked = Array.from({ length: 20 }, (_, n) =>
          store.append(appendTo(`deal-${n}`, 'no-stream', samples(n, 3))),
        );
        const outcomes = Promise.allSettled(asked);
        await store.close();
        const settled = await outcomes;
        const reopened = await underTest.reopen();
        for (const [n, { status }] of settled.entries()) {
          expect(await reopened.readStream(`deal-${n}`)).toHaveLength(status === 'fulfilled' ? 3 : 0);
        }
        await reopened.close();
      });
    });
  });
}

function never(): never {
  throw new Error('the append returned no event');
}
