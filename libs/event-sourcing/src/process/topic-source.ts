import { decode } from '@tantieme/contracts/envelope';
import type { Envelope } from '@tantieme/contracts/envelope';
import type { Batch, Message } from '@tantieme/messaging/broker';

import { BATCH_MAX } from '../limits.js';
import { correlationIds } from './correlation-context.js';
import { errorMessage } from './errors.js';
import type { Refusal, Source, SourceBatch } from './process.js';
import { positionOfOffset } from './publication.js';

export interface Received<Content> {
  readonly envelope: Content;
  readonly message: Message;
}

/** A message of any format. */
interface Correlated {
  readonly correlationId: string;
}

interface TopicOptions {
  /** The consumer group. */
  readonly group: string;
  readonly topics: readonly string[];
  /** The largest number of messages per batch; a batch is from one partition of one topic. */
  readonly batchSize?: number | undefined;
}

/** Topics of integration events. A message that cannot be decoded is parked with the reason. */
export function topicSource(options: TopicOptions): Source<Received<Envelope>>;
/** Topics of another message format. `decode` depends only on the text, and throws if it cannot be read. */
export function topicSource<Content extends Correlated>(
  options: TopicOptions & { readonly decode: (value: string) => Content },
): Source<Received<Content>>;
export function topicSource<Content extends Correlated>(
  options: TopicOptions & { readonly decode?: (value: string) => Content },
): Source<Received<Content | Envelope>> {
  const { group, topics, batchSize = BATCH_MAX } = options;

  /** The content of a view is what the publisher made, in the format that `decode` returns. */
  function contentOf(message: Message): Content | Envelope {
    if (message.content !== undefined) return message.content as Content | Envelope;
    return (options.decode ?? decode)(message.value);
  }
  const read = (message: Message): Received<Content | Envelope> => ({ envelope: contentOf(message), message });

  return {
    consumes: { group, topics, read },
    open: async ({ broker, views }, _name, listener) => {
      const place = (topic: string, partition: number, next: bigint): { lane: string; position: bigint } =>
        views.has(topic)
          ? { lane: viewLane(topic), position: positionOfOffset(next) }
          : { lane: topicLane(topic, partition), position: next };
      const positions = await Promise.all(topics.map((topic) => broker.committedPositions(group, topic)));
      for (const [index, topic] of topics.entries())
        for (const [partition, next] of positions[index] ?? []) {
          const { lane, position } = place(topic, partition, next);
          listener.reached(lane, position);
        }
      // Last: a member that joined and then failed would keep its partitions without reading them.
      const subscription = await broker.subscribe({ group, topics, batchSize, onAssigned: listener.assigned });
      const batches = new WeakMap<SourceBatch<Received<Content | Envelope>>, Batch>();
      const batchOf = (batch: SourceBatch<Received<Content | Envelope>>): Batch => {
        const found = batches.get(batch);
        if (found === undefined) throw new TypeError('the batch is not of this source');
        return found;
      };
      return {
        next: async (signal, isPaused) => {
          const batch = await subscription.next(signal, (topic, partition) =>
            isPaused(place(topic, partition, 0n).lane),
          );
          if (batch === undefined) return undefined;
          const { messages } = batch;
          const items: Received<Content | Envelope>[] = [];
          const unreadable: Refusal[] = [];
          for (const message of messages)
            try {
              items.push(read(message));
            } catch (error) {
              unreadable.push({ message, reason: errorMessage(error) });
            }
          const received = {
            ...place(batch.topic, batch.partition, batch.next),
            items,
            unreadable,
            messages,
            correlationIds: () => correlationIds(items, ({ envelope }) => envelope.correlationId),
          };
          batches.set(received, batch);
          return received;
        },
        commit: async (batch) => {
          await subscription.commit(batchOf(batch));
          listener.reached(batch.lane, batch.position);
        },
        release: (batch) => subscription.release(batchOf(batch)),
        close: () => subscription.close(),
      };
    },
  };
}

/** The lane of a topic that is a view of the log: its positions are those of the log. */
export function viewLane(topic: string): string {
  return `log:${topic}`;
}

export function topicLane(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
