/** The five services as separate processes on a real Kafka, with facts from outside. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { decode, encode, type EnvelopeAttributes } from '@tantieme/contracts/envelope';
import type { DealFact } from '@tantieme/contracts/deal';
import { TOPICS } from '@tantieme/contracts/topics';
import type { ParkedItem } from '@tantieme/event-sourcing/parking/parked';
import { parkedIn } from '@tantieme/event-sourcing/testing/parked.fixture';
import { freshNamespace } from '@tantieme/event-store/esdb/target.fixture';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import { findForeignClient, produceOutside } from '@tantieme/messaging/kafka/testing/foreign-client.fixture';
import { openKafkaBroker } from '@tantieme/messaging/kafka/broker';
import { startKafkaServer, type KafkaServer } from '@tantieme/messaging/kafka/testing/kafka-server';
import { createKafkaTopics } from '@tantieme/messaging/kafka/topics';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { openEventStore } from '@tantieme/service-kit/runtime/event-store';
import { Driver } from '../driver.js';
import { ServiceProcesses, type ServiceEnvironment } from './service-processes.js';
import { ALL_TOPICS } from '../topics.js';
import { temporaryDirectory, verifyStore } from './end-to-end.fixture.js';

/** After this time a consumer group continues without a killed member. */
const SESSION_MS = 1500;

/** Longer than a service takes to notice messages of others: it looks each second. */
export const SETTLE_MS = 2000;

/** Speeds up restarts: compiled code is cached here. */
const COMPILE_CACHE = join(import.meta.dirname, '../../../node_modules/.cache/tantieme-compile');

export interface DistributedSystem {
  readonly kafka: KafkaServer;
  /** Prefix of its topics. */
  readonly prefix: string;
  readonly environment: ServiceEnvironment;
  readonly services: ServiceProcesses;
  /** Another process for each service, on the same stores; not started. */
  replicas(): ServiceProcesses;
  readonly driver: Driver;
  /** Reads and writes the topics from outside. */
  readonly broker: Broker;
  /** Ends all processes and deletes their data. */
  end(): Promise<void>;
}

/** Creates a system with topics of its own on the given Kafka; starts nothing. */
export async function createDistributedSystem(
  kafka: KafkaServer,
  more: ServiceEnvironment = {},
): Promise<DistributedSystem> {
  const prefix = `${randomUUID()}.`;
  const directory = temporaryDirectory();
  const options = { brokers: kafka.brokers, prefix };
  await createKafkaTopics(options, ALL_TOPICS);
  const all: ServiceProcesses[] = [];
  const replicas = (): ServiceProcesses => {
    const made = new ServiceProcesses(() => environment);
    all.push(made);
    return made;
  };
  const environment = {
    TANTIEME_DATA: directory.path,
    TANTIEME_KAFKA: kafka.brokers.join(','),
    TANTIEME_KAFKA_PREFIX: prefix,
    TANTIEME_KAFKA_SESSION_MS: String(SESSION_MS),
    TANTIEME_LOG_LEVEL: 'error',
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    ...eventStore(),
    ...more,
  };
  const services = replicas();
  const broker = openKafkaBroker(options);
  return {
    kafka,
    prefix,
    environment,
    services,
    replicas,
    driver: new Driver(services, directory.path, SETTLE_MS),
    broker,
    end: async () => {
      await Promise.all(all.map((one) => one.kill()));
      await broker.close();
      directory.remove();
    },
  };
}

/** The server that `TANTIEME_TEST_ESDB_URL` names, else an embedded store shared by the five. */
function eventStore(): ServiceEnvironment {
  const url = process.env['TANTIEME_TEST_ESDB_URL'];
  if (url === undefined || url === '') return {};
  return { TANTIEME_EVENT_STORE: url, TANTIEME_EVENT_STORE_NAMESPACE: freshNamespace() };
}

/** A fact as an internal service sends it: a CloudEvent, keyed by the deal. */
export function factMessage(fact: DealFact): OutgoingMessage {
  const key = `${fact.source}|${fact.deal}`;
  const id = randomUUID();
  const attributes: EnvelopeAttributes = {
    id,
    time: fact.occurredAt,
    source: `/${fact.source}`,
    subject: key,
    key,
    correlationId: id,
    actor: fact.source,
  };
  return { key, value: encode('deal-fact', attributes, fact) };
}

/** Sends facts from another process. */
export async function produceFacts({ kafka, prefix }: DistributedSystem, facts: readonly DealFact[]): Promise<void> {
  const topic = prefix + TOPICS.dealsInbound;
  await produceOutside(
    kafka.brokers,
    facts.map((fact) => ({ topic, ...factMessage(fact) })),
  );
}

/**
 * The messages on `payouts`, read by a Kafka client that is not ours: type and data of each, without duplicates,
 * sorted.
 * @throws where two messages with one id differ.
 */
export async function publishedPayouts({ kafka, prefix, broker }: DistributedSystem): Promise<readonly string[]> {
  const client = await findForeignClient();
  if (client === undefined) throw new Error('no other Kafka client was found (kcat)');
  return distinctContents(
    await client.read(kafka.brokers, prefix + TOPICS.payouts, await messageCount(broker, TOPICS.payouts)),
  );
}

/** Type and data of each message, without duplicates, sorted. @throws where two messages with one id differ. */
export function distinctContents(messages: readonly OutgoingMessage[]): readonly string[] {
  const byId = new Map<string, string>();
  for (const { value } of messages) {
    const { id } = decode(value);
    if ((byId.get(id) ?? value) !== value) throw new Error(`two messages with the id ${id} differ`);
    byId.set(id, value);
  }
  return [...byId.values()]
    .map((value) => {
      const { type, data } = decode(value);
      return JSON.stringify({ type, data });
    })
    .sort();
}

export async function messageCount(broker: Broker, topic: string): Promise<number> {
  return Number([...(await broker.endPositions(topic)).values()].reduce((sum, end) => sum + end, 0n));
}

/** Checks the topics that other systems read. @throws where two messages with one id differ. */
export async function assertDuplicatesAreIdentical({ broker }: DistributedSystem): Promise<void> {
  for (const topic of [TOPICS.deals, TOPICS.partners, TOPICS.commissions, TOPICS.rewards, TOPICS.payouts])
    distinctContents(await readTopic(broker, topic));
}

/** Everything that was parked. */
export async function parkedItems({ environment }: DistributedSystem): Promise<readonly ParkedItem[]> {
  const store = await openEventStore(loadConfig(environment));
  try {
    return await parkedIn(store);
  } finally {
    await store.close();
  }
}

/** Verifies the event store. @returns the number of differences. */
export async function verificationDifferences({ environment }: DistributedSystem): Promise<number> {
  return (await verifyStore(loadConfig(environment))).differenceCount;
}

/** A real Kafka; where there is none, prints the reason and returns undefined. */
export async function kafkaForTests(): Promise<KafkaServer | undefined> {
  const { server, missing } = { missing: '', ...(await startKafkaServer()) };
  if (server === undefined) process.stderr.write(`${missing}: specs that need it are skipped\n`);
  return server;
}
