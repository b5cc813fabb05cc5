/**
 * The Kafka adapter, on kafkajs. Topics, partitions, groups and positions are those of Kafka. Publishing is idempotent
 * and acknowledged by all replicas. Only this folder imports kafkajs (ADR 9).
 */
import type { Broker, OutgoingMessage, Positions, SubscribeOptions, Subscription } from '../broker.js';
import { Connection, newKafka, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';
import { KafkaProducer } from './producer.js';
import { KafkaSubscription } from './subscription.js';
import { KafkaTopics } from './topics.js';

/** Connects on first use, and again as needed. @throws if a file of the TLS options cannot be read. */
export function openKafkaBroker(options: KafkaOptions): Broker {
  // Reads the TLS files now: a wrong path is a configuration error that must not wait for the first message.
  newKafka(options);
  return new KafkaBroker(options);
}

class KafkaBroker implements Broker {
  private readonly prefix: string;
  private readonly admin = new Connection(() => newKafka(this.options).admin({ retry: RETRY }));
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

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.members].map((member) => member.close()));
    this.members.clear();
    await Promise.all([this.producer.close(), this.admin.close()]);
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
