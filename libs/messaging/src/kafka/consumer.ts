/**
 * A member of a consumer group: joins, passes on batches, commits after the effect is stored, and rejoins after
 * failures.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '@tantieme/time/backoff';
import type { Consumer as KafkaConsumer, ConsumerEndBatchProcessEvent, EachBatchPayload } from 'kafkajs';
import { notify, type ConsumeOptions, type Consumer, type DeadLetter, type Message } from '../broker.js';
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
/** The most that one fetch returns, hence the memory of a consumer: it fetches no more until this is handled. */
const FETCH_BYTES_MAX = 10 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
/** The pause of a partition after a failure of `handle`, and of the consumer after it lost the brokers. */
const BACKOFF = { firstMs: 250, maxMs: 5_000 };

export interface GroupMemberOptions {
  readonly kafka: KafkaOptions;
  readonly consume: ConsumeOptions;
  /** Publishes dead letters; resolves when they are stored. */
  readonly publishDeadLetters: (letters: readonly DeadLetter[]) => Promise<void>;
}

/**
 * Handles one batch at a time. A rebalance waits for the current batch (kafkajs rejoins between two), and the broker
 * accepts commits only from the current generation of the group: a member that was away too long cannot revert the
 * commits of another. It may still store its effects late, but they equal those of the other member, and the expected
 * revision stops the second append.
 */
export class GroupMember implements Consumer {
  private readonly stopping = new AbortController();
  private readonly failures = new Map<string, number>();
  private readonly pauses = new Set<NodeJS.Timeout>();
  private client: KafkaConsumer | undefined;
  private rejoining = Promise.resolve();

  constructor(private readonly options: GroupMemberOptions) {}

  /** Resolves when the member has its partitions. @throws if it cannot join. */
  async start(): Promise<void> {
    await retryWhileStarting(() => this.join(), this.stopping.signal);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    for (const timer of this.pauses) clearTimeout(timer);
    await this.rejoining;
    await this.client?.disconnect();
  }

  private async join(): Promise<void> {
    const { kafka, consume } = this.options;
    const { prefix = '', sessionMs = SESSION_MS_DEFAULT } = kafka;
    const client = newKafka(kafka).consumer({
      groupId: prefix + consume.group,
      partitionAssigners: [assignByTopic],
      allowAutoTopicCreation: false,
      sessionTimeout: sessionMs,
      heartbeatInterval: Math.min(HEARTBEAT_MS, sessionMs / 3),
      rebalanceTimeout: REBALANCE_MS_MAX,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: FETCH_BYTES_MAX,
      maxBytesPerPartition: PARTITION_BYTES_MAX,
      // kafkajs restarts after some failures and gives up after others; `rejoin` handles them all alike.
      retry: { ...RETRY, restartOnFailure: async () => false },
    });
    this.client = client;
    try {
      await client.connect();
      await client.subscribe({ topics: consume.topics.map((topic) => prefix + topic), fromBeginning: true });
      await this.run(client);
      if (this.stopping.signal.aborted) throw new Error('the consumer was stopped before it had joined');
    } catch (error) {
      await client.disconnect().catch(() => undefined);
      throw error;
    }
  }

  /** Resolves after the first assignment. @throws the reason if there is none. */
  private async run(client: KafkaConsumer): Promise<void> {
    let joined = false;
    let failure: Error | undefined;
    client.on(client.events.GROUP_JOIN, () => {
      joined = true;
      this.resumeAll(client);
      notify(() => this.options.consume.onAssigned?.());
    });
    client.on(client.events.CRASH, ({ payload: { error } }) => {
      if (joined) this.rejoining = this.rejoining.then(() => this.rejoin(error));
      else failure = error;
    });
    // kafkajs handles a rejection of the listener, although its type does not say so: it logs it.
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- see above
    client.on(client.events.END_BATCH_PROCESS, ({ payload }) => commitMarkers(client, payload));
    await client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.handleFetched(client, payload),
    });
    if (failure) throw failure;
  }

  /** Retries until it has joined or the consumer stops. */
  private async rejoin(error: unknown): Promise<void> {
    const { signal } = this.stopping;
    let reason = error;
    for (let failures = 1; !signal.aborted; failures += 1) {
      this.report(reason, []);
      await pause(backoffMs(BACKOFF, failures), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        return await this.join();
      } catch (again) {
        reason = again;
      }
    }
  }

  /** Ends all pauses after a new assignment. */
  private resumeAll(client: KafkaConsumer): void {
    for (const timer of this.pauses) clearTimeout(timer);
    this.pauses.clear();
    this.failures.clear();
    client.resume(client.paused());
  }

  /** Handles the messages that one fetch returned for a partition, in as many batches as needed. */
  private async handleFetched(client: KafkaConsumer, payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { topic, partition, messages } = batch;
    const { kafka, consume } = this.options;
    const name = topic.slice((kafka.prefix ?? '').length);
    for (let from = 0; from < messages.length && payload.isRunning(); from += consume.batchSize) {
      const slice = messages.slice(from, from + consume.batchSize);
      const last = slice.at(-1)?.offset ?? batch.lastOffset();
      const failure = await this.handle(
        slice.map((message) => fromWire(name, partition, message)),
        () => payload.heartbeat(),
      );
      if (failure) return this.pausePartition(client, topic, partition);
      this.failures.delete(`${topic}/${partition}`);
      // The last batch commits to the end of the fetch, past any transaction markers after its messages.
      const end = from + slice.length < messages.length ? last : batch.lastOffset();
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: after(end) }] }] });
      payload.resolveOffset(last);
      await payload.heartbeat();
    }
  }

  /** @returns the failure, if any. */
  private async handle(
    batch: readonly Message[],
    heartbeat: () => Promise<void>,
  ): Promise<{ error: unknown } | undefined> {
    // A failed heartbeat means a rebalance, which waits until the batch is committed and then shows again.
    const timer = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      const letters = await this.options.consume.handle(batch);
      if (letters && letters.length > 0) await this.options.publishDeadLetters(letters);
      return undefined;
    } catch (error) {
      this.report(error, batch);
      return { error };
    } finally {
      clearInterval(timer);
    }
  }

  /** The other partitions continue meanwhile. */
  private pausePartition(client: KafkaConsumer, topic: string, partition: number): void {
    const key = `${topic}/${partition}`;
    const failures = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, failures);
    client.pause([{ topic, partitions: [partition] }]);
    const timer = setTimeout(
      () => {
        this.pauses.delete(timer);
        client.resume([{ topic, partitions: [partition] }]);
      },
      backoffMs(BACKOFF, failures),
    );
    this.pauses.add(timer);
  }

  private report(error: unknown, batch: readonly Message[]): void {
    notify(() => this.options.consume.onError?.(error, batch));
  }
}

/** Commits past a batch of nothing but transaction markers, which kafkajs skips. */
async function commitMarkers(client: KafkaConsumer, batch: ConsumerEndBatchProcessEvent['payload']): Promise<void> {
  const { topic, partition, lastOffset, batchSize } = batch;
  if (batchSize === 0) await client.commitOffsets([{ topic, partition, offset: after(lastOffset) }]);
}

function after(offset: string): string {
  return String(BigInt(offset) + 1n);
}
