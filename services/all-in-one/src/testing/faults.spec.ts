/** Five processes over a real Kafka, and what may happen to them: each history ends in the bytes of the embedded run, nothing lost, nothing double. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DealFact } from '@tantieme/contracts/deal';
import { TOPICS } from '@tantieme/contracts/topics';
import { CREDITS_TOPIC } from '@tantieme/commission-calculation/credit/credit.events-out';
import { TestDatabases } from '@tantieme/event-sourcing/testing/databases.fixture';
import { deadLetterTopic } from '@tantieme/messaging/broker';
import { produceOutside, type ForeignMessage } from '@tantieme/messaging/kafka/testing/foreign-client.fixture';
import type { KafkaServer } from '@tantieme/messaging/kafka/testing/kafka-server';
import { openSqliteBroker } from '@tantieme/messaging/embedded/broker';
import {
  announced,
  assertOneContentAnId,
  countOf,
  createWorld,
  differencesIn,
  kafkaForTests,
  messageOf,
  messagesOf,
  produce,
  toldBy,
  type World,
} from './distributed.fixture.js';
import type { Driver } from '../driver.js';
import { SERVICE_NAMES, type ServiceEnvironment } from '../service-processes.js';
import { ALL_TOPICS } from '../topics.js';
import { CALENDAR, history, MONTHS, ndjson, prepare, randomOf, shuffled, TestServers } from './end-to-end.fixture.js';

/** Processes that start again and again, on a machine that may have much else to do. */
jest.setTimeout(600_000);

const FACTS = history(60);

/** A service works for so long at the most before it is killed: sometimes it has not yet got its partitions. */
const KILL_AFTER_MS_MAX = 3000;
const STILL_MS = 1500;

const kafka = await kafkaForTests();
const databases = new TestDatabases();
afterAll(async () => {
  await kafka?.stop();
  await databases.end();
});

interface Outcome {
  /** Canonical statements, NDJSON. */
  readonly statements: string;
  /** What was said on `payouts`. */
  readonly payouts: readonly string[];
}

/** Closes and approves the quarter; every step may be done again. */
async function settle(driver: Driver, step = <T>(work: () => Promise<T>): Promise<T> => work()): Promise<void> {
  for (const period of MONTHS) {
    await step(() => driver.close(CALENDAR, period));
    await step(() =>
      driver.text('approver', 'POST', '/statements/approve', JSON.stringify({ calendar: CALENDAR, period })),
    );
    await step(() => driver.settled());
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
  await driver.settled();
  await settle(driver);
  const all = await statements(driver);
  await servers.stop();
  const broker = openSqliteBroker(join(config.dataDirectory, 'broker.sqlite'));
  const payouts = toldBy(await messagesOf(broker, TOPICS.payouts));
  await broker.close();
  await servers.end();
  return { statements: all, payouts };
}

/** Who reads what: by consumer group. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  'deal-ingestion': [TOPICS.dealsInbound],
  'commission-reference': [TOPICS.partners, TOPICS.referencesInbound],
  'commission-credit': [TOPICS.deals],
  'commission-earn': [CREDITS_TOPIC],
  rewards: [TOPICS.commissions],
  'rewards-partners': [TOPICS.partners],
  payouts: [TOPICS.commissions, TOPICS.rewards, TOPICS.paymentsInbound],
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

/** Sends facts a few at a time, whatever happens to the broker meanwhile. */
async function sendAFewAtATime(world: World, facts: readonly DealFact[], pauseMs: number): Promise<void> {
  for (let from = 0; from < facts.length; from += 2) {
    const messages = facts.slice(from, from + 2).map(messageOf);
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

/** Does it again where a service was away. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await work();
    } catch (error) {
      // What fetch throws where nobody answers, or the answer breaks off. By name: its class is not of the test's realm.
      if (!String(error).startsWith('TypeError')) throw error;
      await pause(100);
    }
}

/** Kills every service `times` times, at moments that the seed decides, and starts it again. */
async function killTimes(world: World, times: number, seed: number, killed: { count: number }): Promise<void> {
  await Promise.all(
    SERVICE_NAMES.map(async (name, index) => {
      const random = randomOf(seed * 100 + index);
      const service = world.services.get(name);
      for (let kill = 0; kill < times; kill += 1) {
        // One in four while it starts.
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

/** Waits until nothing new is said on any topic. */
async function lyingStill({ broker }: World): Promise<void> {
  const count = async (): Promise<number> =>
    (await Promise.all(ALL_TOPICS.map((topic) => countOf(broker, topic)))).reduce((sum, one) => sum + one, 0);
  for (let before = -1, now = await count(); before !== now; now = await count()) {
    before = now;
    await pause(STILL_MS);
  }
}

function faults(kafka: KafkaServer): void {
  let expected: Outcome;
  let world: World;
  beforeAll(async () => {
    expected = await embeddedOutcome();
    expect(expected.statements.trim().split('\n').length).toBeGreaterThan(9);
    expect(expected.payouts.length).toBeGreaterThan(20);
  });
  afterEach(() => world.end());

  async function begin(more: ServiceEnvironment = {}): Promise<void> {
    world = await createWorld(kafka, more);
    await world.services.start();
    await prepare(world.driver);
    await world.driver.settled();
  }

  async function expectSameBytes(): Promise<void> {
    expect(await statements(world.driver)).toBe(expected.statements);
    expect(await announced(world)).toEqual(expected.payouts);
    await assertOneContentAnId(world);
    expect(await world.services.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    expect(await differencesIn(world)).toBe(0);
  }

  it('that are killed sixty times', async () => {
    await begin();
    const killed = { count: 0 };
    const sending = sendAFewAtATime(world, shuffled(FACTS, 1, 10), 400);
    await killTimes(world, 7, 1, killed);
    await sending;
    await world.driver.settled();
    const settling = settle(world.driver, persistently);
    await killTimes(world, 5, 2, killed);
    await settling;
    expect(killed.count).toBe(60);
    await expectSameBytes();
  });

  const { kill, start } = kafka;
  (kill && start ? it : it.skip)('whose broker is killed in the middle, twice, and starts again', async () => {
    await begin();
    const sending = sendAFewAtATime(world, shuffled(FACTS, 3), 100);
    await pause(500);
    await kill?.();
    await pause(1500);
    await start?.();
    await sending;
    await world.driver.settled();
    const settling = settle(world.driver);
    await pause(300);
    await kill?.();
    await start?.();
    await settling;
    await expectSameBytes();
  });

  it('that are sent what nobody can handle, on every topic', async () => {
    await begin();
    const half = FACTS.length / 2;
    const mixed = shuffled(FACTS, 4);
    await produce(world, mixed.slice(0, half));
    const poison = ALL_TOPICS.flatMap((topic) => POISON.map((one) => ({ topic: world.prefix + topic, ...one })));
    await produceOutside(kafka.brokers, poison);
    await produce(world, mixed.slice(half));
    await world.driver.settled();
    await settle(world.driver);
    for (const [group, topics] of Object.entries(READERS))
      for (const topic of topics) {
        const letters = await messagesOf(world.broker, deadLetterTopic(topic, group));
        expect(letters.map(({ value }) => value).sort()).toEqual(POISON.map(({ value }) => value ?? '').sort());
        for (const { headers } of letters)
          expect(headers).toMatchObject({
            group,
            reason: expect.stringMatching(/./),
            'origin-topic': topic,
            'origin-partition': expect.stringMatching(/^\d+$/),
            'origin-offset': expect.stringMatching(/^\d+$/),
          });
      }
    expect(await statements(world.driver)).toBe(expected.statements);
    expect(await world.services.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    expect(await differencesIn(world)).toBe(0);
  });

  it('that get every message twice', async () => {
    await begin();
    let repeated = 0;
    const repeating = await world.broker.consume({
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
    await produce(world, shuffled(FACTS, 5, 1));
    await world.driver.settled();
    await settle(world.driver);
    expect(repeated).toBeGreaterThan(FACTS.length);
    await repeating.stop();
    await world.driver.settled();
    await expectSameBytes();
  });

  it('of which there are two each, that come, go and are killed', async () => {
    await begin({ TANTIEME_DATABASE: await databases.fresh('postgres') });
    const { services, driver } = world;
    const replicas = world.replicas();
    const sending = sendAFewAtATime(world, shuffled(FACTS, 7, 10), 300);
    await replicas.start();
    await pause(1000);
    await services.kill();
    await services.start();
    await pause(1000);
    expect(await replicas.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    await sending;
    await replicas.start();
    await driver.settled();
    const settling = settle(driver);
    await pause(1000);
    await replicas.kill();
    await replicas.start();
    await settling;
    expect(await replicas.stop()).toEqual(SERVICE_NAMES.map(() => 0));
    await driver.settled();
    await expectSameBytes();
  });

  it.each(['commission-calculation', 'payouts'] as const)(
    'of which %s is stopped during the whole import, and started afterwards',
    async (name) => {
      await begin();
      const service = world.services.get(name);
      expect(await service.stop()).toBe(0);
      await produce(world, shuffled(FACTS, 6, 10));
      await lyingStill(world);
      service.start();
      await service.untilListening();
      await world.driver.settled();
      await settle(world.driver);
      await expectSameBytes();
    },
  );
}

if (kafka) describe(`five processes on ${kafka.name}`, () => faults(kafka));
else describe.skip('five processes', () => it('are not tried: there is no Kafka', () => undefined));
