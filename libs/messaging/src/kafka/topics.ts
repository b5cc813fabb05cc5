/**
 * Creates topics with the configured partitions and retention; Kafka's automatic creation would accept a mistyped name.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Admin, ITopicConfig, ITopicMetadata } from 'kafkajs';
import { MESSAGE_BYTES_MAX } from '../limits.js';
import { Connection, newKafka, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';

const PARTITIONS_DEFAULT = 4;
const RETENTION_DAYS_DEFAULT = 30;
/** The pause between two checks for a new topic: brokers list it only a moment after its creation. */
const POLL_MS = 50;
const POLLS_MAX = 200;

export interface TopicState {
  readonly topic: string;
  readonly partitions: number;
  /** False for an existing topic, which keeps its partitions and retention. */
  readonly created: boolean;
}

/** Creates missing topics; existing ones are unchanged. */
export async function createKafkaTopics(
  options: KafkaOptions,
  topics: readonly string[],
): Promise<readonly TopicState[]> {
  const admin = new Connection(() => newKafka(options).admin({ retry: RETRY }));
  try {
    const { prefix = '' } = options;
    const known = new KafkaTopics(options, admin);
    const states: TopicState[] = [];
    for (const topic of topics) {
      const before = await known.partitionsOf(prefix + topic);
      states.push({
        topic,
        partitions: before ?? (await known.ensure(prefix + topic)),
        created: before === undefined,
      });
    }
    return states;
  } finally {
    await admin.close();
  }
}

/** Topic names here include the prefix. */
export class KafkaTopics {
  /** Partitions of known topics. Missing topics are not cached, as they may be created at any time. */
  private readonly seen = new Map<string, number>();
  private readonly ensured = new Map<string, Promise<number>>();

  constructor(
    private readonly options: KafkaOptions,
    private readonly admin: Connection<Admin>,
  ) {}

  /** @returns undefined if the topic does not exist. */
  async partitionsOf(topic: string): Promise<number | undefined> {
    const seen = this.seen.get(topic);
    if (seen !== undefined) return seen;
    const found = await this.admin.use((admin) => metadataOf(admin, topic));
    if (found === undefined || found.partitions.length === 0) return undefined;
    this.seen.set(topic, found.partitions.length);
    return found.partitions.length;
  }

  /** Creates the topic if it is missing; waiting callers continue in order. @returns its number of partitions. */
  ensure(topic: string): Promise<number> {
    let ensured = this.ensured.get(topic);
    if (!ensured) {
      this.ensured.set(topic, (ensured = this.create(topic)));
      ensured.catch(() => this.ensured.delete(topic));
    }
    return ensured;
  }

  private async create(topic: string): Promise<number> {
    const before = await this.partitionsOf(topic);
    if (before !== undefined) return before;
    const { partitions = PARTITIONS_DEFAULT, replication, retentionDays = RETENTION_DAYS_DEFAULT } = this.options;
    const config = {
      'cleanup.policy': 'delete',
      'retention.ms': String(retentionDays * 24 * 3600 * 1000),
      'max.message.bytes': String(MESSAGE_BYTES_MAX),
      // With three replicas, one may fail and every acknowledged message is still on two brokers.
      ...(replication !== undefined && replication >= 3 ? { 'min.insync.replicas': '2' } : {}),
    };
    const entry: ITopicConfig = {
      topic,
      numPartitions: partitions,
      replicationFactor: replication ?? -1,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    };
    await this.admin.use((admin) => createTopic(admin, entry));
    for (let polls = 0; polls < POLLS_MAX; polls += 1) {
      const count = await this.partitionsOf(topic);
      if (count !== undefined) return count;
      await pause(POLL_MS);
    }
    throw new Error(
      `the topic ${topic} was created, but no broker lists it after ${(POLLS_MAX * POLL_MS) / 1000} s: retry later`,
    );
  }
}

/** Succeeds if another process creates the topic first. */
async function createTopic(admin: Admin, entry: ITopicConfig): Promise<void> {
  try {
    await admin.createTopics({ waitForLeaders: false, topics: [entry] });
  } catch (error) {
    // kafkajs throws an error with a list of the actual ones.
    const reasons = error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : [error];
    throw new Error(`the topic ${entry.topic} cannot be created: ${reasons.map(String).join('; ')}`, { cause: error });
  }
}

async function metadataOf(admin: Admin, topic: string): Promise<ITopicMetadata | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic);
  } catch (error) {
    if (isUnknownTopic(error)) return undefined;
    throw error;
  }
}

function isUnknownTopic(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('type' in cause && (cause.type === 'UNKNOWN_TOPIC_OR_PARTITION' || cause.type === 'LEADER_NOT_AVAILABLE'))
      return true;
  return false;
}
