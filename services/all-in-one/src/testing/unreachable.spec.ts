/** What a process needs is away when it starts, or goes away later: it says so, and goes on by itself when it is back. */
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { EsdbServer } from '@tantieme/event-store/esdb/server.fixture';
import { startKafkaServer } from '@tantieme/messaging/kafka/testing/kafka-server';
import type { Role } from '@tantieme/service-kit/access/auth';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { mintToken } from '@tantieme/service-kit/access/development-issuer';
import type { Driver } from '../driver.js';
import {
  embeddedStatements,
  history,
  ndjson,
  prepare,
  statementsOf,
  TestServers,
  verifyStore,
} from './end-to-end.fixture.js';

/** Servers that start and stop one after another, each test with the whole way. */
jest.setTimeout(240_000);

const POLL_MS = 100;
const FACTS = history(60);
const PASSWORD = 'not-for-everybody';

const servers = new TestServers();
afterEach(() => servers.end());

/** What is away is told at every try. */
const SILENT = { logLevel: 'silent' } as const;

interface Said {
  readonly status: number;
  readonly type: string | null;
  readonly retryAfter: string | null;
  readonly body: { readonly failing: readonly string[] };
}

async function said(answer: Response): Promise<Said> {
  const { status, headers } = answer;
  const text = await answer.text();
  expect(text).not.toContain(PASSWORD);
  return { status, type: headers.get('content-type'), retryAfter: headers.get('retry-after'), body: JSON.parse(text) };
}

function get({ servers }: Driver, path: string): Promise<Response> {
  return fetch(servers.urlOf(path) + path);
}

async function ready(driver: Driver): Promise<Said> {
  return said(await get(driver, '/health/ready'));
}

/** @param works have to be told as failing: each has to notice it for itself. */
async function untilReady(driver: Driver, status: number, works: readonly string[] = []): Promise<Said> {
  for (;;) {
    const now = await ready(driver);
    if (now.status === status && works.every((work) => now.body.failing.includes(work))) return now;
    await pause(POLL_MS);
  }
}

async function ask(
  { servers }: Driver,
  { dataDirectory }: RuntimeConfig,
  [role, method, path]: readonly [Role, string, string],
  body?: object,
): Promise<Said> {
  const token = await mintToken({ dataDirectory, roles: [role], subject: 'asks' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'once' };
  const init =
    body === undefined
      ? { headers: { authorization: headers.authorization } }
      : { headers, body: JSON.stringify(body) };
  return said(await fetch(servers.urlOf(path) + path, { method, ...init }));
}

/** A port of a host that takes connections and says nothing. */
async function startSilentHost(): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const REACHABLE = { reachable: true };
const NOT_READY = {
  type: 'urn:tantieme:problem:NotReady',
  title: 'Service Unavailable',
  status: 503,
  code: 'NotReady',
};

describe('an event store that is away', () => {
  const AWAY = {
    status: 503,
    type: expect.stringContaining('application/problem+json'),
    retryAfter: '1',
    body: {
      code: 'EventStoreUnavailable',
      errors: [{ field: 'eventStore', reason: 'cannot be reached' }],
    },
  };

  async function expectAway(driver: Driver, config: RuntimeConfig): Promise<void> {
    expect(
      await ask(driver, config, ['operator', 'PUT', '/partners/P1/tiers/2026-01-01'], { tier: 'gold' }),
    ).toMatchObject(AWAY);
    expect((await get(driver, '/health/live')).status).toBe(200);
    const { items } = JSON.parse(await driver.text('operator', 'GET', '/health/lag'));
    expect(items.find(({ name }: { name: string }) => name === 'commission-read-model')).toMatchObject({
      running: true,
      lastError: expect.stringContaining('UNAVAILABLE'),
    });
  }

  it('is waited for at the start and later, by a process that says so; nothing is lost', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const server = await EsdbServer.start();
    await server.stop();
    try {
      const config = servers.configuration({ ...SILENT, eventStore: server.url.replace('//', `//admin:${PASSWORD}@`) });
      const driver = await servers.start(config);
      const away = {
        status: 503,
        type: expect.stringContaining('application/problem+json'),
        retryAfter: '1',
        body: {
          ...NOT_READY,
          detail: expect.stringContaining(`the event store cannot be reached: `),
          eventStore: { reachable: false, reason: expect.stringContaining(`ECONNREFUSED 127.0.0.1:${server.port}`) },
          broker: REACHABLE,
          database: REACHABLE,
        },
      };
      expect(await ready(driver)).toMatchObject(away);
      await untilReady(driver, 503, ['commission-read-model', 'rewards-catch-ups', 'payouts-statement-run']);
      await expectAway(driver, config);
      expect(await ask(driver, config, ['auditor', 'GET', '/plans'])).toMatchObject(AWAY);

      await server.start();
      expect((await untilReady(driver, 200)).body).toMatchObject({ eventStore: REACHABLE });
      await prepare(driver);
      await driver.import(ndjson(FACTS.slice(0, 30)));

      await server.stop();
      await untilReady(driver, 503);
      await expectAway(driver, config);
      expect(await driver.import(ndjson(FACTS))).toMatchObject({ type: 'error', code: 'EventStoreUnavailable' });

      await server.start();
      await untilReady(driver, 200);
      expect(await statementsOf(driver, FACTS)).toBe(expected);
      expect((await ready(driver)).body).toEqual({
        status: 'ready',
        eventStore: REACHABLE,
        broker: REACHABLE,
        database: REACHABLE,
        failing: [],
      });
      await servers.stop();
      expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });
    } finally {
      await server.stop();
    }
  });

  it('is given up soon where its host says nothing at all', async () => {
    const host = await startSilentHost();
    try {
      const config = servers.configuration({ ...SILENT, eventStore: `esdb://127.0.0.1:${host.port}?tls=false` });
      const driver = await servers.start(config);
      expect((await ready(driver)).body).toMatchObject({
        ...NOT_READY,
        eventStore: { reachable: false, reason: 'no answer within 2 s' },
      });
      expect(await ask(driver, config, ['auditor', 'GET', '/plans'])).toMatchObject(AWAY);
      // What is asked in the background is given up by itself, and then it is said why.
      const why = async (): Promise<string> => JSON.stringify((await ready(driver)).body);
      while (!(await why()).includes('no connection within 5 s')) await pause(50);
    } finally {
      host.stop();
    }
  });
});

const { server: kafka, missing } = { missing: '', ...(await startKafkaServer()) };
afterAll(() => kafka?.stop());

const { kill, start: startAgain } = kafka ?? {};
const whereItCanBeKilled = kill && startAgain ? describe : describe.skip;

whereItCanBeKilled(`a broker that is away (${kafka?.name ?? missing})`, () => {
  it('is waited for at the start and later, while facts are taken; nothing is lost', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    await kill?.();
    const config = servers.configuration({ ...SILENT, kafka: { brokers: kafka?.brokers ?? [] } });
    const driver = await servers.start(config);
    expect((await ready(driver)).body).toMatchObject({
      ...NOT_READY,
      detail: expect.stringContaining('the broker cannot be reached: '),
      eventStore: REACHABLE,
      broker: { reachable: false, reason: expect.any(String) },
      database: REACHABLE,
    });
    await untilReady(driver, 503, ['commission-earn', 'rewards-intake']);
    await prepare(driver);
    await driver.import(ndjson(FACTS.slice(0, 20)));
    expect((await ready(driver)).body).toMatchObject({
      broker: { reachable: false, reason: expect.stringContaining(`ECONNREFUSED ${kafka?.brokers[0]}`) },
    });

    await startAgain?.();
    await untilReady(driver, 200);
    await driver.import(ndjson(FACTS.slice(0, 40)));
    await kill?.();
    await untilReady(driver, 503);
    expect(await driver.import(ndjson(FACTS))).toMatchObject({ type: 'result', refused: 0 });
    await startAgain?.();
    await untilReady(driver, 200);
    expect(await statementsOf(driver, [])).toBe(expected);
    expect((await ready(driver)).body).toMatchObject({ status: 'ready', failing: [] });
  });
});

const databases = new TestDatabases();
const postgres = await databases.postgres();
afterAll(() => databases.end());

(postgres.isOwn ? describe : describe.skip)('a database that is away', () => {
  it('is waited for at the start and later, while facts are taken; nothing is lost', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const database = await postgres.database();
    await postgres.outage.begin();
    const config = servers.configuration({ ...SILENT, database });
    const driver = await servers.start(config);
    const away = {
      ...NOT_READY,
      detail: expect.stringContaining('the database cannot be reached: '),
      eventStore: REACHABLE,
      broker: REACHABLE,
      database: { reachable: false, reason: expect.stringContaining('ECONNREFUSED') },
    };
    expect((await ready(driver)).body).toMatchObject(away);
    expect(await ask(driver, config, ['auditor', 'GET', '/statements'])).toMatchObject({
      status: 503,
      retryAfter: '1',
      body: { code: 'DatabaseUnavailable', errors: [{ field: 'database', reason: 'cannot be reached' }] },
    });
    expect((await get(driver, '/health/live')).status).toBe(200);

    await postgres.outage.end();
    expect((await untilReady(driver, 200)).body).toMatchObject({ database: REACHABLE });
    await prepare(driver);
    await driver.import(ndjson(FACTS.slice(0, 40)));
    await postgres.outage.begin();
    expect((await untilReady(driver, 503)).body).toMatchObject(away);
    expect(await driver.import(ndjson(FACTS))).toMatchObject({ type: 'result', refused: 0 });
    await postgres.outage.end();
    await untilReady(driver, 200);
    expect(await statementsOf(driver, [])).toBe(expected);
    expect((await ready(driver)).body).toMatchObject({ status: 'ready', failing: [] });
  });
});
