/** The five services as processes of their own over a real Kafka, with a history that comes from outside. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { decode, encode, type EnvelopeAttributes } from '@tantieme/contracts/envelope';
import type { DealFact } from '@tantieme/contracts/deal';
import { TOPICS } from '@tantieme/contracts/topics';
import { freshNamespace } from '@tantieme/event-store/esdb/target.fixture';
import type { Broker, OutgoingMessage } from '@tantieme/messaging/broker';
import { findForeignClient, produceOutside } from '@tantieme/messaging/kafka/testing/foreign-client.fixture';
import { openKafkaBroker } from '@tantieme/messaging/kafka/broker';
import { startKafkaServer, type KafkaServer } from '@tantieme/messaging/kafka/testing/kafka-server';
import { createKafkaTopics } from '@tantieme/messaging/kafka/topics';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { Driver } from '../driver.js';
import { ServiceProcesses, type ServiceEnvironment } from '../service-processes.js';
import { ALL_TOPICS } from '../topics.js';
import { temporaryDirectory, verifyStore } from './end-to-end.fixture.js';

/** After so long the group goes on without a member that was killed. */
const SESSION_MS = 1500;

/** Spares a service that is started again the compiling of what it loads. */
const COMPILE_CACHE = join(import.meta.dirname, '../../../node_modules/.cache/tantieme-compile');

export interface World {
  readonly kafka: KafkaServer;
  /** Before the names of its topics. */
  readonly prefix: string;
  readonly environment: ServiceEnvironment;
  readonly services: ServiceProcesses;
  /** Another process of each service, on the same stores; not started either. */
  replicas(): ServiceProcesses;
  readonly driver: Driver;
  /** Looks at the topics from outside. */
  readonly broker: Broker;
  /** Ends all processes, deletes what they stored. */
  end(): Promise<void>;
}

/** Topics of its own on the given Kafka; nothing is started yet. */
export async function createWorld(kafka: KafkaServer, more: ServiceEnvironment = {}): Promise<World> {
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
    driver: new Driver(services, directory.path),
    broker,
    end: async () => {
      await Promise.all(all.map((one) => one.kill()));
      await broker.close();
      directory.remove();
    },
  };
}

/** The server that `TANTIEME_TEST_ESDB_URL` names, else the embedded store in a file that the five share. */
function eventStore(): ServiceEnvironment {
  const url = process.env['TANTIEME_TEST_ESDB_URL'];
  if (url === undefined || url === '') return {};
  return { TANTIEME_EVENT_STORE: url, TANTIEME_EVENT_STORE_NAMESPACE: freshNamespace() };
}

/** A fact as an internal service would send it: CloudEvents, keyed by the deal. */
export function messageOf(fact: DealFact): OutgoingMessage {
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

/** Sends facts from a process outside. */
export async function produce({ kafka, prefix }: World, facts: readonly DealFact[]): Promise<void> {
  const topic = prefix + TOPICS.dealsInbound;
  await produceOutside(
    kafka.brokers,
    facts.map((fact) => ({ topic, ...messageOf(fact) })),
  );
}

/**
 * What finance gets to know from `payouts`, read by a client that is not ours: type and data of each message, in order of text, each once.
 * @throws where two messages of one id differ.
 */
export async function announced({ kafka, prefix, broker }: World): Promise<readonly string[]> {
  const client = await findForeignClient();
  if (client === undefined) throw new Error('there is no Kafka client but ours');
  return toldBy(await client.read(kafka.brokers, prefix + TOPICS.payouts, await countOf(broker, TOPICS.payouts)));
}

/** As {@link announced}, of messages. */
export function toldBy(messages: readonly OutgoingMessage[]): readonly string[] {
  const byId = new Map<string, string>();
  for (const { value } of messages) {
    const { id } = decode(value);
    if ((byId.get(id) ?? value) !== value) throw new Error(`two messages have the id ${id} and are not the same`);
    byId.set(id, value);
  }
  return [...byId.values()]
    .map((value) => {
      const { type, data } = decode(value);
      return JSON.stringify({ type, data });
    })
    .sort();
}

export async function countOf(broker: Broker, topic: string): Promise<number> {
  return Number([...(await broker.endPositions(topic)).values()].reduce((sum, end) => sum + end, 0n));
}

/** Every message of a topic. */
export async function messagesOf(broker: Broker, topic: string): Promise<readonly OutgoingMessage[]> {
  const messages: OutgoingMessage[] = [];
  for (const [partition, end] of await broker.endPositions(topic))
    messages.push(...(await broker.read(topic, { partition, from: 0n, limit: Number(end) })));
  return messages;
}

/** What is published for others: of all messages with one id the content is the same. @throws where it is not */
export async function assertOneContentAnId({ broker }: World): Promise<void> {
  for (const topic of [TOPICS.deals, TOPICS.partners, TOPICS.commissions, TOPICS.rewards, TOPICS.payouts])
    toldBy(await messagesOf(broker, topic));
}

/** Verifies the event store. @returns how many differences there are */
export async function differencesIn({ environment }: World): Promise<number> {
  return (await verifyStore(loadConfig(environment))).differenceCount;
}

/** A real Kafka, or the reason why there is none. */
export async function kafkaForTests(): Promise<KafkaServer | undefined> {
  const { server, missing } = { missing: '', ...(await startKafkaServer()) };
  if (server === undefined) process.stderr.write(`${missing}: what needs it is skipped\n`);
  return server;
}
