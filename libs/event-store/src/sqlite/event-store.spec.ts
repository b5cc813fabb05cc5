import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { transformFileSync } from '@swc/core';
import { eventHash, FIRST_PREDECESSOR } from '../chain.js';
import { eventStoreContract, sampleEvent } from '../contract-suite.js';
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

  it('works in memory', async () => {
    const store = openSqliteEventStore(':memory:', { now: () => 1_772_000_000_000 });
    await store.append({ stream: 'deal-1', expectedRevision: 'no-stream', events: [sampleEvent(1)] });
    expect((await store.readStream('deal-1'))[0]?.recordedAt).toBe('2026-02-25T06:13:20.000Z');
    await store.close();
  });

  it('refuses a file that is something else, or of another layout', async () => {
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

  it('answers appends of one turn of the event loop from one transaction, in their order', async () => {
    const store = openSqliteEventStore(join(directory, 'grouped.sqlite'));
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        store.append({ stream: 'deal-1', expectedRevision: n === 0 ? 'no-stream' : n - 1, events: [sampleEvent(n)] }),
      ),
    );
    expect(results.every(({ outcome }) => outcome === 'appended')).toBe(true);
    await store.close();
  });

  it('sees what another handle on the file wrote before it decides', async () => {
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

  it('looks through a bounded stretch of the log where a filter matches little', async () => {
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

  it('takes the same bytes barely, by the constants of the schema', async () => {
    const database = new DatabaseSync(':memory:');
    for (const statement of [...FILE_PRAGMAS, ...CONNECTION_PRAGMAS, ...DDL]) database.exec(statement);
    const row: EventRow = [1, 1, 0, 1, 1, 'id', '2026-01-01', 0, '{}', '{}', 'hash'];
    expect(database.prepare(INSERT_EVENT).run(...row).changes).toBe(1);
    database.close();
  });

  it('remembers where each stream and the log ended', async () => {
    const file = join(directory, 'tips.sqlite');
    const store = openSqliteEventStore(file);
    for (const stream of ['deal-1', 'deal-2', 'deal-3']) {
      await store.append({ stream, expectedRevision: 'no-stream', events: [sampleEvent(1), sampleEvent(2)] });
    }
    expect(await store.logExtent()).toEqual({
      position: 6n,
      events: 6,
      hash: (await store.readStream('deal-3'))[1]?.hash,
    });
    expect(await store.truncatedStreams({ limit: 2 })).toEqual({ brokenTails: [], streams: 2, next: 2 });
    expect(await store.truncatedStreams({ limit: 2, after: 2 })).toEqual({ brokenTails: [], streams: 1 });
    const database = new DatabaseSync(file);
    database.exec('DELETE FROM events WHERE position IN (2, 5, 6)');
    database.close();
    expect((await store.truncatedStreams({ limit: 10 })).truncatedStreams).toEqual([
      { stream: 'deal-1', remembered: 1, found: 0 },
      { stream: 'deal-3', remembered: 1, found: -1 },
    ]);
    expect(await store.head()).toBe(6n);
    await store.close();
  });
});

/** Appends to a file from a process of its own, while this one stands still. */
function appendElsewhere(file: string, stream: string): void {
  const built = new URL('../../dist/sqlite/event-store.js', import.meta.url).href;
  const program = `
    const { openSqliteEventStore } = await import(${JSON.stringify(built)});
    const store = openSqliteEventStore(${JSON.stringify(file)});
    await store.append({ stream: ${JSON.stringify(stream)}, expectedRevision: 'no-stream', events: [${JSON.stringify(sampleEvent(1))}] });
    await store.close();`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { env });
}

describe('a reader that is about to wait', () => {
  it('does not miss what another process appends just then', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tantieme-events-'));
    const file = join(directory, 'events.sqlite');
    const store = openSqliteEventStore(file);
    const stopping = new AbortController();
    const { signal } = stopping;
    const listen = signal.addEventListener.bind(signal);
    // The log was read to its end, and the waiting begins: with listening to the signal.
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
    // The children run without a test runner: they get the sources as JavaScript.
    for (const file of readdirSync(import.meta.dirname)) {
      if (!file.endsWith('.ts') || file.endsWith('.spec.ts') || file === 'contract-suite.ts') continue;
      const { code } = transformFileSync(join(import.meta.dirname, file), {
        configFile: join(import.meta.dirname, '../../../.swcrc'),
        sourceMaps: false,
      });
      writeFileSync(join(directory, file.replace(/\.ts$/, '.js')), code);
    }
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    writeFileSync(join(directory, 'writer.js'), WRITER);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const ROUNDS = 150;
  /** Writes to a stream of its own, and competes for one that all write to, until each has `ROUNDS` events of this writer. */
  const WRITER = `
    import { openSqliteEventStore } from './event-store.js';
    const [file, name] = process.argv.slice(2);
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
      const child = spawn(process.execPath, [join(directory, 'writer.js'), file, name]);
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(output))));
    });
  }

  it('create it together, lose nothing, chain every stream, fill no gap, and a live reader sees each event once', async () => {
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
