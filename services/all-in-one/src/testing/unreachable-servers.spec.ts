/** A server is unreachable at the start, or later: the process reports it, and recovers by itself. */
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

/** Each test starts and stops several servers and processes a whole history. */
jest.setTimeout(240_000);

const POLL_MS = 100;

/** Within this time health reports what happened. */
const REPORTED_MS_MAX = 10_000;
const FACTS = history(60);
const PASSWORD = 'not-for-everybody';

const servers = new TestServers();
afterEach(() => servers.end());

/** Every retry would be logged. */
const SILENT = { logLevel: 'silent' } as const;

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly retryAfter: string | null;
  readonly body: { readonly failing: readonly string[] };
}

async function read(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  expect(text).not.toContain(PASSWORD);
  return {
    status,
    type: headers.get('content-type'),
    retryAfter: headers.get('retry-after'),
    body: JSON.parse(text) as Answer['body'],
  };
}

function get({ servers }: Driver, path: string): Promise<Response> {
  return fetch(servers.urlOf(path) + path);
}

async function ready(driver: Driver): Promise<Answer> {
  return read(await get(driver, '/health/ready'));
}

/** Health answers at once with what is known: waits until it is what is expected. */
async function eventually(driver: Driver, expected: object): Promise<void> {
  for (const untilMs = performance.now() + REPORTED_MS_MAX; ; await pause(POLL_MS)) {
    const now = await ready(driver);
    try {
      expect(now).toMatchObject(expected);
      return;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
  }
}

/** @param works that must be reported as failing too: each notices the failure by itself. */
async function untilReady(driver: Driver, status: number, works: readonly string[] = []): Promise<Answer> {
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
): Promise<Answer> {
  const token = await mintToken({ dataDirectory, roles: [role], subject: 'asks' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'once' };
  const init =
    body === undefined
      ? { headers: { authorization: headers.authorization } }
      : { headers, body: JSON.stringify(body) };
  return read(await fetch(servers.urlOf(path) + path, { method, ...init }));
}

/** A host that accepts connections and never answers. */
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

describe('an unreachable event store', () => {
  const UNAVAILABLE = {
    status: 503,
    type: expect.stringContaining('application/problem+json'),
    retryAfter: '1',
    body: {
      code: 'EventStoreUnavailable',
      errors: [{ field: 'eventStore', reason: 'cannot be reached' }],
    },
  };

  async function expectUnavailable(driver: Driver, config: RuntimeConfig): Promise<void> {
    expect(
      await ask(driver, config, ['operator', 'PUT', '/partners/P1/tiers/2026-01-01'], { tier: 'gold' }),
    ).toMatchObject(UNAVAILABLE);
    expect((await get(driver, '/health/live')).status).toBe(200);
    const { items } = JSON.parse(await driver.text('operator', 'GET', '/health/lag')) as {
      items: { name: string }[];
    };
    expect(items.find(({ name }) => name === 'commission-read-model')).toMatchObject({
      running: true,
      lastError: expect.stringContaining('UNAVAILABLE'),
    });
  }

  it('is awaited at the start and later by a process that reports it; nothing is lost', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const server = await EsdbServer.start();
    await server.stop();
    try {
      const config = servers.configuration({ ...SILENT, eventStore: server.url.replace('//', `//admin:${PASSWORD}@`) });
      const driver = await servers.start(config);
      const unreachable = {
        status: 503,
        type: expect.stringContaining('application/problem+json'),
        retryAfter: '1',
        body: {
          ...NOT_READY,
          detail: expect.stringContaining(`the event store cannot be reached: `),
          eventStore: { reachable: false, reason: expect.stringContaining(`ECONNREFUSED 127.0.0.1:${server.port}`) },
          // Embedded, the broker reads the log.
          broker: { reachable: false, reason: expect.any(String) },
          database: REACHABLE,
        },
      };
      await eventually(driver, unreachable);
      await untilReady(driver, 503, ['commission-read-model', 'rewards-catch-ups', 'payouts-statement-run']);
      await expectUnavailable(driver, config);
      expect(await ask(driver, config, ['auditor', 'GET', '/plans'])).toMatchObject(UNAVAILABLE);

      await server.start();
      expect((await untilReady(driver, 200)).body).toMatchObject({ eventStore: REACHABLE });
      await prepare(driver);
      await driver.import(ndjson(FACTS.slice(0, 30)));

      await server.stop();
      await untilReady(driver, 503);
      await expectUnavailable(driver, config);
      expect(await driver.import(ndjson(FACTS))).toMatchObject({ type: 'error', code: 'EventStoreUnavailable' });

      await server.start();
      await untilReady(driver, 200);
      expect(await statementsOf(driver, FACTS)).toBe(expected);
      await eventually(driver, {
        body: {
          status: 'ready',
          eventStore: REACHABLE,
          broker: REACHABLE,
          database: REACHABLE,
          failing: [],
        },
      });
      await servers.stop();
      expect(await verifyStore(config)).toMatchObject({ differenceCount: 0 });
    } finally {
      await server.stop();
    }
  });

  it('is reported within seconds where its host never answers', async () => {
    const host = await startSilentHost();
    try {
      const config = servers.configuration({ ...SILENT, eventStore: `esdb://127.0.0.1:${host.port}?tls=false` });
      const driver = await servers.start(config);
      await eventually(driver, {
        body: {
          ...NOT_READY,
          eventStore: {
            reachable: false,
            reason: expect.stringMatching(/^(no answer|reading the head: no connection) within/),
          },
        },
      });
      expect(await ask(driver, config, ['auditor', 'GET', '/plans'])).toMatchObject(UNAVAILABLE);
      // The background calls time out later, and their reason is then reported.
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

whereItCanBeKilled(`an unreachable broker (${kafka?.name ?? missing})`, () => {
  it('is awaited at the start and later while facts are recorded; nothing is lost', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    await kill?.();
    const config = servers.configuration({ ...SILENT, kafka: { brokers: kafka?.brokers ?? [] } });
    const driver = await servers.start(config);
    await eventually(driver, {
      body: {
        ...NOT_READY,
        detail: expect.stringContaining('the broker cannot be reached: '),
        eventStore: REACHABLE,
        broker: { reachable: false, reason: expect.any(String) },
        database: REACHABLE,
      },
    });
    await untilReady(driver, 503, ['commission-earn', 'rewards-commissions-consumer']);
    await prepare(driver);
    await driver.import(ndjson(FACTS.slice(0, 20)));
    await eventually(driver, {
      body: {
        broker: { reachable: false, reason: expect.stringContaining(`ECONNREFUSED ${kafka?.brokers[0]}`) },
      },
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
    await eventually(driver, { body: { status: 'ready', failing: [] } });
  });
});

const databases = new TestDatabases();
const postgres = await databases.postgres();
afterAll(() => databases.end());

(postgres.isOwn ? describe : describe.skip)('an unreachable database', () => {
  it('is awaited at the start and later while facts are recorded; nothing is lost', async () => {
    const expected = await embeddedStatements(servers, FACTS);
    const database = await postgres.database();
    await postgres.outage.begin();
    const config = servers.configuration({ ...SILENT, database });
    const driver = await servers.start(config);
    const unreachable = {
      ...NOT_READY,
      detail: expect.stringContaining('the database cannot be reached: '),
      eventStore: REACHABLE,
      broker: REACHABLE,
      database: { reachable: false, reason: expect.stringContaining('ECONNREFUSED') },
    };
    await eventually(driver, { body: unreachable });
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
    expect((await untilReady(driver, 503)).body).toMatchObject(unreachable);
    expect(await driver.import(ndjson(FACTS))).toMatchObject({ type: 'result', refused: 0 });
    await postgres.outage.end();
    await untilReady(driver, 200);
    expect(await statementsOf(driver, [])).toBe(expected);
    await eventually(driver, { body: { status: 'ready', failing: [] } });
  });
});
