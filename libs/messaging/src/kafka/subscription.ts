/** A member of a consumer group: hands what kafkajs pushes over to a reader that pulls. */
import type { Consumer, ConsumerEndBatchProcessEvent, EachBatchPayload } from 'kafkajs';
import type { Batch, IsPaused, SubscribeOptions, Subscription } from '../broker.js';
import { FETCH_BYTES_MAX, FETCH_PARTITION_BYTES_MAX } from '../limits.js';
import { assignByTopic } from './assigner.js';
import { newKafka, retryWhileStarting, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';
import { fromWire } from './wire.js';

const SESSION_MS_DEFAULT = 10_000;

/** A member notices a rebalance at its next heartbeat, and all members wait for the last one. */
const HEARTBEAT_MS = 500;
/** How long a rebalance waits for a member that still handles a batch, before it loses its partitions. */
const REBALANCE_MS_MAX = 60_000;
/** How long a fetch waits for messages, and so delays a stop or the end of a partition's pause. */
const FETCH_WAIT_MS = 200;

/** A batch that the reader takes, and then commits or releases. */
interface Offer {
  readonly batch: Batch;
  isTaken: boolean;
  readonly outcome: PromiseWithResolvers<'stored' | 'failed'>;
  readonly committed: PromiseWithResolvers<void>;
}

/**
 * One batch at a time. A rebalance waits for it (kafkajs rejoins between two), and the broker accepts commits only from
 * the current generation of the group: a member that was away too long cannot revert the commits of another. It may
 * still store its effects late, but they equal those of the other member, and the expected revision stops the second
 * append.
 */
export class KafkaSubscription implements Subscription {
  private readonly stopping = new AbortController();
  private readonly prefix: string;
  private client: Consumer | undefined;
  private offer: Offer | undefined;
  /** Partitions that are not fetched, since their last batch failed. */
  private readonly paused = new Map<string, { readonly topic: string; readonly partition: number }>();
  private failure: Error | undefined;
  private wakeUp: (() => void) | undefined;

  constructor(
    private readonly kafka: KafkaOptions,
    private readonly options: SubscribeOptions,
    private readonly onClose: () => void,
  ) {
    this.prefix = kafka.prefix ?? '';
  }

  /** Resolves when the member has its partitions. @throws if it cannot join. */
  async join(): Promise<void> {
    await retryWhileStarting(() => this.tryToJoin(), this.stopping.signal);
  }

  async next(signal: AbortSignal, isPaused: IsPaused = () => false): Promise<Batch | undefined> {
    while (!signal.aborted) {
      this.resume(isPaused);
      if (this.stopping.signal.aborted) throw new Error('the subscription is closed');
      if (this.failure !== undefined) throw this.failure;
      const { offer } = this;
      if (offer !== undefined && !offer.isTaken) {
        offer.isTaken = true;
        if (!isPaused(offer.batch.topic, offer.batch.partition)) return offer.batch;
        offer.outcome.resolve('failed');
      }
      await new Promise<void>((resolve) => {
        this.wakeUp = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return undefined;
  }

  private resume(isPaused: IsPaused): void {
    for (const [name, { topic, partition }] of this.paused)
      if (!isPaused(topic, partition)) {
        this.paused.delete(name);
        this.client?.resume([{ topic: this.prefix + topic, partitions: [partition] }]);
      }
  }

  async commit(batch: Batch): Promise<void> {
    const { offer } = this;
    if (offer?.batch !== batch) throw new Error('the batch is not in progress: the member lost its partitions');
    offer.outcome.resolve('stored');
    await offer.committed.promise;
  }

  release(batch: Batch): void {
    if (this.offer?.batch === batch) this.offer.outcome.resolve('failed');
  }

  async close(): Promise<void> {
    this.stopping.abort();
    this.offer?.outcome.resolve('failed');
    this.wakeUp?.();
    await this.client?.disconnect().catch(() => undefined);
    this.onClose();
  }

  private async tryToJoin(): Promise<void> {
    const { sessionMs = SESSION_MS_DEFAULT } = this.kafka;
    this.failure = undefined;
    const client = newKafka(this.kafka).consumer({
      groupId: this.prefix + this.options.group,
      partitionAssigners: [assignByTopic],
      allowAutoTopicCreation: false,
      sessionTimeout: sessionMs,
      heartbeatInterval: Math.min(HEARTBEAT_MS, sessionMs / 3),
      rebalanceTimeout: REBALANCE_MS_MAX,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: FETCH_BYTES_MAX,
      maxBytesPerPartition: FETCH_PARTITION_BYTES_MAX,
      // kafkajs restarts after some failures and gives up after others; the reader subscribes again after all of them.
      retry: { ...RETRY, restartOnFailure: async () => false },
    });
    this.client = client;
    try {
      await client.connect();
      const topics = this.options.topics.map((topic) => this.prefix + topic);
      await client.subscribe({ topics, fromBeginning: true });
      await this.run(client);
      if (this.stopping.signal.aborted) throw new Error('the subscription was closed before it had joined');
    } catch (error) {
      await client.disconnect().catch(() => undefined);
      throw error;
    }
  }

  /** Resolves after the first assignment. @throws the reason if there is none. */
  private async run(client: Consumer): Promise<void> {
    client.on(client.events.GROUP_JOIN, () => {
      this.paused.clear();
      client.resume(client.paused());
      this.options.onAssigned?.();
    });
    client.on(client.events.CRASH, ({ payload: { error } }) => {
      this.failure = error;
      this.offer?.outcome.resolve('failed');
      this.wakeUp?.();
    });
    // kafkajs handles a rejection of the listener, although its type does not say so: it logs it.
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- see above
    client.on(client.events.END_BATCH_PROCESS, ({ payload }) => commitMarkers(client, payload));
    await client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.handOver(client, payload),
    });
    if (this.failure !== undefined) throw this.failure;
  }

  /** Hands over the messages that one fetch returned for a partition, in as many batches as needed. */
  private async handOver(client: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch: fetched } = payload;
    const { partition, messages } = fetched;
    const { batchSize } = this.options;
    const topic = fetched.topic.slice(this.prefix.length);
    for (let from = 0; from < messages.length && payload.isRunning(); from += batchSize) {
      if (this.stopping.signal.aborted) return;
      const slice = messages.slice(from, from + batchSize);
      const last = slice.at(-1)?.offset ?? fetched.lastOffset();
      // The last batch commits to the end of the fetch, past any transaction markers after its messages.
      const next = BigInt(after(from + slice.length < messages.length ? last : fetched.lastOffset()));
      const offer: Offer = {
        batch: { topic, partition, messages: slice.map((message) => fromWire(topic, partition, message)), next },
        isTaken: false,
        outcome: Promise.withResolvers(),
        committed: Promise.withResolvers(),
      };
      offer.committed.promise.catch(() => undefined);
      if ((await this.outcomeOf(offer, payload)) === 'failed') {
        offer.committed.reject(new Error('the member lost its partitions before the commit'));
        this.paused.set(`${topic}/${partition}`, { topic, partition });
        client.pause([{ topic: fetched.topic, partitions: [partition] }]);
        this.wakeUp?.();
        return;
      }
      try {
        const offsets = [{ topic: fetched.topic, partitions: [{ partition, offset: String(next) }] }];
        await payload.commitOffsetsIfNecessary({ topics: offsets });
        payload.resolveOffset(last);
        await payload.heartbeat();
        offer.committed.resolve();
      } catch (error) {
        offer.committed.reject(error);
        throw error;
      }
    }
  }

  private async outcomeOf(offer: Offer, payload: EachBatchPayload): Promise<'stored' | 'failed'> {
    this.offer = offer;
    this.wakeUp?.();
    // A failed heartbeat means a rebalance, which waits until the batch is committed and then shows again.
    const timer = setInterval(() => void payload.heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      return await offer.outcome.promise;
    } finally {
      clearInterval(timer);
    }
  }
}

/** Commits past a batch of nothing but transaction markers, which kafkajs skips. */
async function commitMarkers(client: Consumer, batch: ConsumerEndBatchProcessEvent['payload']): Promise<void> {
  const { topic, partition, lastOffset, batchSize } = batch;
  if (batchSize === 0) await client.commitOffsets([{ topic, partition, offset: after(lastOffset) }]);
}

function after(offset: string): string {
  return String(BigInt(offset) + 1n);
}
