/**
 * The broker port: delivery at least once, in order per key within a partition, and committed after the effect is
 * stored. A reader pulls one batch after the other. `contract-suite.ts` states the guarantees as tests.
 */

export interface OutgoingMessage {
  /** Determines the partition; messages with the same key keep their order. */
  readonly key: string;
  /** A CloudEvents 1.0 envelope in structured mode, as JSON text. */
  readonly value: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What `value` encodes, where it was never text: readers in the same process need not parse it. Shared: not changed. */
  readonly content?: unknown;
}

export interface Message extends OutgoingMessage {
  readonly topic: string;
  readonly partition: number;
  /** Position of this message in its partition; a later message has a larger one. */
  readonly offset: bigint;
}

/** The position of a group, or the end of a topic: partition → offset of the *next* message. */
export type Positions = ReadonlyMap<number, bigint>;

/** Messages of one partition, in order. */
export interface Batch {
  readonly topic: string;
  readonly partition: number;
  /** May be empty: committing it still advances. */
  readonly messages: readonly Message[];
  /** What `commit` stores: the offset of the next message. */
  readonly next: bigint;
}

export interface SubscribeOptions {
  /** Consumer group: its members share the partitions, and its committed positions survive a restart. */
  readonly group: string;
  readonly topics: readonly string[];
  /** The largest number of messages per batch. */
  readonly batchSize: number;
  /** Called after every assignment of partitions: at first, and when a member joins or leaves. */
  readonly onAssigned?: (() => void) | undefined;
}

export type IsPaused = (topic: string, partition: number) => boolean;

/** A member of a consumer group. */
export interface Subscription {
  /**
   * The next batch of a partition that is not paused and has no batch in progress; waits until there is one. Undefined
   * once the signal is aborted: nothing is lost then.
   * @throws if the member lost the broker: close it and subscribe again.
   */
  next(signal: AbortSignal, isPaused?: IsPaused): Promise<Batch | undefined>;
  /** The effect of the batch is stored. */
  commit(batch: Batch): Promise<void>;
  /** The batch failed: it is delivered again, before later messages of its partition. */
  release(batch: Batch): void;
  /** Leaves the group. */
  close(): Promise<void>;
}

export interface Broker {
  /** Stores the whole batch durably before it resolves. The first message creates the topic. */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** A new group starts at the beginning of each topic. */
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  endPositions(topic: string): Promise<Positions>;
  committedPositions(group: string, topic: string): Promise<Positions>;
  close(): Promise<void>;
}

/** True if `committed` has reached `end` in every partition. */
export function hasReached(committed: Positions, end: Positions): boolean {
  for (const [partition, offset] of end) if ((committed.get(partition) ?? 0n) < offset) return false;
  return true;
}
