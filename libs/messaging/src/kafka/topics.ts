/** Topics: created with the partitions and the retention that the configuration states, never by a mistyped name. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Admin, ITopicConfig, ITopicMetadata } from 'kafkajs';
import { Connection, newKafka, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';

const PARTITIONS_DEFAULT = 4;
const RETENTION_DAYS_DEFAULT = 30;

/** An event is below 1 MiB on every engine; its message adds the envelope around it. */
const MESSAGE_BYTES_MAX = 2 * 1024 * 1024;
/** How often, in milliseconds, and how many times a topic is looked for that was just created: a broker learns of it a moment later. */
const LOOK_MS = 50;
const LOOKS_MAX = 200;

export interface TopicState {
  readonly topic: string;
  readonly partitions: number;
  /** False where it was there before, with whatever partitions and retention it has. */
  readonly created: boolean;
}

/** Creates the topics that are missing; those that exist are left as they are. */
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

/** Names are those on the wire: with the prefix. */
export class KafkaTopics {
  /** A topic that was seen stays; one that is missing may come. */
  private readonly seen = new Map<string, number>();
  private readonly ensured = new Map<string, Promise<number>>();

  constructor(
    private readonly options: KafkaOptions,
    private readonly admin: Connection<Admin>,
  ) {}

  /** @returns undefined where there is no such topic. */
  async partitionsOf(topic: string): Promise<number | undefined> {
    const seen = this.seen.get(topic);
    if (seen !== undefined) return seen;
    const found = await this.admin.use((admin) => metadataOf(admin, topic));
    if (found === undefined || found.partitions.length === 0) return undefined;
    this.seen.set(topic, found.partitions.length);
    return found.partitions.length;
  }

  /** Creates the topic where it is missing; all who wait for it go on in the order in which they came. @returns its partitions. */
  ensure(topic: string, retention: 'as configured' | 'for ever' = 'as configured'): Promise<number> {
    let ensured = this.ensured.get(topic);
    if (!ensured) {
      this.ensured.set(topic, (ensured = this.create(topic, retention)));
      ensured.catch(() => this.ensured.delete(topic));
    }
    return ensured;
  }

  private async create(topic: string, retention: 'as configured' | 'for ever'): Promise<number> {
    const before = await this.partitionsOf(topic);
    if (before !== undefined) return before;
    const { partitions = PARTITIONS_DEFAULT, replication, retentionDays = RETENTION_DAYS_DEFAULT } = this.options;
    const retentionMs = retention === 'for ever' ? -1 : retentionDays * 24 * 3600 * 1000;
    const config = {
      'cleanup.policy': 'delete',
      'retention.ms': String(retentionMs),
      'max.message.bytes': String(MESSAGE_BYTES_MAX),
      // "Acknowledged by all" counts only those that keep up: one of three may fail, and no acknowledged message is on one alone.
      ...(replication !== undefined && replication >= 3 ? { 'min.insync.replicas': '2' } : {}),
    };
    const entry: ITopicConfig = {
      topic,
      numPartitions: partitions,
      replicationFactor: replication ?? -1,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    };
    await this.admin.use((admin) => createTopic(admin, entry));
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      const count = await this.partitionsOf(topic);
      if (count !== undefined) return count;
      await pause(LOOK_MS);
    }
    throw new Error(`the topic ${topic} was created and is not to be seen`);
  }
}

/** Somebody else may be quicker: that is as well. */
async function createTopic(admin: Admin, entry: ITopicConfig): Promise<void> {
  try {
    await admin.createTopics({ waitForLeaders: false, topics: [entry] });
  } catch (error) {
    // kafkajs says that there were errors, and has them in a list.
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
