/** Publishing: one batch at a time, acknowledged by all replicas, in the order of the calls. */
import { Partitioners, type Message as KafkaMessage, type Producer } from 'kafkajs';
import type { OutgoingMessage } from '../broker.js';
import { Connection, newKafka, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';
import { toWire } from './wire.js';

/**
 * Bytes per request: kafkajs makes one record batch of all messages of a partition, and a broker accepts batches up to
 * `max.message.bytes`, 1 MiB by default.
 */
const SEND_BYTES_MAX = 900_000;
/** Upper bound of the bytes of a message besides key, value and headers. */
const MESSAGE_OVERHEAD_BYTES = 64;

interface Part {
  readonly topic: string;
  readonly messages: readonly KafkaMessage[];
  readonly bytes: number;
  readonly call: Call;
}

/** A call of `publish`. */
interface Call {
  /** Parts that are not stored yet. */
  left: number;
  failed: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends one request at a time, with everything that was published meanwhile. Two at once would be unsafe: kafkajs takes
 * back the sequence number of a failed request, and a waiting one then uses it for other messages, which the broker
 * drops as a repetition.
 */
export class KafkaProducer {
  private readonly connection: Connection<Producer>;
  /** Partitions of the current request that are not acknowledged: `topic/partition`. */
  private readonly unacknowledged = new Set<string>();
  private readonly waiting: Part[] = [];
  private pumping: Promise<void> | undefined;

  constructor(options: KafkaOptions) {
    // As in Java's clients (murmur2), so that a key has the same partition whichever client publishes.
    const createPartitioner = (): ReturnType<typeof Partitioners.DefaultPartitioner> => {
      const partitionOf = Partitioners.DefaultPartitioner();
      return (args) => {
        const partition = partitionOf(args);
        this.unacknowledged.add(`${args.topic}/${partition}`);
        return partition;
      };
    };
    this.connection = new Connection(() =>
      newKafka(options).producer({ idempotent: true, allowAutoTopicCreation: false, retry: RETRY, createPartitioner }),
    );
  }

  /** Resolves when all messages are stored. @param topic must exist; includes the prefix. */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const call: Call = { left: 0, failed: false, resolve, reject };
      for (const part of partsOf(topic, messages, call)) {
        call.left += 1;
        this.waiting.push(part);
      }
      this.pumping ??= this.pump();
    });
  }

  /** Sends earlier messages first. */
  async close(): Promise<void> {
    await this.pumping;
    await this.connection.close();
  }

  private async pump(): Promise<void> {
    for (let parts = this.take(); parts.length > 0; parts = this.take())
      try {
        await this.send(parts);
        for (const { call } of parts) if ((call.left -= 1) === 0) call.resolve();
      } catch (error) {
        for (const { call } of parts) {
          call.failed = true;
          call.reject(error);
        }
      }
    this.pumping = undefined;
  }

  /**
   * As many parts as fit into a request. Later parts of a failed call are not sent: they would overtake the failed one.
   */
  private take(): readonly Part[] {
    const parts: Part[] = [];
    let bytes = 0;
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      if (!next.call.failed) {
        if (parts.length > 0 && bytes + next.bytes > SEND_BYTES_MAX) break;
        parts.push(next);
        bytes += next.bytes;
      }
      this.waiting.shift();
    }
    return parts;
  }

  private async send(parts: readonly Part[]): Promise<void> {
    const byTopic = new Map<string, KafkaMessage[]>();
    for (const { topic, messages } of parts) {
      const together = byTopic.get(topic) ?? [];
      for (const message of messages) together.push(message);
      byTopic.set(topic, together);
    }
    await this.connection.use(async (producer) => {
      this.unacknowledged.clear();
      const answers = await producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
      });
      // If the leader of a partition changes between two attempts, kafkajs may send to neither and report success.
      for (const { topicName, partition } of answers) this.unacknowledged.delete(`${topicName}/${partition}`);
      if (this.unacknowledged.size > 0)
        throw new Error(`the brokers did not acknowledge messages for ${[...this.unacknowledged].join(', ')}`);
    });
  }
}

function partsOf(topic: string, messages: readonly OutgoingMessage[], call: Call): readonly Part[] {
  const parts: Part[] = [];
  let together: KafkaMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (together.length > 0 && bytes + size > SEND_BYTES_MAX) {
      parts.push({ topic, messages: together, bytes, call });
      together = [];
      bytes = 0;
    }
    together.push(toWire(message));
    bytes += size;
  }
  if (together.length > 0) parts.push({ topic, messages: together, bytes, call });
  return parts;
}

function sizeOf({ key, value, headers = {} }: OutgoingMessage): number {
  let bytes = Buffer.byteLength(key) + Buffer.byteLength(value) + MESSAGE_OVERHEAD_BYTES;
  for (const [name, text] of Object.entries(headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(text) + 8;
  return bytes;
}
