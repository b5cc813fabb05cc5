import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient } from '@eventstore/db-client';
import { eventHash } from '../chain.js';
import { eventStoreContract, sampleEvent } from '../contract-suite.js';
import { EventStoreRefused, EventStoreUnavailable } from '../event-store.js';
import type { EventStore, ExpectedRevision, Page, StoredEvent } from '../event-store.js';
import { openEsdbEventStore } from './event-store.js';
import { uuidOf } from './recorded-event.js';
import { EsdbServer } from './server.fixture.js';
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

  it('stores the canonical text as bytes, and the hash and other fields in the metadata', async () => {
    const { events } = (await append(0)) as { events: readonly StoredEvent[] };
    const client = EventStoreDBClient.connectionString(server.url);
    for await (const { event } of client.readStream('deal-1')) {
      expect(event).toMatchObject({ id: sampleEvent(0).id, type: 'DealBooked', isJson: false });
      expect(Buffer.from(event?.data as Uint8Array).toString()).toBe('{"number":0}');
      expect(event?.metadata).toEqual({
        hash: events[0]?.hash,
        metadata: '{"actor":"service:crm","correlationId":"correlation-0"}',
        occurredAt: '2026-03-01T10:00:00.000Z',
        version: 1,
        writer: expect.stringMatching(/^[0-9a-f]{16}\.1$/),
      });
    }
    await client.dispose();
  });

  it('uses the id of an event if it is a UUID, and otherwise maps it to a UUID of version 8', () => {
    expect(uuidOf('886313e1-3b8a-5372-9b90-0c9aee199e5d')).toBe('886313e1-3b8a-5372-9b90-0c9aee199e5d');
    const others = ['886313E1-3B8A-5372-9B90-0C9AEE199E5D', '886313e1-3b8a-8372-9b90-0c9aee199e5d', 'crm|D-1', ''];
    for (const id of others)
      expect(uuidOf(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(others.map(uuidOf)).size).toBe(others.length);
  });

  it('stores an append once if its answer was lost, and reports it as new', async () => {
    server.answersToLose = 2;
    expect(await append(0)).toMatchObject({ outcome: 'appended', revision: 0, repeated: false });
    expect(await append(0)).toMatchObject({ outcome: 'appended', revision: 0, repeated: true });
    expect(await store.readStream('deal-1')).toHaveLength(1);
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
    expect((await one.readAll({ limit: 10 })).events).toEqual(first.events);
    expect((await other.readAll({ limit: 10, filter: { types: ['DealBooked'] } })).events).toEqual(second.events);
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
