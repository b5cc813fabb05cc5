import { randomUUID } from 'node:crypto';
import { hasReached, type Broker, type Message } from '../broker.js';

const BATCH_MESSAGES = 1000;

/** All messages that are on a topic now, in the order of each partition: for tests and benchmarks. */
export async function readTopic(broker: Broker, topic: string): Promise<readonly Message[]> {
  const end = await broker.endPositions(topic);
  const messages: Message[] = [];
  const group = `reader-${randomUUID()}`;
  // A new group begins after what retention has deleted.
  const read = new Map(await broker.committedPositions(group, topic));
  if (hasReached(read, end)) return messages;
  const subscription = await broker.subscribe({ group, topics: [topic], batchSize: BATCH_MESSAGES });
  try {
    while (!hasReached(read, end)) {
      const batch = await subscription.next(new AbortController().signal);
      if (batch === undefined) break;
      messages.push(...batch.messages);
      read.set(batch.partition, batch.next);
      await subscription.commit(batch);
    }
  } finally {
    await subscription.close();
  }
  return messages;
}
