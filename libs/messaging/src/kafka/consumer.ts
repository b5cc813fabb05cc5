/** A member of a consumer group: joins, hands batches on, commits after the effect is stored, and comes back whatever happens. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer as KafkaConsumer, EachBatchPayload } from 'kafkajs';
import { backoffMs } from '@tantieme/time/backoff';
import { notify, type ConsumeOptions, type Consumer, type DeadLetter, type Message } from '../broker.js';
import { assignByTopic } from './assigner.js';
import { newKafka, patiently, RETRY } from './client.js';
import type { KafkaOptions } from './options.js';
import { fromWire } from './wire.js';

const SESSION_MS_DEFAULT = 10_000;

/** A rebalance is noticed by the next heartbeat; all members wait for the last one to notice. */
const HEARTBEAT_MS = 500;
/** How long the others wait at a rebalance for a member that still handles a batch. It loses its partitions after that. */
const REBALANCE_MS_MAX = 60_000;
/** How long a fetch waits for messages. A partition whose pause is over, and a stop, wait for it. */
const FETCH_WAIT_MS = 200;
/** What one fetch brings at the most, and so what a consumer holds: nothing more is fetched before it is handled. */
const FETCH_BYTES_MAX = 10 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
/** The pause of a partition after a failure of `handle`, and of the whole consumer where it lost the brokers: from the first, doubled up to the last. */
const BACKOFF = { firstMs: 250, maxMs: 5_000 };

export interface GroupMemberOptions {
  readonly kafka: KafkaOptions;
  readonly consume: ConsumeOptions;
  /** Resolves when the letters are stored. */
  readonly setAside: (letters: readonly DeadLetter[]) => Promise<void>;
}

/**
 * Batches are handled one at a time. A rebalance waits for the one in hand (kafkajs joins again between two), and the broker takes a
 * commit only from a member of the group's present generation: one that was away too long cannot take back what another has committed.
 * Its effects may still be stored late; they are the same as the other's, and an expected revision stops the second.
 */
export class GroupMember implements Consumer {
  private readonly stopping = new AbortController();
  private readonly failures = new Map<string, number>();
  private readonly pauses = new Set<NodeJS.Timeout>();
  private client: KafkaConsumer | undefined;
  private reviving = Promise.resolve();

  constructor(private readonly options: GroupMemberOptions) {}

  /** Resolves when the member has its partitions. @throws where it cannot join. */
  async start(): Promise<void> {
    await patiently(() => this.join(), this.stopping.signal);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    for (const timer of this.pauses) clearTimeout(timer);
    await this.reviving;
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
      // kafkajs gives up for good after some failures and comes back after others: one way for all is ours, `revive`.
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

  /** Resolves when the first partitions have come. @throws what kept them. */
  private async run(client: KafkaConsumer): Promise<void> {
    let joined = false;
    let failure: Error | undefined;
    client.on(client.events.GROUP_JOIN, () => {
      joined = true;
      this.restart(client);
      notify(() => this.options.consume.onAssigned?.());
    });
    client.on(client.events.CRASH, ({ payload: { error } }) => {
      if (joined) this.reviving = this.reviving.then(() => this.revive(error));
      else failure = error;
    });
    client.on(client.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset, batchSize } }) => {
      // Nothing but the marks that transactions leave: kafkajs passes over them, and nobody else would commit that.
      if (batchSize === 0) return client.commitOffsets([{ topic, partition, offset: after(lastOffset) }]);
    });
    await client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.handleFetched(client, payload),
    });
    if (failure) throw failure;
  }

  /** Joins again, for ever. */
  private async revive(error: unknown): Promise<void> {
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

  /** Partitions that are given out anew begin without the pauses that they had. */
  private restart(client: KafkaConsumer): void {
    for (const timer of this.pauses) clearTimeout(timer);
    this.pauses.clear();
    this.failures.clear();
    client.resume(client.paused());
  }

  /** What one fetch brought of a partition: as many batches as it takes. */
  private async handleFetched(client: KafkaConsumer, payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning } = payload;
    const { topic, partition, messages } = batch;
    const { kafka, consume } = this.options;
    const name = topic.slice((kafka.prefix ?? '').length);
    for (let from = 0; from < messages.length && isRunning(); from += consume.batchSize) {
      const slice = messages.slice(from, from + consume.batchSize);
      const last = slice.at(-1)?.offset ?? batch.lastOffset();
      const failure = await this.handle(
        slice.map((message) => fromWire(name, partition, message)),
        heartbeat,
      );
      if (failure) return this.pausePartition(client, topic, partition);
      this.failures.delete(`${topic}/${partition}`);
      // The last batch of a fetch ends where the fetch does: behind it there may be marks of transactions.
      const end = from + slice.length < messages.length ? last : batch.lastOffset();
      await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: after(end) }] }] });
      resolveOffset(last);
      await heartbeat();
    }
  }

  /** @returns why it failed. */
  private async handle(
    batch: readonly Message[],
    heartbeat: () => Promise<void>,
  ): Promise<{ error: unknown } | undefined> {
    // A heartbeat that fails tells of a rebalance: that waits until the batch is committed, and then comes up again.
    const timer = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
    try {
      const letters = await this.options.consume.handle(batch);
      if (letters && letters.length > 0) await this.options.setAside(letters);
      return undefined;
    } catch (error) {
      this.report(error, batch);
      return { error };
    } finally {
      clearInterval(timer);
    }
  }

  /** The other partitions go on meanwhile. */
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

function after(offset: string): string {
  return String(BigInt(offset) + 1n);
}
