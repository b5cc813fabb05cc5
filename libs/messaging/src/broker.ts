/**
 * The broker port: delivery at least once, in order per key within a partition, and committed after the effect is
 * stored. It exposes end and committed positions, so that a closing can wait for them. `contract-suite.ts` states the
 * guarantees as tests.
 */

export interface OutgoingMessage {
  /** Determines the partition; messages with the same key keep their order. */
  readonly key: string;
  /** A CloudEvents 1.0 envelope in structured mode, as JSON text. */
  readonly value: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Message extends OutgoingMessage {
  readonly topic: string;
  readonly partition: number;
  /** Position of this message in its partition, from 0. */
  readonly offset: bigint;
}

/** The position of a group, or the end of a topic: partition → offset of the *next* message. */
export type Positions = ReadonlyMap<number, bigint>;

export interface ConsumeOptions {
  /** Consumer group: its members share the partitions, and its committed positions survive a restart. */
  readonly group: string;
  readonly topics: readonly string[];
  /** The largest number of messages per batch. A batch is from one partition of one topic. */
  readonly batchSize: number;
  /**
   * Stores the effect of the batch; its position is committed afterwards. If it throws, the same batch is delivered
   * again after a pause that grows up to a limit. Return messages that can never be handled: they go to the dead
   * letters with the reason, and the rest of the batch counts as handled.
   */
  readonly handle: (batch: readonly Message[]) => Promise<readonly DeadLetter[] | void>;
  /** Receives every failure of `handle`; the batch is empty if the consumer has lost access to its partitions. */
  readonly onError?: ((error: unknown, batch: readonly Message[]) => void) | undefined;
  /**
   * Called after every assignment of the group's partitions: at first, when a member joins or leaves, and after a loss
   * of access. Earlier errors no longer apply; what still fails is reported again.
   */
  readonly onAssigned?: (() => void) | undefined;
}

export interface DeadLetter {
  readonly message: Message;
  readonly reason: string;
}

export interface Consumer {
  /** Finishes the current batch, commits it, and leaves the group. */
  stop(): Promise<void>;
}

export interface Broker {
  /** Stores the whole batch durably before it resolves. The first message creates the topic. */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** A new group starts at the beginning of each topic. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  endPositions(topic: string): Promise<Positions>;
  committedPositions(group: string, topic: string): Promise<Positions>;
  /** Reads messages without a group: for tools and tests. */
  read(
    topic: string,
    options: { readonly partition: number; readonly from: bigint; readonly limit: number },
  ): Promise<readonly Message[]>;
  close(): Promise<void>;
}

/** The topic for the dead letters of a topic and group. */
export function deadLetterTopic(topic: string, group: string): string {
  return `${topic}.${group}.dead-letters`;
}

/** The message that an adapter publishes to the dead letter topic, with reason and origin in its headers. */
export function deadLetterOf({ message, reason }: DeadLetter, group: string): OutgoingMessage {
  const { key, value, headers, topic, partition, offset } = message;
  return {
    key,
    value,
    headers: {
      ...headers,
      reason,
      group,
      'origin-topic': topic,
      'origin-partition': String(partition),
      'origin-offset': String(offset),
    },
  };
}

/** Calls a listener of a consumer. A listener that throws does not stop the consumer. */
export function notify(listener: () => void): void {
  try {
    listener();
  } catch (failure) {
    process.emitWarning(`a consumer's listener failed: ${String(failure)}`);
  }
}

/** True if `committed` has reached `end` in every partition. */
export function hasReached(committed: Positions, end: Positions): boolean {
  for (const [partition, offset] of end) if ((committed.get(partition) ?? 0n) < offset) return false;
  return true;
}
