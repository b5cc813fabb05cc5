/** The rate of kafkajs alone, producing and consuming at once: what benchmarks are compared with. */
import { setTimeout as pause } from 'node:timers/promises';
import { logLevel, Kafka } from 'kafkajs';
import type { OutgoingMessage } from '../../broker.js';
import { createKafkaTopics } from '../topics.js';

/** Messages per request, as the relays send them. */
const BATCH_MESSAGES = 500;
const POLL_MS = 5;

export interface RawRate {
  readonly messages: number;
  /** Bytes of keys and values. */
  readonly bytes: number;
  /** From the first message sent to the last one received. */
  readonly seconds: number;
}

/**
 * Sends the messages to a new topic, idempotent with all acknowledgements, and consumes them with a commit per batch.
 */
export async function measureRawKafka(
  brokers: readonly string[],
  topic: string,
  messages: readonly OutgoingMessage[],
): Promise<RawRate> {
  await createKafkaTopics({ brokers }, [topic]);
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'raw', logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: `${topic}-readers` });
  let consumed = 0;
  try {
    await producer.connect();
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
    await consumer.run({
      eachBatch: async ({ batch }) => {
        consumed += batch.messages.length;
      },
    });
    await joined;
    const started = performance.now();
    for (let from = 0; from < messages.length; from += BATCH_MESSAGES) {
      const batch = messages.slice(from, from + BATCH_MESSAGES).map(({ key, value }) => ({ key, value }));
      await producer.send({ topic, acks: -1, messages: batch });
    }
    while (consumed < messages.length) await pause(POLL_MS);
    const seconds = (performance.now() - started) / 1000;
    const bytes = messages.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
    return { messages: messages.length, bytes, seconds };
  } finally {
    await consumer.disconnect();
    await producer.disconnect();
  }
}
