import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { eventHash } from '../chain.js';
import { eventStoreContract, sampleEvent } from '../contract-suite.js';
import { EventStoreRefused, EventStoreUnavailable, IncompleteStream, UnknownPosition } from '../event-store.js';
import type { EventStore, ExpectedRevision, Page, StoredEvent } from '../event-store.js';
import type { HidesStreams } from '../truncation.js';
import { openEsdbEventStore } from './event-store.js';
import { EsdbServer, LEADER_CHANGES } from './server.fixture.js';
import { Refusal } from './server-messages.fixture.js';
import { freshNamespace, startEsdbTarget } from './target.fixture.js';

const target = await startEsdbTarget();
afterAll(() => target.stop());

eventStoreContract(`EventStoreDB (${target.kind}) in a namespace`, async () => {
  const namespace = freshNamespace();
  const open = (): EventStore => openEsdbEventStore(target.url, { namespace });
  const store = open();
  return { store, reopen: async () => open(), dispose: () => store.close() };
});

eventStoreContract('EventStoreDB (the in-test server) as a whole', async () => {
  const server = await EsdbServer.start();
  const open = (): EventStore => openEsdbEventStore(server.url);
  const store = open();
  return {
    store,
    reopen: async () => open(),
    dispose: async () => {
      await store.close();
      await server.stop();
    },
  };
});

describe('the store on EventStoreDB', () => {
  let server: EsdbServer;
  let store: EventStore;
  const started: { stop(): Promise<void> }[] = [];
  beforeEach(async () => {
    server = await EsdbServer.start();
    store = openEsdbEventStore(server.url);
    started.push(server, { stop: () => store.close() });
  });
  afterEach(async () => {
    for (const one of started.splice(0).reverse()) await one.stop();
  });

  const append = (n: number, expectedRevision: ExpectedRevision = n === 0 ? 'no-stream' : n - 1, stream = 'deal-1') =>
    store.append({ stream, expectedRevision, events: [sampleEvent(n)] });

  function opened(connection: string, namespace = ''): EventStore {
    const another = openEsdbEventStore(connection, { namespace });
    started.push({ stop: () => another.close() });
    return another;
  }

  /** The client itself, as another system or an operator uses it. */
  function connected(): EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(server.url);
    started.push({ stop: () => client.dispose() });
    return client;
  }

  it('stores the canonical text as bytes, and the hash and other fields in the metadata', async () => {
    await append(0);
    const [{ hash, recordedAt } = { hash: '', recordedAt: '' }] = await store.readStream('deal-1');
    const client = connected();
    for await (const { event } of client.readStream('deal-1')) {
      expect(event).toMatchObject({ type: 'DealBooked', isJson: false });
      expect(Buffer.from(event?.data as Uint8Array).toString()).toBe('{"number":0}');
      expect(event?.metadata).toEqual({
        hash,
        id: sampleEvent(0).id,
        metadata: '{"actor":"service:crm","correlationId":"correlation-0"}',
        occurredAt: '2026-03-01T10:00:00.000Z',
        recordedAt,
        version: 1,
      });
    }
  });

  it('appends with one call, without reading what it stored', async () => {
    await append(0);
    const before = server.calls;
    for (let n = 1; n <= 10; n++) await append(n);
    expect(server.calls - before).toBe(10);
    await store.append({
      stream: 'deal-2',
      expectedRevision: 'no-stream',
      events: [1, 2, 3].map((n) => sampleEvent(n)),
    });
    expect(server.calls - before).toBe(11);
  });

  it('has a limited number of appends in flight', async () => {
    const slow = await EsdbServer.start({ indexingMs: 50 });
    started.push(slow);
    const other = opened(slow.url);
    const appends = Array.from({ length: 200 }, (_, n) =>
      other.append({ stream: `deal-${n}`, expectedRevision: 'no-stream', events: [sampleEvent(n)] }),
    );
    expect((await Promise.all(appends)).every(({ outcome }) => outcome === 'appended')).toBe(true);
    expect(slow.appendsAtOnceMax).toBe(32);
  });

  it('stores an append once if its answer was lost, and reports it as new', async () => {
    server.answersToLose = 2;
    expect(await append(0)).toMatchObject({ outcome: 'appended', revision: 0, repeated: false });
    expect(await append(0)).toMatchObject({ outcome: 'appended', revision: 0, repeated: true });
    expect(await store.readStream('deal-1')).toHaveLength(1);
  });

  it('reports an append as new if an earlier attempt of the same call stored it, whatever the server answers', async () => {
    server.wrongVersions = 1;
    expect(await append(0)).toMatchObject({ outcome: 'appended', revision: 0, repeated: false });
    expect(await store.readStream('deal-1')).toHaveLength(1);
  });

  it('repeats calls that a change of the leader interrupts', async () => {
    await append(0);
    for (const change of Object.values(LEADER_CHANGES)) {
      const { revision } = (await store.readStream('deal-1')).at(-1) ?? { revision: 0 };
      server.refusals.push(change(), change());
      expect(await append(revision + 1)).toMatchObject({ outcome: 'appended', repeated: false });
      server.refusals.push(change(), change());
      expect(await store.readStream('deal-1')).toHaveLength(revision + 2);
    }
  });

  it('reports an unknown error of the server as an error of the port', async () => {
    server.refusals.push(new Refusal(status.UNKNOWN, 'Exception was thrown by handler.'));
    await expect(append(0)).rejects.toMatchObject({
      code: 'EventStoreUnavailable',
      message: 'append to deal-1: Could not recognize Exception was thrown by handler.',
    });
    server.refusals.push(new Refusal(status.INVALID_ARGUMENT, 'an argument'));
    await expect(store.head()).rejects.toThrow(EventStoreRefused);
  });

  it('names stream, size and limit of an append that the server finds too large', async () => {
    const strict = await EsdbServer.start({ appendBytesMax: 1000 });
    started.push(strict);
    const large = {
      stream: 'deal-9',
      expectedRevision: 'no-stream' as const,
      events: [sampleEvent(0, { data: 'x'.repeat(1000) })],
    };
    await expect(opened(strict.url).append(large)).rejects.toMatchObject({
      code: 'EventTooLarge',
      stream: 'deal-9',
      bytes: 1569,
      message: 'the append to deal-9 has 1569 bytes; the event store accepts at most 1000',
    });
  });

  describe('a stream of which the server deleted events', () => {
    beforeEach(async () => {
      for (let n = 0; n < 5; n++) await append(n);
    });

    it('is refused by name if it was truncated, instead of being read as if whole', async () => {
      await connected().setStreamMetadata('deal-1', { maxCount: 2 });
      for (const options of [{}, { direction: 'backwards' as const }, { from: 1, limit: 2 }])
        await expect(store.readStream('deal-1', options)).rejects.toThrow(IncompleteStream);
      await expect(store.readStreams(['deal-1'])).rejects.toThrow(
        'deal-1 is incomplete: revision 0 is missing, the next one found is 3. Restore',
      );
      expect(await store.readStream('deal-1', { direction: 'backwards', limit: 2 })).toHaveLength(2);
      await connected().setStreamMetadata('deal-1', { truncateBefore: 1 });
      await expect(store.readStream('deal-1')).rejects.toThrow('revision 0 is missing, the next one found is 1');
    });

    it('is listed for a verification, as the log itself still has all of its events', async () => {
      for (const stream of ['deal-2', 'deal-3', 'deal-4']) await append(0, 'no-stream', stream);
      const client = connected();
      await client.setStreamMetadata('deal-1', { maxCount: 2 });
      await client.setStreamMetadata('deal-2', { maxCount: 2 });
      await client.deleteStream('deal-3');
      expect((await store.readAll({ limit: 10 })).events).toHaveLength(8);
      expect(await (store as EventStore & HidesStreams).hiddenStreams()).toEqual(['deal-1', 'deal-3']);
    });

    it('does not begin again after a soft deletion', async () => {
      await connected().deleteStream('deal-1');
      expect(await store.readStream('deal-1')).toEqual([]);
      await expect(append(9, 'no-stream')).rejects.toThrow(
        'deal-1 is incomplete: it was deleted at the server, which stored revision 0 as revision 5',
      );
      await expect(store.readStream('deal-1')).rejects.toThrow(IncompleteStream);
    });

    it('is refused if it was deleted for good', async () => {
      await connected().tombstoneStream('deal-1');
      await expect(store.readStream('deal-1')).rejects.toThrow(EventStoreRefused);
      await expect(append(5)).rejects.toThrow(EventStoreRefused);
    });
  });

  it('is tested with a server that answers the same ids at the same moment as EventStoreDB does', async () => {
    const strict = await EsdbServer.start({ commitTimeoutMs: 20, indexingMs: 30 });
    const client = EventStoreDBClient.connectionString(strict.url);
    started.push(strict, { stop: () => client.dispose() });
    const event = (n: number) => jsonEvent({ id: sampleEvent(n).id, type: 'Raw', data: {} });
    const race = async (stream: string, n: number): Promise<readonly string[]> => {
      const append = () =>
        client.appendToStream(stream, event(n), { expectedRevision: n === 0 ? 'no_stream' : BigInt(n - 1) });
      const settled = await Promise.allSettled([append(), append()]);
      return settled
        .map((one) => (one.status === 'fulfilled' ? 'stored' : (one.reason as { type: string }).type))
        .toSorted();
    };
    expect(await race('raw-1', 0)).toEqual(['deadline-exceeded', 'stored']);
    expect(await race('raw-2', 0)).toEqual(['stored', 'wrong-expected-version']);
    expect((await client.appendToStream('raw-1', event(0), { expectedRevision: 'any' })).nextExpectedRevision).toBe(0n);
    expect((await client.appendToStream('raw-1', [], { expectedRevision: 'stream_exists' })).success).toBe(true);
    await expect(client.appendToStream('raw-1', event(1), { expectedRevision: 7n })).rejects.toMatchObject({
      actualVersion: 0n,
    });
  });

  it('refuses a position between two events, or of an event that is not ours', async () => {
    server.write('alien-1', { type: 'Alien', data: '{}', metadata: '{}' });
    await append(0);
    const head = await store.head();
    const positions = [head - 1n, head + 1n];
    for await (const { event } of connected().readAll())
      if (event?.streamId === 'alien-1') positions.push(event.position.commit);
    expect(positions).toHaveLength(3);
    for (const after of positions) {
      await expect(store.readAll({ after, limit: 10 })).rejects.toThrow(UnknownPosition);
      const subscription = store.subscribe({ after, batchSize: 10, signal: new AbortController().signal });
      await expect(subscription[Symbol.asyncIterator]().next()).rejects.toThrow(UnknownPosition);
    }
  });

  it('finds the head of a quiet namespace without reading what others wrote before', async () => {
    const quiet = opened(server.url, 'quiet');
    expect(await quiet.head()).toBe(0n);
    for (let n = 0; n < 50; n++) await append(n);
    await quiet.append({ stream: 'deal-1', expectedRevision: 'no-stream', events: [sampleEvent(0)] });
    const head = await quiet.head();
    for (let n = 50; n < 60; n++) await append(n);
    const before = server.recordsRead;
    expect(await quiet.head()).toBe(head);
    expect(server.recordsRead - before).toBeLessThan(20);
    expect(await quiet.head()).toBe(head);
    expect(server.recordsRead - before).toBeLessThan(20);
  });

  it('survives a restart of the server', async () => {
    await append(0);
    await server.stop();
    await expect(append(1)).rejects.toThrow(EventStoreUnavailable);
    await expect(store.head()).rejects.toThrow(EventStoreUnavailable);
    await server.start();
    expect(await append(1)).toMatchObject({ outcome: 'appended', revision: 1 });
  });

  it('opens without a server, and names the failed call in each error', async () => {
    await server.stop();
    await expect(append(0)).rejects.toThrow(/^append to deal-1: .*UNAVAILABLE/);
    await expect(store.readStream('deal-1')).rejects.toThrow(/^reading deal-1: /);
    await server.start();
    expect(await store.readStream('deal-1')).toEqual([]);
  });

  it('ends a subscription with an error when the server stops, and can resume it from its position', async () => {
    await append(0);
    const seen: Page[] = [];
    const following = (async () => {
      for await (const page of store.subscribe({ batchSize: 10, signal: new AbortController().signal })) {
        seen.push(page);
        if (seen.length === 1) await server.stop();
      }
    })();
    await expect(following).rejects.toThrow(EventStoreUnavailable);
    await server.start();
    await append(1);
    const after = seen.at(-1)?.through ?? 0n;
    for await (const page of store.subscribe({ after, batchSize: 10, signal: new AbortController().signal })) {
      expect(page.events.map(({ revision }) => revision)).toEqual([1]);
      break;
    }
  });

  it('follows the redirect of a follower to the leader', async () => {
    const leader = await EsdbServer.start();
    started.push(leader);
    server.leader = leader;
    expect(await append(0)).toMatchObject({ outcome: 'appended' });
    expect(await opened(leader.url).readStream('deal-1')).toHaveLength(1);
  });

  it('finds the leader of a cluster through a known node', async () => {
    const leader = await EsdbServer.start();
    started.push(leader);
    server.leader = leader;
    const connection = `127.0.0.1:${server.port}?tls=false`;
    for (const cluster of [`esdb+discover://${connection}`, `esdb://127.0.0.1:1,${connection}`])
      expect(await opened(cluster).readStream('deal-1')).toEqual([]);
    await leader.stop();
    const alone = opened(`esdb+discover://127.0.0.1:${leader.port}?tls=false&maxDiscoverAttempts=2`);
    await expect(alone.head()).rejects.toThrow(EventStoreUnavailable);
  });

  it('reads the hash to chain to if another process wrote to the stream', async () => {
    await append(0);
    const other = opened(server.url);
    const [second] = await Promise.all([
      other.append({ stream: 'deal-1', expectedRevision: 0, events: [sampleEvent(1)] }),
    ]);
    expect(second.outcome).toBe('appended');
    await append(2);
    const events = await store.readStream('deal-1');
    expect(events[2]?.hash).toBe(eventHash(events[1]?.hash ?? '', events[2] as StoredEvent));
  });

  it('skips events of other systems, and reports one in our own streams', async () => {
    const others = { type: 'Alien', data: '{"of":"others"}', metadata: '{"$correlationId":"c"}' };
    await append(0);
    for (let n = 0; n < 20; n++) server.write('alien-1', others);
    server.write('deal-1', others);
    await append(0, 'no-stream', 'deal-2');
    for (let n = 0; n < 20; n++) server.write('alien-1', others);
    for (const limit of [1, 3, 100]) {
      const seen: string[] = [];
      let page = await store.readAll({ limit });
      for (; !page.end; page = await store.readAll({ limit, after: page.through }))
        seen.push(...page.events.map(({ stream }) => stream));
      seen.push(...page.events.map(({ stream }) => stream));
      expect(seen).toEqual(['deal-1', 'deal-2']);
      expect(page.through).toBe(await store.head());
    }
    await expect(store.readStream('deal-1')).rejects.toThrow('deal-1@1 was not written by Tantième');
    await expect(append(1, 1)).rejects.toMatchObject({ code: 'ForeignEvent' });
  });

  it('keeps the namespaces of one database apart', async () => {
    const [one, other] = [opened(server.url, 'one'), opened(server.url, 'other')];
    const event = { stream: 'deal-1', expectedRevision: 'no-stream' as const, events: [sampleEvent(0)] };
    const [first] = await Promise.all([one.append(event)]);
    expect(await other.head()).toBe(0n);
    const second = await other.append(event);
    if (first.outcome !== 'appended' || second.outcome !== 'appended') throw new Error('an append was not stored');
    expect(first.events[0]?.hash).toBe(second.events[0]?.hash);
    expect((await one.readAll({ limit: 10 })).events).toMatchObject(first.events);
    expect((await other.readAll({ limit: 10, filter: { types: ['DealBooked'] } })).events).toMatchObject(second.events);
    expect(() => openEsdbEventStore(server.url, { namespace: 'a-b' })).toThrow('namespace');
  });

  describe('a server with encryption and users', () => {
    const certificate = join(import.meta.dirname, 'certificate.fixture.pem');
    const address = (user: string, file = certificate): string =>
      `esdb://${user}localhost:${secured.port}?tls=true&tlsCAFile=${encodeURIComponent(file)}`;
    let secured: EsdbServer;
    beforeEach(async () => {
      const key = readFileSync(join(import.meta.dirname, 'certificate-key.fixture.pem'));
      secured = await EsdbServer.start({
        tls: { certificate: readFileSync(certificate), key },
        users: { 'channel ops': 'p@ss:word' },
      });
      started.push(secured);
    });
    const event = { stream: 'deal-1', expectedRevision: 'no-stream' as const, events: [sampleEvent(0)] };

    it('is reachable with user, password and certificate from the connection string', async () => {
      const known = opened(address('channel%20ops:p%40ss%3Aword@'));
      expect(await known.append(event)).toMatchObject({ outcome: 'appended' });
      expect((await known.readAll({ limit: 1 })).events).toHaveLength(1);
    });

    it('refuses a wrong password and a missing user', async () => {
      await expect(opened(address('channel%20ops:wrong@')).append(event)).rejects.toThrow(EventStoreRefused);
      await expect(opened(address('')).head()).rejects.toThrow(EventStoreRefused);
      await expect(opened(address('')).readStream('deal-1')).rejects.toThrow(/Access Denied/);
    });

    it('is not trusted without its certificate, and not contacted without encryption', async () => {
      await expect(opened(`esdb://localhost:${secured.port}?tls=true`).head()).rejects.toThrow(EventStoreUnavailable);
      await expect(opened(`esdb://127.0.0.1:${secured.port}?tls=false`).head()).rejects.toThrow(EventStoreUnavailable);
      expect(() => openEsdbEventStore(address('a:b@', '/nowhere.pem'))).toThrow(/certificate file/);
    });
  });

  it.each([
    '',
    'http://a:secret@127.0.0.1',
    'esdb://a:secret@',
    'esdb://a:secret@h:port',
    'esdb://a:secret@h?tls=perhaps',
    'esdb://a:secret@h?tlsVerifyCert=false',
    'esdb://a:secret@h?tls=true&namespace=prod',
  ])('refuses the connection string "%s" without quoting the password', (connection) => {
    expect(() => openEsdbEventStore(connection)).toThrow(/connection string/);
    expect(() => openEsdbEventStore(connection)).not.toThrow(/secret/);
  });

  it('accepts the schemes of KurrentDB', async () => {
    expect(await opened(server.url.replace('esdb:', 'kurrentdb:')).head()).toBe(0n);
  });
});
