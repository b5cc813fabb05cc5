import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encode } from '@tantieme/contracts/envelope';
import { ConfigResourceTypes } from 'kafkajs';
import { hasReached, type Broker, type Message } from '../broker.js';
import { brokerContract, consume, type ConsumeOptions, type Consumer } from '../contract-suite.js';
import { newKafka } from './client.js';
import { findForeignClient, produceOutside } from './testing/foreign-client.fixture.js';
import type { KafkaLogLevel, KafkaOptions } from './options.js';
import { openKafkaBroker } from './broker.js';
import { startKafkaServer, type KafkaServer } from './testing/kafka-server.js';
import { readTopic } from '../testing/read-topic.js';
import { createKafkaTopics } from './topics.js';

const PAYOUT = {
  id: 'payout-1',
  statement: 'P1|EUR|monthly@Europe/Paris|2026-03',
  payee: 'P1',
  currency: 'EUR',
  period: '2026-03',
  amount: '4.00',
  approvedBy: 'finance@example.com',
};

/** A group member in another process, on the built adapter. It prints a line before and after handling each batch. */
const MEMBER = `
  import { setTimeout as pause } from 'node:timers/promises';
  import { openKafkaBroker } from ${JSON.stringify(new URL('../../dist/kafka/broker.js', import.meta.url).href)};
  const broker = openKafkaBroker(JSON.parse(process.argv[1]));
  const member = await broker.subscribe({
    group: 'readers', topics: ['sales'], batchSize: 1, onAssigned: () => console.log('assigned'),
  });
  for (const { signal } = new AbortController(); ;) {
    const batch = await member.next(signal);
    const [{ value }] = batch.messages;
    console.log('handling ' + value);
    await pause(500);
    console.log('stored ' + value);
    await member.commit(batch).catch(() => console.log('not committed ' + value));
  }
`;

function startMember(options: KafkaOptions): { readonly child: ChildProcess; readonly output: string[] } {
  const args = ['--input-type=module', '-e', MEMBER, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const output: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => output.push(line));
  return { child, output };
}

function kafkaCases(server: KafkaServer): void {
  let options: KafkaOptions;
  let broker: Broker;
  let seen: Message[];
  beforeEach(() => {
    options = { brokers: server.brokers, prefix: `${randomUUID()}.`, sessionMs: 1500 };
    broker = openKafkaBroker(options);
    seen = [];
  });
  afterEach(() => broker.close());

  const collect = (more: Partial<ConsumeOptions> = {}): Promise<Consumer> =>
    consume(broker, {
      group: 'readers',
      topics: ['sales'],
      batchSize: 10,
      handle: async (batch) => {
        seen.push(...batch);
      },
      ...more,
    });
  const keyed = (count: number, from = 0): { key: string; value: string }[] =>
    Array.from({ length: count }, (_, index) => ({ key: `k${(from + index) % 7}`, value: `v${from + index}` }));
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 4000; tries += 1) {
      if (await holds()) return;
      await pause(10);
    }
    throw new Error('the condition did not become true in time');
  };
  const hasCommittedAll = async (group = 'readers'): Promise<boolean> =>
    hasReached(await broker.committedPositions(group, 'sales'), await broker.endPositions('sales'));

  describe('CloudEvents', () => {
    const envelope = encode(
      'payout-due',
      {
        id: 'e-1',
        time: '2026-03-01T00:00:00Z',
        source: '/payouts',
        subject: 'P1',
        key: 'P1',
        correlationId: 'c-1',
        actor: 'test',
      },
      PAYOUT,
    );

    it('are sent in structured mode, byte for byte', async () => {
      await broker.publish('payouts', [{ key: 'P1', value: envelope, headers: { trace: 'x' } }]);
      await broker.publish('payouts', [{ key: 'P1', value: 'no event' }]);
      expect((await readTopic(broker, 'payouts')).map(({ value, headers }) => ({ value, headers }))).toEqual([
        { value: envelope, headers: { trace: 'x', 'content-type': 'application/cloudevents+json; charset=UTF-8' } },
        { value: 'no event', headers: undefined },
      ]);
    });

    it('sent in binary mode are received as envelopes', async () => {
      await createKafkaTopics(options, ['payouts']);
      const producer = newKafka(options).producer();
      await producer.connect();
      await producer.send({
        topic: `${options.prefix}payouts`,
        messages: [
          {
            key: 'P1',
            value: JSON.stringify(PAYOUT),
            headers: { ce_specversion: '1.0', ce_type: 'tantieme.payout-due.v1', ce_id: 'e-1', ce_source: '/erp' },
          },
        ],
      });
      await producer.disconnect();
      await collect({ topics: ['payouts'] });
      await until(() => seen.length === 1);
      expect(JSON.parse(seen[0]?.value ?? '')).toEqual({
        specversion: '1.0',
        type: 'tantieme.payout-due.v1',
        id: 'e-1',
        source: '/erp',
        partitionkey: 'P1',
        data: PAYOUT,
      });
    });

    (foreign ? it : it.skip)(`are read by ${foreign?.name ?? 'an independent client'}`, async () => {
      await broker.publish('payouts', [{ key: 'P1', value: envelope }]);
      expect(await foreign?.read(server.brokers, `${options.prefix}payouts`, 1)).toEqual([
        { key: 'P1', value: envelope, headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' } },
      ]);
    });

    it('from another process are received unchanged', async () => {
      await createKafkaTopics(options, ['payouts']);
      await produceOutside(server.brokers, [{ topic: `${options.prefix}payouts`, key: 'P1', value: envelope }]);
      expect((await readTopic(broker, 'payouts')).map(({ key, value }) => ({ key, value }))).toEqual([
        { key: 'P1', value: envelope },
      ]);
    });
  });

  describe('topics', () => {
    it('are created with the given partitions and retention, and unchanged if they exist', async () => {
      const given = { ...options, partitions: 3, retentionDays: 5 };
      expect(await createKafkaTopics(given, ['sales', 'partners'])).toEqual([
        { topic: 'sales', partitions: 3, created: true },
        { topic: 'partners', partitions: 3, created: true },
      ]);
      expect(await createKafkaTopics({ ...given, partitions: 6 }, ['sales'])).toEqual([
        { topic: 'sales', partitions: 3, created: false },
      ]);
      expect(await retentionMs('sales')).toBe(String(5 * 24 * 3600 * 1000));
    });

    it('cause an error with name and reason if they cannot be created', async () => {
      const made = createKafkaTopics({ ...options, replication: 3 }, ['sales']);
      await expect(made).rejects.toThrow(/the topic .*sales cannot be created: .*replica/i);
    });

    const retentionMs = async (topic: string): Promise<string | undefined> => {
      const admin = newKafka(options).admin();
      await admin.connect();
      const query = { type: ConfigResourceTypes.TOPIC, name: options.prefix + topic, configNames: ['retention.ms'] };
      const { resources } = await admin.describeConfigs({ resources: [query], includeSynonyms: false });
      await admin.disconnect();
      return resources[0]?.configEntries[0]?.configValue;
    };
  });

  it('counts deleted messages as committed for a new group', async () => {
    await broker.publish('sales', keyed(20));
    const ends = await broker.endPositions('sales');
    const admin = newKafka(options).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(`${options.prefix}sales`);
    const partitions = [...ends].filter(([, end]) => end > 0n).map(([partition]) => ({ partition, offset: '-1' }));
    await admin.deleteTopicRecords({ topic: `${options.prefix}sales`, partitions });
    await admin.disconnect();
    expect(await broker.committedPositions('newcomers', 'sales')).toEqual(ends);
    expect(await readTopic(broker, 'sales')).toEqual([]);
  });

  it('reaches the end of a topic that ends with a transaction marker', async () => {
    await createKafkaTopics(options, ['sales']);
    await collect();
    const producer = newKafka(options).producer({
      transactionalId: randomUUID(),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    for (const end of ['commit', 'abort', 'abort'] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: `${options.prefix}sales`, messages: keyed(3) });
      await transaction[end]();
    }
    await producer.disconnect();
    await until(hasCommittedAll);
    expect(seen).toHaveLength(3);
  });

  it('keeps its partitions while a batch takes longer than the session timeout', async () => {
    await broker.publish('sales', keyed(1));
    await collect({
      handle: async (batch) => {
        await pause(3000);
        seen.push(...batch);
      },
    });
    await until(hasCommittedAll);
    expect(seen).toHaveLength(1);
  });

  it('does not let a frozen member revert the commits of another', async () => {
    await createKafkaTopics({ ...options, partitions: 1 }, ['sales']);
    await broker.publish('sales', keyed(10));
    const { child, output } = startMember(options);
    try {
      await until(() => output.includes('handling v0'));
      child.kill('SIGSTOP');
      await collect();
      await until(() => seen.length === 10);
      await until(hasCommittedAll);
      child.kill('SIGCONT');
      await until(() => output.filter((line) => line === 'assigned').length === 2);
      expect(output).toContain('stored v0');
      expect(output).not.toContain('handling v1');
      expect(await hasCommittedAll()).toBe(true);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(seen.map(({ value }) => value)).toEqual(keyed(10).map(({ value }) => value));
  });

  it('takes over the current batch of a killed member', async () => {
    await broker.publish('sales', keyed(10));
    const { child, output } = startMember(options);
    await until(() => output.some((line) => line.startsWith('handling')));
    child.kill('SIGKILL');
    await collect();
    await until(hasCommittedAll);
    const stored = output.filter((line) => line.startsWith('stored')).length;
    expect(seen.length).toBeGreaterThanOrEqual(10 - stored);
  });

  const { kill, start } = server;
  (kill && start ? it : it.skip)(
    'reports that the broker is unreachable, and recovers by itself with nothing lost or out of order',
    async () => {
      const outages: unknown[] = [];
      let assigned = 0;
      await collect({
        onError: (error) => outages.push(error),
        onAssigned: () => {
          assigned += 1;
        },
      });
      const publishing = (async () => {
        for (let from = 0; from < 300; from += 3) await publishForSure(keyed(3, from));
      })();
      await until(() => seen.length > 50);
      await kill?.();
      await until(() => outages.length > 0);
      await expect(broker.publish('sales', keyed(1))).rejects.toThrow('ECONNREFUSED');
      await expect(collect({ group: 'others' })).rejects.toThrow('ECONNREFUSED');
      const before = assigned;
      await start?.();
      await publishing;
      await until(() => assigned > before);
      await until(hasCommittedAll);
      for (let key = 0; key < 7; key += 1) {
        const numbers = seen.filter((message) => message.key === `k${key}`).map(({ value }) => Number(value.slice(1)));
        // The first delivery of each message is in order.
        expect([...new Set(numbers)]).toEqual(Array.from({ length: 300 }, (_, n) => n).filter((n) => n % 7 === key));
      }
    },
    // A broker restarts slowly on a busy machine.
    120_000,
  );

  const publishForSure = async (messages: readonly { key: string; value: string }[]): Promise<void> => {
    for (;;)
      try {
        await pause(10);
        return await broker.publish('sales', messages);
      } catch {
        await pause(100);
      }
  };

  const { secured } = server;
  describe('TLS and SASL', () => {
    const ends = async (more: Partial<KafkaOptions>): Promise<number> => {
      const other = openKafkaBroker({ ...options, brokers: secured?.brokers ?? [], ...more });
      try {
        await other.publish('sales', keyed(7));
        return (await other.endPositions('sales')).size;
      } finally {
        await other.close();
      }
    };
    const { username = '', password = '', caFile = '' } = secured ?? {};
    const known = secured ? it : it.skip;

    known.each(['plain', 'scram-sha-512'] as const)('work with %s', async (mechanism) => {
      expect(await ends({ tls: { caFile }, sasl: { mechanism, username, password } })).toBe(4);
    });

    known('refuse a wrong password and an unknown certificate authority', async () => {
      const sasl = { mechanism: 'plain', username, password: 'guessed' } as const;
      await expect(ends({ tls: { caFile }, sasl })).rejects.toThrow(/authentication/i);
      await expect(ends({ tls: {}, sasl: { ...sasl, password } })).rejects.toThrow(/self-signed/);
    });

    it('name a file that cannot be read', () => {
      expect(() => openKafkaBroker({ ...options, tls: { caFile: '/nowhere/ca.pem' } })).toThrow('/nowhere/ca.pem');
    });
  });

  it('logs no warning in routine operation', async () => {
    const lines: [KafkaLogLevel, string][] = [];
    const other = openKafkaBroker({ ...options, log: (level, message) => lines.push([level, message]) });
    const join = (): Promise<Consumer> =>
      consume(other, { group: 'readers', topics: ['sales'], batchSize: 10, handle: async () => undefined });
    const first = await join();
    await join();
    await other.publish('sales', keyed(20));
    await first.stop();
    await until(hasCommittedAll);
    await other.close();
    expect(lines.filter(([level]) => level === 'warn')).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
  });
}

const foreign = await findForeignClient();
const { server, missing } = { missing: '', ...(await startKafkaServer()) };
afterAll(() => server?.stop());

if (server) {
  const { brokers, name } = server;
  brokerContract(`the Kafka adapter on ${name}`, async () => {
    // A separate prefix per test hides the topics and groups of the others.
    const prefix = `${randomUUID()}.`;
    return {
      open: async () => openKafkaBroker({ brokers, prefix, partitions: 4 }),
      destroy: async () => undefined,
    };
  });
  describe(`the Kafka adapter on ${name}`, () => kafkaCases(server));
} else describe.skip(missing, () => it('is skipped', () => undefined));
