/**
 * Faults of five processes on a real Kafka: each history results in the bytes of the embedded run, nothing lost or
 * doubled.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import { TOPICS } from '@tantieme/contracts/topics';
import { CREDITS_TOPIC } from '@tantieme/commission-calculation/credit/credit.events-out';
import { TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { produceOutside, type ForeignMessage } from '@tantieme/messaging/kafka/testing/foreign-client.fixture';
import type { KafkaServer } from '@tantieme/messaging/kafka/testing/kafka-server';
import { consume } from '@tantieme/messaging/contract-suite';
import { storedPayouts } from './stored-topic.fixture.js';
import {
  parkedItems,
  publishedPayouts,
  assertDuplicatesAreIdentical,
  messageCount,
  createDistributedSystem,
  verificationDifferences,
  kafkaForTests,
  factMessage,
  produceFacts,
  distinctContents,
  type DistributedSystem,
} from './distributed.fixture.js';
import type { Driver, Step } from '../driver.js';
import { SERVICE_NAMES, type ServiceEnvironment } from './service-processes.js';
import { ALL_TOPICS } from '../topics.js';
import { CALENDAR, history, MONTHS, ndjson, prepare, randomOf, shuffled, TestServers } from './end-to-end.fixture.js';

/** Processes start again and again, possibly on a busy machine. */
jest.setTimeout(600_000);

const FACTS = history(60);

/** Longest run of a service before it is killed: sometimes it has not received its partitions yet. */
const KILL_AFTER_MS_MAX = 3000;
const IDLE_MS = 1500;

const kafka = await kafkaForTests();
const databases = new TestDatabases();
afterAll(async () => {
  await kafka?.stop();
  await databases.end();
});

interface Outcome {
  /** Canonical statements, NDJSON. */
  readonly statements: string;
  /** The distinct messages on `payouts`. */
  readonly payouts: readonly string[];
}

/** Closes and approves the quarter; every step can be repeated. */
async function closeQuarter(driver: Driver, step: Step = (work) => work(), force?: string): Promise<void> {
  for (const period of MONTHS) {
    await driver.close(CALENDAR, period, { step, ...(force === undefined ? {} : { force }) });
    await step(() =>
      driver.text('approver', 'POST', '/statements/approve', JSON.stringify({ calendar: CALENDAR, period })),
    );
    await step(() => driver.awaitIdle());
  }
}

async function statements(driver: Driver): Promise<string> {
  return (await Promise.all(MONTHS.map((period) => driver.statements(CALENDAR, period)))).join('');
}

async function embeddedOutcome(): Promise<Outcome> {
  const servers = new TestServers();
  const config = servers.configuration();
  const driver = await servers.start(config);
  await prepare(driver);
  await driver.import(ndjson(FACTS));
  await driver.awaitIdle();
  await closeQuarter(driver);
  const all = await statements(driver);
  await servers.stop();
  const payouts = distinctContents(await storedPayouts(config.dataDirectory));
  await servers.end();
  return { statements: all, payouts };
}

/** The topics of each consumer. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  'deal-ingestion-inbound': [TOPICS.dealsInbound],
  'commission-reference': [TOPICS.partners, TOPICS.referencesInbound],
  'commission-credit': [TOPICS.deals],
  'commission-earn': [CREDITS_TOPIC],
  'rewards-commissions-consumer': [TOPICS.commissions],
  'rewards-partners-consumer': [TOPICS.partners],
  'payouts-consumer': [TOPICS.commissions, TOPICS.rewards, TOPICS.paymentsInbound],
};

const POISON: readonly Omit<ForeignMessage, 'topic'>[] = [
  { key: null, value: null },
  { key: 'crm|D-1', value: 'no JSON' },
  { key: 'crm|D-1', value: '{"specversion":"1.0"}' },
  {
    key: 'crm|D-1',
    value: JSON.stringify({ specversion: '1.0', type: 'tantieme.deal-fact.v1', id: 'x', source: '/crm', data: {} }),
  },
  { key: 'crm|D-1', value: JSON.stringify({ specversion: '1.0', type: 'com.example.other', id: 'x', source: '/crm' }) },
];

/** Sends facts two at a time, and retries while the broker is down. */
async function sendSlowly(world: DistributedSystem, facts: readonly DealFact[], pauseMs: number): Promise<void> {
  for (let from = 0; from < facts.length; from += 2) {
    const messages = facts.slice(from, from + 2).map(factMessage);
    while (
      !(await world.broker.publish(TOPICS.dealsInbound, messages).then(
        () => true,
        () => false,
      ))
    )
      await pause(200);
    await pause(pauseMs);
  }
}

/** Repeats it while a service is down. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await work();
    } catch (error) {
      // What fetch throws without an answer or with a broken one. By name: its class belongs to another realm.
      if (!String(error).startsWith('TypeError')) throw error;
      await pause(100);
    }
}

/** Kills and restarts every service `times` times, at moments fixed by the seed. */
async function killTimes(
  world: DistributedSystem,
  times: number,
  seed: number,
  killed: { count: number },
): Promise<void> {
  await Promise.all(
    SERVICE_NAMES.map(async (name, index) => {
      const random = randomOf(seed * 100 + index);
      const service = world.services.get(name);
      for (let kill = 0; kill < times; kill += 1) {
        // Every fourth time during its start.
        if (kill % 4 !== 3) await service.untilListening();
        await pause(random() * KILL_AFTER_MS_MAX);
        await service.kill();
        killed.count += 1;
        service.start();
      }
      await service.untilListening();
    }),
  );
}

/** Waits until no topic gets new messages. */
async function awaitQuietTopics({ broker }: DistributedSystem): Promise<void> {
  const count = async (): Promise<number> =>
    (await Promise.all(ALL_TOPICS.map((topic) => messageCount(broker, topic)))).reduce((sum, one) => sum + one, 0);
  for (let before = -1, now = await count(); before !== now; now = await count()) {
    before = now;
    await pause(IDLE_MS);
  }
}

function faults(kafka: KafkaServer): void {
  let expected: Outcome;
  let world: DistributedSystem;
  beforeAll(async () => {
    expected = await embeddedOutcome();
    expect(expected.statements.trim().split('\n').length).toBeGreaterThan(9);
    expect(expected.payouts.length).toBeGreaterThan(20);
  });
  afterEach(() => world.end());

  async function begin(more: ServiceEnvironment = {}): Promise<void> {
    world = await createDistributedSystem(kafka, more);
    await world.services.start();
    await prepare(world.driver);
    await world.driver.awaitIdle();
  }

  async function expectSameBytes(): Promise<void> {
    expect(await statements(world.driver)).toBe(expected.statements);
    expect(await publishedPayouts(world)).toEqual(expected.payouts);
    await assertDuplicatesAreIdentical(world);
    expect(await world.services.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    expect(await verificationDifferences(world)).toBe(0);
  }

  it('killed again and again', async () => {
    await begin();
    const killed = { count: 0 };
    const sending = sendSlowly(world, shuffled(FACTS, 1, 10), 400);
    await killTimes(world, 4, 1, killed);
    await sending;
    await world.driver.awaitIdle();
    const closing = closeQuarter(world.driver, persistently);
    await killTimes(world, 2, 2, killed);
    await closing;
    expect(killed.count).toBe(30);
    await expectSameBytes();
  });

  const { kill, start } = kafka;
  (kill && start ? it : it.skip)('with a broker that is killed and restarted twice', async () => {
    await begin();
    const sending = sendSlowly(world, shuffled(FACTS, 3), 100);
    await pause(500);
    await kill?.();
    await pause(1500);
    await start?.();
    await sending;
    await world.driver.awaitIdle();
    const closing = closeQuarter(world.driver);
    await pause(300);
    await kill?.();
    await start?.();
    await closing;
    await expectSameBytes();
  });

  it('with invalid messages on every topic', async () => {
    await begin();
    const half = FACTS.length / 2;
    const mixed = shuffled(FACTS, 4);
    await produceFacts(world, mixed.slice(0, half));
    const poison = ALL_TOPICS.flatMap((topic) => POISON.map((one) => ({ topic: world.prefix + topic, ...one })));
    await produceOutside(kafka.brokers, poison);
    await produceFacts(world, mixed.slice(half));
    await world.driver.awaitIdle();
    await expect(closeQuarter(world.driver)).rejects.toThrow('ItemsParked');
    await closeQuarter(world.driver, undefined, 'the parked messages are no deals');
    const parked = await parkedItems(world);
    for (const [process, topics] of Object.entries(READERS))
      for (const topic of topics) {
        const items = parked.filter((item) => item.process === process && item.topic === topic);
        expect(items.map(({ message }) => message?.value).sort()).toEqual(
          POISON.map(({ value }) => value ?? '').sort(),
        );
        for (const { reason, origin } of items) {
          expect(reason).toMatch(/./);
          expect(origin).toMatchObject({ topic });
        }
      }
    expect(await statements(world.driver)).toBe(expected.statements);
    expect(await world.services.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    expect(await verificationDifferences(world)).toBe(0);
  });

  it('with every message twice', async () => {
    await begin();
    let repeated = 0;
    const repeating = await consume(world.broker, {
      group: 'repeating',
      topics: ALL_TOPICS,
      batchSize: 20,
      handle: async (batch) => {
        const again = batch.filter(({ headers }) => headers?.['again'] === undefined);
        repeated += again.length;
        await world.broker.publish(
          batch[0]?.topic ?? '',
          again.map(({ key, value, headers }) => ({ key, value, headers: { ...headers, again: 'yes' } })),
        );
      },
    });
    await produceFacts(world, shuffled(FACTS, 5, 1));
    await world.driver.awaitIdle();
    await closeQuarter(world.driver);
    expect(repeated).toBeGreaterThan(FACTS.length);
    await repeating.stop();
    await world.driver.awaitIdle();
    await expectSameBytes();
  });

  it('with two replicas each, which start, stop and are killed', async () => {
    await begin({ TANTIEME_DATABASE: await databases.fresh('postgres') });
    const { services, driver } = world;
    const replicas = world.replicas();
    const sending = sendSlowly(world, shuffled(FACTS, 7, 10), 300);
    await replicas.start();
    await pause(1000);
    await services.kill();
    await services.start();
    await pause(1000);
    expect(await replicas.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    await sending;
    await replicas.start();
    await driver.awaitIdle();
    const closing = closeQuarter(driver);
    await pause(1000);
    await replicas.kill();
    await replicas.start();
    await closing;
    expect(await replicas.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    await driver.awaitIdle();
    await expectSameBytes();
  });

  it.each(['commission-calculation', 'payouts'] as const)(
    'with %s stopped during the whole import, and started afterwards',
    async (name) => {
      await begin();
      const service = world.services.get(name);
      expect(await service.stop()).toBe(0);
      await produceFacts(world, shuffled(FACTS, 6, 10));
      await awaitQuietTopics(world);
      service.start();
      await service.untilListening();
      await world.driver.awaitIdle();
      await closeQuarter(world.driver);
      await expectSameBytes();
    },
  );
}

if (kafka) describe(`five processes on ${kafka.name}`, () => faults(kafka));
else describe.skip('five processes', () => it('need a Kafka', () => undefined));
