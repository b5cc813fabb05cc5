/** Publishing: one batch at a time, acknowledged by all replicas, in the order of the calls. */
import { Partitioners, type Message as KafkaMessage, type Producer } from 'kafkajs';
import type { OutgoingMessage } from '../broker.js';
import { Connection, newKafka, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';
import { toWire } from './wire.js';

/**
 * Bytes of one sending: kafkajs makes one record batch of all messages of a partition, and a broker takes no batch beyond
 * `max.message.bytes`, which is 1 MiB where nobody set it.
 */
const SEND_BYTES_MAX = 900_000;
/** What a message has beside its key, value and headers, at the most. */
const MESSAGE_BYTES_EXTRA = 64;

interface Part {
  readonly topic: string;
  readonly messages: readonly KafkaMessage[];
  readonly bytes: number;
  readonly call: Call;
}

/** One call of `publish`. */
interface Call {
  /** Parts that are not stored yet. */
  left: number;
  failed: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One sending at a time, and what is published meanwhile goes with the next. Two at once would be unsafe: kafkajs takes the sequence
 * number of a failed sending back, and one that waited then uses it for other messages, which the broker takes for a repetition and drops.
 */
export class KafkaProducer {
  private readonly connection: Connection<Producer>;
  /** Partitions that the sending under way goes to: `topic/partition`. */
  private readonly touched = new Set<string>();
  private readonly waiting: Part[] = [];
  private pumping: Promise<void> | undefined;

  constructor(options: KafkaOptions) {
    // As Java's clients do it (murmur2), so that a key has one partition whoever publishes.
    const createPartitioner = (): ReturnType<typeof Partitioners.DefaultPartitioner> => {
      const partitionOf = Partitioners.DefaultPartitioner();
      return (args) => {
        const partition = partitionOf(args);
        this.touched.add(`${args.topic}/${partition}`);
        return partition;
      };
    };
    this.connection = new Connection(() =>
      newKafka(options).producer({ idempotent: true, allowAutoTopicCreation: false, retry: RETRY, createPartitioner }),
    );
  }

  /** @param topic its name on the wire; it has to exist. Resolves when all messages are stored. */
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

  /** Sends what was published before. */
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

  /** As many parts as go together. What follows a part that failed is not sent: it would overtake it. */
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
      this.touched.clear();
      const answers = await producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
      });
      // Where a partition gets another leader between two tries, kafkajs may send to neither and report success.
      for (const { topicName, partition } of answers) this.touched.delete(`${topicName}/${partition}`);
      if (this.touched.size > 0) throw new Error(`nothing was acknowledged for ${[...this.touched].join(', ')}`);
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
  let bytes = Buffer.byteLength(key) + Buffer.byteLength(value) + MESSAGE_BYTES_EXTRA;
  for (const [name, text] of Object.entries(headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(text) + 8;
  return bytes;
}
