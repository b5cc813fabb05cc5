import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventHash, FIRST_PREDECESSOR } from '../chain.js';
import { eventStoreContract, sampleEvent } from '../contract-suite.js';
import { StorageFull } from '../event-store.js';
import { IncompleteStream } from '../event-store.js';
import type { StoredEvent } from '../event-store.js';
import { CONNECTION_PRAGMAS, DDL, FILE_PRAGMAS, INSERT_EVENT } from './schema.js';
import type { EventRow } from './schema.js';
import { openSqliteEventStore } from './event-store.js';

eventStoreContract('the embedded store', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tantieme-events-'));
  const file = join(directory, 'events.sqlite');
  const store = openSqliteEventStore(file);
  return {
    store,
    reopen: async () => openSqliteEventStore(file),
    dispose: async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
});

describe('the embedded store', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tantieme-events-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('reports a full disk, stores nothing of the append, and goes on once there is space', async () => {
    const file = join(directory, 'full.sqlite');
    const store = openSqliteEventStore(file, { pagesMax: 40 });
    const append = (n: number): Promise<unknown> =>
      store.append({
        stream: `deal-${n}`,
        expectedRevision: 'no-stream',
        events: [{ ...sampleEvent(n), data: 'x'.repeat(100_000) }],
      });
    let stored = 0;
    await expect(
      (async () => {
        for (; stored < 10; stored += 1) await append(stored);
      })(),
    ).rejects.toThrow(StorageFull);
    expect(stored).toBeGreaterThan(0);
    expect(await store.head()).toBe(BigInt(stored));
    expect(await store.readStream(`deal-${stored}`)).toEqual([]);
    await store.close();
    const larger = openSqliteEventStore(file);
    await larger.append({ stream: `deal-${stored}`, expectedRevision: 'no-stream', events: [sampleEvent(stored)] });
    expect(await larger.head()).toBe(BigInt(stored + 1));
    await larger.close();
  });

  it('works in memory', async () => {
    const store = openSqliteEventStore(':memory:', { now: () => 1_772_000_000_000 });
    await store.append({ stream: 'deal-1', expectedRevision: 'no-stream', events: [sampleEvent(1)] });
    expect((await store.readStream('deal-1'))[0]?.recordedAt).toBe('2026-02-25T06:13:20.000Z');
    await store.close();
  });

  it('refuses a file that is no event store or has another layout', async () => {
    const foreign = new DatabaseSync(join(directory, 'foreign.sqlite'));
    foreign.exec('CREATE TABLE deals (id TEXT)');
    foreign.close();
    expect(() => openSqliteEventStore(join(directory, 'foreign.sqlite'))).toThrow('not an event store');

    await openSqliteEventStore(join(directory, 'newer.sqlite')).close();
    const newer = new DatabaseSync(join(directory, 'newer.sqlite'));
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => openSqliteEventStore(join(directory, 'newer.sqlite'))).toThrow('layout 99');
  });

  it('groups the appends of one turn of the event loop into one transaction, in order', async () => {
    const store = openSqliteEventStore(join(directory, 'grouped.sqlite'));
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        store.append({ stream: 'deal-1', expectedRevision: n === 0 ? 'no-stream' : n - 1, events: [sampleEvent(n)] }),
      ),
    );
    expect(results.every(({ outcome }) => outcome === 'appended')).toBe(true);
    await store.close();
  });

  it('sees the appends of another instance on the file before it decides', async () => {
    const file = join(directory, 'handles.sqlite');
    const [one, other] = [openSqliteEventStore(file), openSqliteEventStore(file)];
    await one.append({ stream: 'deal-1', expectedRevision: 'no-stream', events: [sampleEvent(1)] });
    expect(
      await other.append({ stream: 'deal-1', expectedRevision: 'no-stream', events: [sampleEvent(2)] }),
    ).toMatchObject({ actual: 0 });
    expect(
      await other.append({ stream: 'deal-1', expectedRevision: 0, events: [sampleEvent(2, { type: 'DealPaid' })] }),
    ).toMatchObject({ revision: 1 });
    expect(await one.append({ stream: 'deal-1', expectedRevision: 0, events: [sampleEvent(3)] })).toMatchObject({
      actual: 1,
    });
    expect(await one.append({ stream: 'deal-1', expectedRevision: 1, events: [sampleEvent(3)] })).toMatchObject({
      revision: 2,
    });
    const [first, second, third] = await one.readStream('deal-1');
    if (!first || !second || !third) throw new Error('three events were appended');
    expect([first.hash, second.hash, third.hash]).toEqual([
      eventHash(FIRST_PREDECESSOR, first),
      eventHash(first.hash, second),
      eventHash(second.hash, third),
    ]);
    expect((await one.readAll({ limit: 9, filter: { types: ['DealPaid'] } })).events).toEqual([second]);
    await one.close();
    await other.close();
  });

  it('scans a bounded stretch of the log if a filter matches little', async () => {
    const store = openSqliteEventStore(join(directory, 'sparse.sqlite'));
    await store.append({ stream: 'plan-1', expectedRevision: 'no-stream', events: [sampleEvent(0)] });
    for (let batch = 0; batch < 51; batch++) {
      const events = Array.from({ length: 1000 }, (_, n) => sampleEvent(batch * 1000 + n));
      await store.append({ stream: 'deal-1', expectedRevision: batch === 0 ? 'no-stream' : batch * 1000 - 1, events });
    }
    const first = await store.readAll({ limit: 10, filter: { categories: ['plan'] } });
    expect(first).toMatchObject({ end: false, through: 50_000n });
    expect(first.events).toHaveLength(1);
    const second = await store.readAll({ after: first.through, limit: 10, filter: { categories: ['plan'] } });
    expect(second).toEqual({ events: [], through: 51_001n, end: true });
    await store.close();
  });

  it('refuses a stream of which events are missing', async () => {
    const file = join(directory, 'incomplete.sqlite');
    const store = openSqliteEventStore(file);
    const events = Array.from({ length: 5 }, (_, n) => sampleEvent(n));
    await store.append({ stream: 'deal-1', expectedRevision: 'no-stream', events });
    const database = new DatabaseSync(file);
    database.exec('DELETE FROM events WHERE revision = 2');
    for (const read of [{}, { from: 2 }, { direction: 'backwards' as const }])
      await expect(store.readStream('deal-1', read)).rejects.toThrow(IncompleteStream);
    await expect(store.readStreams(['deal-1'])).rejects.toThrow('revision 2 is missing, the next one found is 3');
    expect(await store.readStream('deal-1', { from: 3 })).toHaveLength(2);
    database.exec('DELETE FROM events WHERE revision < 2');
    database.close();
    await expect(store.readStream('deal-1')).rejects.toThrow('revision 0 is missing, the next one found is 3');
    await store.close();
  });

  it('can be written without the adapter, by the constants of the schema', async () => {
    const database = new DatabaseSync(':memory:');
    for (const statement of [...FILE_PRAGMAS, ...CONNECTION_PRAGMAS, ...DDL]) database.exec(statement);
    const row: EventRow = [1, 1, 0, 1, 1, 'id', '2026-01-01', 0, '{}', '{}', 'hash'];
    expect(database.prepare(INSERT_EVENT).run(...row).changes).toBe(1);
    database.close();
  });

  it('records the extent of each stream and of the log', async () => {
    const file = join(directory, 'extent.sqlite');
    const store = openSqliteEventStore(file);
    for (const stream of ['deal-1', 'deal-2', 'deal-3']) {
      await store.append({ stream, expectedRevision: 'no-stream', events: [sampleEvent(1), sampleEvent(2)] });
    }
    expect(await store.logExtent()).toEqual({
      position: 6n,
      events: 6,
      hash: (await store.readStream('deal-3'))[1]?.hash,
    });
    expect(await store.truncatedStreams({ limit: 2 })).toEqual({ truncatedStreams: [], streamsChecked: 2, next: 2 });
    expect(await store.truncatedStreams({ limit: 2, after: 2 })).toEqual({ truncatedStreams: [], streamsChecked: 1 });
    const database = new DatabaseSync(file);
    database.exec('DELETE FROM events WHERE position IN (2, 5, 6)');
    database.close();
    expect((await store.truncatedStreams({ limit: 10 })).truncatedStreams).toEqual([
      { stream: 'deal-1', recordedRevision: 1, foundRevision: 0 },
      { stream: 'deal-3', recordedRevision: 1, foundRevision: -1 },
    ]);
    expect(await store.head()).toBe(6n);
    await store.close();
  });
});

/** The built adapter, for processes without a test runner. */
const BUILT = new URL('../../dist/sqlite/event-store.js', import.meta.url).href;

/** Appends to a file from another process, while this one is blocked. */
function appendElsewhere(file: string, stream: string): void {
  const program = `
    const { openSqliteEventStore } = await import(${JSON.stringify(BUILT)});
    const store = openSqliteEventStore(${JSON.stringify(file)});
    await store.append({ stream: ${JSON.stringify(stream)}, expectedRevision: 'no-stream', events: [${JSON.stringify(sampleEvent(1))}] });
    await store.close();`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { env });
}

describe('a subscription that is about to wait', () => {
  it('does not miss what another process appends at that moment', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tantieme-events-'));
    const file = join(directory, 'events.sqlite');
    const store = openSqliteEventStore(file);
    const stopping = new AbortController();
    const { signal } = stopping;
    const listen = signal.addEventListener.bind(signal);
    // The subscription has read the log to its end, and starts to wait by listening to the signal.
    signal.addEventListener = (...args: Parameters<typeof listen>) => {
      signal.addEventListener = listen;
      appendElsewhere(file, 'deal-1');
      listen(...args);
    };
    for await (const page of store.subscribe({ batchSize: 10, signal })) {
      expect(page.events.map(({ stream }) => stream)).toEqual(['deal-1']);
      break;
    }
    stopping.abort();
    await store.close();
    rmSync(directory, { recursive: true });
  }, 20_000);
});

describe('two processes on one file', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tantieme-processes-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const ROUNDS = 150;
  /** Writes `ROUNDS` events each to a stream of its own and to one for which all writers compete. */
  const WRITER = `
    import { openSqliteEventStore } from ${JSON.stringify(BUILT)};
    const [file, name] = process.argv.slice(1);
    const store = openSqliteEventStore(file);
    const event = (n) => ({ id: name + '-' + n, type: 'Written' + name, version: 1, occurredAt: '2026-03-01T10:00:00Z',
      metadata: { actor: name, correlationId: 'c' }, data: { name, n } });
    let conflicts = 0;
    let shared = 'no-stream';
    for (let n = 0; n < ${ROUNDS}; n++) {
      const own = await store.append({ stream: 'own-' + name, expectedRevision: n === 0 ? 'no-stream' : n - 1, events: [event(n)] });
      if (own.outcome !== 'appended' || own.repeated) throw new Error(JSON.stringify(own.outcome));
      for (;;) {
        const result = await store.append({ stream: 'shared-1', expectedRevision: shared, events: [event(n)] });
        if (result.outcome === 'appended') { shared = result.revision; break; }
        conflicts += 1;
        shared = result.actual;
      }
    }
    await store.close();
    console.log(JSON.stringify({ conflicts }));
  `;

  function runWriter(file: string, name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, file, name], {
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(output))));
    });
  }

  it('create it together and lose nothing, and a live subscription sees each event once', async () => {
    const file = join(directory, 'events.sqlite');
    const writers = ['A', 'B'].map((name) => runWriter(file, name));
    const store = openSqliteEventStore(file);
    const live: StoredEvent[] = [];
    const stopping = new AbortController();
    const reading = (async () => {
      for await (const page of store.subscribe({ batchSize: 7, signal: stopping.signal })) {
        live.push(...page.events);
        if (live.length >= 4 * ROUNDS) break;
      }
    })();
    await Promise.all(writers);
    await reading;
    stopping.abort();

    expect(live.map(({ position }) => position)).toEqual(Array.from({ length: 4 * ROUNDS }, (_, n) => BigInt(n + 1)));
    for (const [stream, count] of [
      ['own-A', ROUNDS],
      ['own-B', ROUNDS],
      ['shared-1', 2 * ROUNDS],
    ] as const) {
      const events = await store.readStream(stream);
      expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: count }, (_, n) => n));
      let previous = FIRST_PREDECESSOR;
      for (const event of events) {
        expect(event.hash).toBe(eventHash(previous, event));
        previous = event.hash;
      }
    }
    expect((await store.truncatedStreams({ limit: 10 })).truncatedStreams).toEqual([]);
    await store.close();
  });
});
