import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { eventHash, FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import type { Append, NewEvent, StoredEvent } from '@tantieme/event-store/event-store';
import { openEsdbEventStore } from '@tantieme/event-store/esdb/event-store';
import { EsdbServer } from '@tantieme/event-store/esdb/server.fixture';
import { partsOf } from '@tantieme/event-store/run';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { SqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ReplayedEvent } from './replayable.js';
import { verifyShare } from './share.js';
import { verifyLog } from './verify.js';
import type { Helper, Verification, VerifyOptions } from './verify.js';

/** Adds amounts: the journalled input is `add`, the conclusion `sum`. */
interface Added extends ReplayedEvent {
  readonly type: 'Added';
  readonly data: { readonly add: number; readonly sum: number };
}
const counter = {
  category: 'counter',
  events: { Added: { version: 2 } },
  read: ({ type, version, occurredAt, dataText }: StoredEvent): ReplayedEvent => {
    if (version > 2) throw new Error('a newer build wrote it');
    const data = JSON.parse(dataText) as { readonly plus: number; readonly sum: number };
    return { type, version: 2, occurredAt, data: version === 1 ? { add: data.plus, sum: data.sum } : data };
  },
  initialState: () => ({ sum: 0 }),
  decide: (command: { add: number; at: string }, state: { sum: number }): readonly Added[] => {
    if (command.add < 0) throw new Error('a counter only grows');
    return [
      { type: 'Added', version: 2, occurredAt: command.at, data: { sum: state.sum + command.add, add: command.add } },
    ];
  },
  evolve: (state: { sum: number }, event: Added) => {
    state.sum = event.data.sum;
    return state;
  },
  commandOf: (event: Added) => ({ add: event.data.add, at: event.occurredAt }),
};
/** Decides whatever its events hold. */
const note = {
  category: 'note',
  events: {},
  read: ({ type, version, occurredAt, dataText }: StoredEvent): ReplayedEvent => ({
    type,
    version,
    occurredAt,
    data: JSON.parse(dataText) as object,
  }),
  initialState: () => undefined,
  decide: (event: ReplayedEvent) => [event],
  evolve: () => undefined,
  commandOf: (event: ReplayedEvent) => event,
};

const AT = '2026-03-01T10:00:00.000Z';
const METADATA = { actor: 'service:test', correlationId: 'c' };

function added(stream: string, revision: number, data: object, version = 2): NewEvent & { readonly data: object } {
  return { id: `${stream}-${revision}`, type: 'Added', version, occurredAt: AT, metadata: METADATA, data };
}

function appendOf(stream: string, revision: number, data: object, version = 2): Append {
  const expectedRevision = revision === 0 ? 'no-stream' : revision - 1;
  return { stream, expectedRevision, events: [added(stream, revision, data, version)] };
}

describe('the verification of a log', () => {
  let directory: string;
  let file: string;
  let store: SqliteEventStore;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tantieme-audit-'));
    file = join(directory, 'events.sqlite');
    store = openSqliteEventStore(file);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const verify = (options: Partial<VerifyOptions> = {}): Promise<Verification> =>
    verifyLog({ store, replayables: [counter, note], ...options });

  async function append(stream: string, revision: number, data: object, version = 2): Promise<void> {
    const result = await store.append(appendOf(stream, revision, data, version));
    expect(result.outcome).toBe('appended');
  }

  /** `streams` counters, the first of this number, of `events` events each, written in turns. */
  async function count(streams: number, events: number, first = 0): Promise<void> {
    for (let revision = 0; revision < events; revision++) {
      const results = await store.appendMany(
        Array.from({ length: streams }, (_, index) => {
          const stream = first + index;
          return appendOf(`counter-${stream}`, revision, { add: revision + stream, sum: sumOf(stream, revision) });
        }),
      );
      expect(results.every(({ outcome }) => outcome === 'appended')).toBe(true);
    }
  }
  const sumOf = (stream: number, revision: number): number => {
    let sum = 0;
    for (let before = 0; before <= revision; before++) sum += before + stream;
    return sum;
  };

  function tamper(sql: string): void {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  }

  it('finds nothing in an empty log', async () => {
    expect(await verify()).toMatchObject({ events: 0, streams: 0, decisions: 0, differences: [], differenceCount: 0 });
  });

  it('counts events, streams and decisions of an unchanged log', async () => {
    await count(3, 4);
    await append('note-1', 0, { anything: 'else' });
    expect(await verify()).toMatchObject({
      events: 13,
      streams: 4,
      decisions: 13,
      differences: [],
      differenceCount: 0,
    });
  });

  describe('of a decision that is stored in parts', () => {
    const long = { add: 7, sum: 7, note: ['x'.repeat(800_000)] };
    const noted = {
      ...counter,
      decide: (command: { add: number; at: string }, state: { sum: number }): readonly Added[] =>
        counter.decide(command, state).map((one) => ({ ...one, data: { ...one.data, note: long.note } })),
    };
    const parts = partsOf(added('counter-1', 0, long));

    async function storeParts(count: number): Promise<void> {
      for (const [index, part] of parts.slice(0, count).entries())
        await store.append({
          stream: 'counter-1',
          expectedRevision: index === 0 ? 'no-stream' : index - 1,
          events: [part],
        });
    }

    it('sees one decision', async () => {
      await storeParts(4);
      expect(parts).toHaveLength(4);
      expect(await verify({ replayables: [noted] })).toMatchObject({ events: 4, decisions: 1, differences: [] });
    });

    it('finds nothing wrong with parts that a crash has cut off', async () => {
      await storeParts(3);
      expect(await verify({ replayables: [noted] })).toMatchObject({ events: 3, decisions: 0, differences: [] });
    });

    it('names an event between the parts, and what no decision makes', async () => {
      await storeParts(3);
      await append('counter-1', 3, { ...long, sum: 7 });
      await count(1, 1, 2);
      expect((await verify({ replayables: [noted] })).differences).toMatchObject([
        { stream: 'counter-1', revision: 3, reason: 'an event stands between the parts of a run' },
        { stream: 'counter-2', revision: 0 },
      ]);
      const other = { ...noted, decide: () => [{ type: 'Added', version: 2, occurredAt: AT, data: long }] };
      expect((await verify({ replayables: [other] })).differences).toHaveLength(2);
    });
  });

  describe('names stream and revision of an event with one changed byte', () => {
    const changes = {
      data: `data = replace(data, '"add":', '"adD":')`,
      'a digit in the data': `data = substr(data, 1, 7) || '9' || substr(data, 9)`,
      'white space in the data': `data = data || ' '`,
      metadata: `metadata = replace(metadata, 'service', 'sErvice')`,
      id: `id = id || 'x'`,
      type: `kind = (SELECT key FROM kinds WHERE type <> 'Added')`,
      'a type without a name': `kind = 77`,
      version: `version = 3`,
      'the time': `occurred_at = replace(occurred_at, '10:00:00.000', '10:00:00.001')`,
      hash: `hash = 'f' || substr(hash, 2)`,
    };
    const places = [
      ['the first event of its stream', 0],
      ['an event in between', 1],
      ['the newest event', 3],
    ] as const;

    for (const [what, change] of Object.entries(changes)) {
      it.each(places)(`${what}: %s`, async (_, revision) => {
        await count(2, 4);
        await store.append({
          stream: 'note-1',
          expectedRevision: 'no-stream',
          events: [{ ...added('note-1', 0, {}), type: 'Noted' }],
        });
        tamper(
          `UPDATE events SET ${change} WHERE stream = (SELECT key FROM streams WHERE name = 'counter-1') AND revision = ${revision}`,
        );
        const { differences } = await verify();
        expect(differences).toContainEqual(expect.objectContaining({ stream: 'counter-1', revision }));
        // Otherwise only later events of the same stream may be named.
        expect(differences.every(({ stream }) => stream === 'counter-1')).toBe(true);
      });
    }

    it('the revision', async () => {
      await count(2, 4);
      tamper(`UPDATE events SET revision = 9 WHERE stream = 2 AND revision = 1`);
      const { differences } = await verify();
      expect(differences[0]).toMatchObject({
        stream: 'counter-1',
        revision: 9,
        reason: expect.stringContaining('revision 1'),
      });
    });

    it('the stream that it belongs to', async () => {
      await count(2, 4);
      tamper(
        `UPDATE events SET stream = 3 WHERE stream = 2 AND revision = 3; INSERT INTO streams VALUES (3, 'counter-9')`,
      );
      const { differences } = await verify();
      expect(differences).toContainEqual(expect.objectContaining({ stream: 'counter-9', revision: 3 }));
      expect(differences).toContainEqual(expect.objectContaining({ stream: 'counter-1', revision: 3 }));
    });

    it('the name of the stream', async () => {
      await count(2, 2);
      tamper(`UPDATE streams SET name = 'counter-X' WHERE name = 'counter-1'`);
      const { differences } = await verify();
      expect(differences.map(({ stream, revision }) => `${stream}@${revision}`)).toEqual([
        'counter-X@0',
        'counter-X@1',
      ]);
    });

    it('the name or the category of its type', async () => {
      await count(1, 2);
      tamper(`UPDATE kinds SET type = 'AddeD'`);
      // An open store reads the names of types once.
      await store.close();
      store = openSqliteEventStore(file);
      expect((await verify()).differences[0]).toMatchObject({ stream: 'counter-0', revision: 0 });
    });

    it('the category under which it is found', async () => {
      await count(1, 2);
      tamper(`UPDATE kinds SET category = 'counteR'`);
      // An open store reads the names of types once.
      await store.close();
      store = openSqliteEventStore(file);
      expect((await verify()).differences[0]).toMatchObject({ stream: 'counter-0', revision: 0 });
    });

    // Every byte of every text of one event, one after another.
    it('each byte of its texts', async () => {
      await count(1, 3);
      await store.close();
      for (const column of ['data', 'metadata', 'id', 'occurred_at', 'hash']) {
        const database = new DatabaseSync(file);
        const row = database.prepare(`SELECT ${column} AS text FROM events WHERE revision = 1`).get();
        const original = String(row?.['text']);
        for (let byte = 0; byte < original.length; byte++) {
          const changed = original.slice(0, byte) + (original[byte] === '0' ? '1' : '0') + original.slice(byte + 1);
          database.prepare(`UPDATE events SET ${column} = ? WHERE revision = 1`).run(changed);
          const changedStore = openSqliteEventStore(file);
          const { differences } = await verifyLog({ store: changedStore, replayables: [counter] });
          expect(differences).toContainEqual(expect.objectContaining({ stream: 'counter-0', revision: 1 }));
          await changedStore.close();
        }
        database.prepare(`UPDATE events SET ${column} = ? WHERE revision = 1`).run(original);
        database.close();
      }
    });
  });

  describe('notices missing events', () => {
    it('of a stream that the server truncated, although the log still has them', async () => {
      const server = await EsdbServer.start();
      const remote = openEsdbEventStore(server.url);
      try {
        const events = [0, 1].map((revision) => ({ ...added('note-1', revision, {}), type: 'Noted' }));
        await remote.append({ stream: 'note-1', expectedRevision: 'no-stream', events });
        expect(await verifyLog({ store: remote, replayables: [note] })).toMatchObject({ differenceCount: 0 });
        server.write('$$note-1', { type: '$metadata', data: '{"$maxCount":1}', metadata: '{}' });
        expect((await verifyLog({ store: remote, replayables: [note] })).differences).toEqual([
          { stream: 'note-1', revision: 0, reason: expect.stringMatching(/truncated or deleted at the server/) },
        ]);
      } finally {
        await remote.close();
        await server.stop();
      }
    });

    it('an event in between', async () => {
      await count(2, 4);
      tamper('DELETE FROM events WHERE stream = 2 AND revision = 1');
      const { differences } = await verify();
      expect(differences[0]).toMatchObject({
        stream: 'counter-1',
        revision: 2,
        reason: 'revisions 1 to 1 before it are missing',
      });
      expect(differences).toContainEqual({
        stream: '(log)',
        revision: -1,
        reason: 'there are 7 events, but 8 were appended',
      });
    });

    it('the first event of a stream', async () => {
      await count(2, 4);
      tamper('DELETE FROM events WHERE stream = 2 AND revision = 0');
      expect((await verify()).differences[0]).toMatchObject({ stream: 'counter-1', revision: 1 });
    });

    it('the tail of one stream', async () => {
      await count(2, 4);
      tamper('DELETE FROM events WHERE stream = 1 AND revision >= 2');
      expect((await verify()).differences).toContainEqual({
        stream: 'counter-0',
        revision: 2,
        reason: 'is missing, and everything after it',
      });
    });

    it('the tail of the log', async () => {
      await count(2, 4);
      tamper('DELETE FROM events WHERE position >= 8');
      const { differences } = await verify();
      expect(differences).toContainEqual(expect.objectContaining({ stream: 'counter-1', revision: 3 }));
      expect(differences).toContainEqual(expect.objectContaining({ stream: '(log)' }));
    });

    it('a whole stream together with its recorded extent', async () => {
      await count(2, 4);
      tamper(
        'DELETE FROM events WHERE stream = 2; DELETE FROM stream_heads WHERE stream = 2; DELETE FROM streams WHERE key = 2',
      );
      expect((await verify()).differences).toEqual([
        { stream: '(log)', revision: -1, reason: 'there are 4 events, but 8 were appended' },
      ]);
    });

    it('a replaced tail in an otherwise consistent file, by a head stored elsewhere', async () => {
      await count(1, 4);
      const { head } = await verify();
      const [, , third] = await store.readStream('counter-0');
      tamper(
        `DELETE FROM events WHERE revision = 3; UPDATE stream_heads SET revision = 2; UPDATE log SET position = 3, hash = '${third?.hash}'`,
      );
      expect((await verify()).differences).toEqual([]);
      expect((await verify({ expect: head })).differences).toEqual([
        { stream: '(log)', revision: -1, reason: 'there are 3 events, but the expected head covers 4' },
      ]);
    });
  });

  describe('the head', () => {
    it('still matches a log that has grown', async () => {
      await count(2, 3);
      const { head } = await verify();
      expect(head).toMatch(/^6:[0-9a-f]{64}$/);
      await append('counter-7', 0, { add: 1, sum: 1 });
      expect((await verify({ expect: head })).differences).toEqual([]);
      expect((await verify({ expect: (await verify()).head })).differences).toEqual([]);
    });

    it('does not match another history of the same length', async () => {
      await count(1, 2);
      const other = `2:${'0'.repeat(64)}`;
      expect((await verify({ expect: other })).differenceCount).toBe(1);
      await expect(verify({ expect: 'nonsense' })).rejects.toMatchObject({ code: 'InvalidHead' });
    });

    it('of an empty log covers no events', async () => {
      const { head } = await verify();
      await count(1, 2);
      expect((await verify({ expect: head })).differences).toEqual([]);
    });
  });

  describe('decides again', () => {
    it('and names a conclusion that does not follow from its input, although every hash matches', async () => {
      await append('counter-1', 0, { add: 1, sum: 1 });
      await append('counter-1', 1, { add: 1, sum: 3 });
      await append('counter-1', 2, { add: 1, sum: 4 });
      expect((await verify()).differences).toEqual([
        { stream: 'counter-1', revision: 1, reason: 'decided again, /sum is 2 instead of 3' },
      ]);
    });

    it('and names an event that the decider refuses', async () => {
      await append('counter-1', 0, { add: -1, sum: 1 });
      expect((await verify()).differences).toEqual([
        { stream: 'counter-1', revision: 0, reason: 'cannot be decided again: a counter only grows' },
      ]);
    });

    it('an event of an older version, upcast to the newest', async () => {
      await append('counter-1', 0, { plus: 2, sum: 2 }, 1);
      await append('counter-1', 1, { plus: 2, sum: 5 }, 1);
      expect((await verify()).differences).toEqual([
        { stream: 'counter-1', revision: 1, reason: 'decided again, /sum is 4 instead of 5' },
      ]);
    });

    it('and names an event that it cannot read, and those after it', async () => {
      await append('counter-1', 0, { add: 1, sum: 1 }, 3);
      await append('counter-1', 1, { add: 1, sum: 2 });
      expect((await verify()).differences).toEqual([
        { stream: 'counter-1', revision: 0, reason: 'cannot be read: a newer build wrote it' },
        {
          stream: 'counter-1',
          revision: 1,
          reason: 'not decided again: the state is unknown since revision 0',
        },
      ]);
    });

    it('and names an event of a category that it does not know', async () => {
      await append('other-1', 0, { anything: 'else' });
      expect((await verify()).differences).toEqual([
        {
          stream: 'other-1',
          revision: 0,
          reason: 'this build knows no streams of the category other, so it was not decided again',
        },
      ]);
    });

    it('with any memory for states: reloads short streams, postpones long ones', async () => {
      await count(5, 40);
      const plenty = await verify();
      expect(plenty).toMatchObject({ events: 200, decisions: 200, differences: [] });
      expect(await verify({ cacheBytesMax: 1_000 })).toEqual(plenty);
      expect(await verify({ cacheBytesMax: 1 })).toEqual(plenty);
    });

    it('finds a wrong conclusion in a postponed stream', async () => {
      await count(5, 40);
      await append('counter-3', 40, { add: 1, sum: 1 });
      const { differences, decisions } = await verify({ cacheBytesMax: 1_000 });
      expect(decisions).toBe(201);
      expect(differences).toEqual([expect.objectContaining({ stream: 'counter-3', revision: 40 })]);
    });

    it('and names text that has the same content but is not canonical', async () => {
      await append('counter-1', 0, { add: 1, sum: 1 });
      const [event] = await store.readStream('counter-1');
      if (event === undefined) throw new Error('one event was appended');
      const dataText = '{"sum":1,"add":1}';
      const hash = eventHash(FIRST_PREDECESSOR, { ...event, dataText });
      tamper(`UPDATE events SET data = '${dataText}', hash = '${hash}'; UPDATE log SET hash = '${hash}'`);
      expect((await verify()).differences).toEqual([
        { stream: 'counter-1', revision: 0, reason: 'the stored text is not canonical' },
      ]);
      expect(canonicalJson(JSON.parse(dataText))).toBe(event.dataText);
    });
  });

  describe('has the same result with any number of helpers,', () => {
    const help: Helper = (task, onProgress) => verifyShare({ store, replayables: [counter], task, onProgress });
    const verifyTogether = (helpers: number, options: Partial<VerifyOptions> = {}): Promise<Verification> =>
      verify({ ...options, helpers: Array.from({ length: helpers }, () => help) });

    it('for an unchanged log', async () => {
      await count(20, 40);
      const alone = await verify();
      expect(alone).toMatchObject({ events: 800, streams: 20, decisions: 800, differenceCount: 0 });
      for (const helpers of [1, 2, 6, 30]) {
        const progress: number[] = [];
        const together = await verifyTogether(helpers, { onProgress: ({ events }) => progress.push(events) });
        expect(together).toEqual(alone);
        expect(progress.at(-1)).toBe(800);
      }
    });

    it.each([1, 100_000, 100_000_000])(
      'for more differences than are listed, with %i bytes for states',
      async (cacheBytesMax) => {
        await count(40, 40);
        for (let stream = 40; stream < 80; stream++)
          for (let revision = 0; revision < 5; revision++)
            await append(`counter-${stream}`, revision, { add: revision + stream, sum: sumOf(stream, revision) });
        tamper(`UPDATE events SET data = replace(data, '"sum":', '"sum":1') WHERE position % 3 = 0;
              UPDATE events SET revision = revision + 100 WHERE position % 90 = 4;
              DELETE FROM events WHERE position % 50 = 1; UPDATE events SET hash = 'x' WHERE position = 1600`);
        const alone = await verify({ cacheBytesMax });
        expect(alone.differences).toHaveLength(1_000);
        expect(alone.differenceCount).toBeGreaterThan(1_500);
        // Position 1 was deleted, position 2 follows it in another stream, and position 3 was changed.
        expect(alone.differences[0]).toMatchObject({ stream: 'counter-2', revision: 0 });
        for (const helpers of [1, 2, 6]) expect(await verifyTogether(helpers, { cacheBytesMax })).toEqual(alone);
      },
    );

    it('for a log that cannot be read to its end', async () => {
      await count(3, 4);
      const broken: typeof store.readAll = () => Promise.reject(new Error('the disk is gone'));
      Object.assign(store, { readAll: broken });
      const alone = await verify();
      expect(alone.differences[0]).toEqual({
        stream: '(log)',
        revision: -1,
        reason: 'cannot be read after position 0: the disk is gone',
      });
      expect(await verifyTogether(3)).toEqual(alone);
    });

    it('and fails if one of them fails', async () => {
      await count(3, 4);
      const failing: Helper = () => Promise.reject(new Error('the thread has ended'));
      await expect(verify({ helpers: [help, failing] })).rejects.toThrow('the thread has ended');
    });
  });

  it('covers the log as it was at the start, while others append', async () => {
    await count(3, 4);
    const verification = verify();
    await append('counter-0', 4, { add: 1, sum: 1 });
    expect((await verification).differences).toEqual([]);
  });

  it('reports progress, and stops when aborted', async () => {
    await count(2, 3);
    const progress: number[] = [];
    await verify({ onProgress: ({ events }) => progress.push(events) });
    expect(progress.at(-1)).toBe(6);
    await expect(verify({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });

  it('lists a bounded number of differences and counts all', async () => {
    const events = Array.from({ length: 1_200 }, (_, revision) =>
      added('counter-1', revision, { add: 1, sum: revision + 1 }),
    );
    await store.append({ stream: 'counter-1', expectedRevision: 'no-stream', events });
    tamper(`UPDATE events SET id = 'other'`);
    const { differences, differenceCount } = await verify();
    expect(differences).toHaveLength(1_000);
    expect(differenceCount).toBe(1_200);
  });
});
