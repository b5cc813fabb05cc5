/**
 * The Kafka adapter, on kafkajs. Topics, partitions, groups and positions are those of Kafka. Publishing is idempotent
 * and acknowledged by all replicas. Only this folder imports kafkajs (ADR 9).
 */
import type { Cluster } from 'kafkajs';
import type { Broker, Message, OutgoingMessage, Positions, SubscribeOptions, Subscription } from '../broker.js';
import { assignByTopic } from './assigner.js';
import { Connection, newKafka, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';
import { KafkaProducer } from './producer.js';
import { KafkaSubscription } from './subscription.js';
import { KafkaTopics } from './topics.js';
import { fromWire } from './wire.js';

const READ_WAIT_MS = 200;
/** `read_committed`: a fetch ends before an open transaction. */
const READ_COMMITTED = 1;

/** Connects on first use, and again as needed. @throws if a file of the TLS options cannot be read. */
export function openKafkaBroker(options: KafkaOptions): Broker {
  // Reads the TLS files now: a wrong path is a configuration error that must not wait for the first message.
  newKafka(options);
  return new KafkaBroker(options);
}

class KafkaBroker implements Broker {
  private readonly prefix: string;
  private readonly admin = new Connection(() => newKafka(this.options).admin({ retry: RETRY }));
  private readonly cluster = new Connection(() => openCluster(this.options));
  private readonly producer: KafkaProducer;
  private readonly topics: KafkaTopics;
  private readonly members = new Set<KafkaSubscription>();
  private closed = false;

  constructor(private readonly options: KafkaOptions) {
    this.prefix = options.prefix ?? '';
    this.producer = new KafkaProducer(options);
    this.topics = new KafkaTopics(options, this.admin);
  }

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.closed) throw new Error('the broker is closed');
    if (messages.length === 0) return;
    await this.topics.ensure(this.prefix + topic);
    await this.producer.publish(this.prefix + topic, messages);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.closed) throw new Error('the broker is closed');
    for (const topic of options.topics) await this.topics.ensure(this.prefix + topic);
    const member = new KafkaSubscription(this.options, options, () => this.members.delete(member));
    this.members.add(member);
    try {
      await member.join();
    } catch (error) {
      await member.close();
      throw error;
    }
    return member;
  }

  async endPositions(topic: string): Promise<Positions> {
    const positions = await this.watermarks(topic);
    return new Map([...positions].map(([partition, { high }]) => [partition, high]));
  }

  async committedPositions(group: string, topic: string): Promise<Positions> {
    const wire = this.prefix + topic;
    if ((await this.topics.partitionsOf(wire)) === undefined) return new Map();
    const offsets = await this.admin.use((admin) =>
      admin.fetchOffsets({ groupId: this.prefix + group, topics: [wire] }),
    );
    const partitions = offsets.find((one) => one.topic === wire)?.partitions ?? [];
    const committed = new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    // A new group starts at the oldest message that retention has left, so it counts as committed up to there.
    if ([...committed.values()].some((offset) => offset < 0n))
      for (const [partition, { low }] of await this.watermarks(topic))
        if ((committed.get(partition) ?? -1n) < 0n) committed.set(partition, low);
    return committed;
  }

  async read(
    topic: string,
    { partition, from, limit }: { readonly partition: number; readonly from: bigint; readonly limit: number },
  ): Promise<readonly Message[]> {
    const watermark = (await this.watermarks(topic)).get(partition);
    if (watermark === undefined) return [];
    const messages: Message[] = [];
    let next = from > watermark.low ? from : watermark.low;
    while (next < watermark.high && messages.length < limit) {
      const fetched = await this.cluster.use((cluster) => fetch(cluster, this.prefix + topic, partition, next));
      const last = fetched.at(-1);
      if (!last) break;
      for (const record of fetched)
        if (!record.isControlRecord && BigInt(record.offset) >= next) messages.push(fromWire(topic, partition, record));
      next = BigInt(last.offset) + 1n;
    }
    return messages.slice(0, limit);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.members].map((member) => member.close()));
    this.members.clear();
    await Promise.all([this.producer.close(), this.admin.close(), this.cluster.close()]);
  }

  private async watermarks(
    topic: string,
  ): Promise<ReadonlyMap<number, { readonly low: bigint; readonly high: bigint }>> {
    const wire = this.prefix + topic;
    if ((await this.topics.partitionsOf(wire)) === undefined) return new Map();
    const offsets = await this.admin.use((admin) => admin.fetchTopicOffsets(wire));
    return new Map(offsets.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
  }
}

/** A record of a partition, which kafkajs returns but does not type. */
type FetchedRecord = Parameters<typeof fromWire>[2] & { readonly isControlRecord?: boolean };

interface FetchResponse {
  readonly responses: readonly {
    readonly partitions: readonly { readonly messages?: readonly FetchedRecord[] }[];
  }[];
}

/** The cluster object that kafkajs passes to an assigner: it can read a partition without a group. */
function openCluster(options: KafkaOptions): Cluster {
  const lent: Cluster[] = [];
  newKafka(options).consumer({
    groupId: 'none',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (config) => {
        lent.push(config.cluster);
        return assignByTopic(config);
      },
    ],
  });
  const [cluster] = lent;
  if (!cluster) throw new Error('kafkajs did not call the assigner');
  return cluster;
}

/** Records of a partition from `from` on, and earlier ones of the same record batch. */
async function fetch(
  cluster: Cluster,
  topic: string,
  partition: number,
  from: bigint,
): Promise<readonly FetchedRecord[]> {
  await cluster.addMultipleTargetTopics([topic]);
  await cluster.refreshMetadata();
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
  if (nodeId === undefined) throw new Error(`${topic}/${partition} has no leader`);
  const broker = await cluster.findBroker({ nodeId });
  const { responses } = (await broker.fetch({
    maxWaitTime: READ_WAIT_MS,
    isolationLevel: READ_COMMITTED,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(from), maxBytes: 1024 * 1024 }] }],
  })) as FetchResponse;
  return responses[0]?.partitions[0]?.messages ?? [];
}
