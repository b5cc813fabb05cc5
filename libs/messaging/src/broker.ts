/**
 * The broker port (design.md, "What the ports promise"): at least once, ordered by key within a partition, committed
 * after the effect is stored. It tells end and committed positions, so that a closing can wait for them.
 */

export interface OutgoingMessage {
  /** Routes to a partition; messages of one key keep their order. */
  readonly key: string;
  /** The message: a CloudEvents 1.0 envelope in structured mode, as JSON text. */
  readonly value: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Message extends OutgoingMessage {
  readonly topic: string;
  readonly partition: number;
  /** Position of this message in its partition, from 0. */
  readonly offset: bigint;
}

/** Where a consumer stands, or a topic ends: partition → offset of the *next* message. */
export type Positions = ReadonlyMap<number, bigint>;

export interface ConsumeOptions {
  /** Consumer group: its members share the partitions, and its committed positions survive a restart. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Messages a batch at the most. A batch is of one topic and partition. */
  readonly batchSize: number;
  /**
   * Stores the effect of the batch. Positions are committed after it returns. Where it throws, the same batch comes
   * again after a pause that grows up to a bound; a message that can never be handled is named with `DeadLetter`s
   * in the returned list: it goes to the dead letters with the reason, and the rest counts as handled.
   */
  readonly handle: (batch: readonly Message[]) => Promise<readonly DeadLetter[] | void>;
  /** Told of every failure of `handle`, and with an empty batch of what keeps the consumer from its partitions. */
  readonly onError?: (error: unknown, batch: readonly Message[]) => void;
  /**
   * Told whenever the group's partitions were given out: at first, when members come or go, and when the consumer was kept from them.
   * What `onError` told before is over; what still fails is told again.
   */
  readonly onAssigned?: () => void;
}

export interface DeadLetter {
  readonly message: Message;
  readonly reason: string;
}

export interface Consumer {
  /** Waits for the batch in hand, commits it, and leaves the group. */
  stop(): Promise<void>;
}

export interface Broker {
  /** Stores the whole batch durably before it resolves. A topic comes into being with its first message. */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** A new group starts at the beginning of each topic. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  endPositions(topic: string): Promise<Positions>;
  committedPositions(group: string, topic: string): Promise<Positions>;
  /** Messages of a topic that nobody has to be subscribed to: for tools and tests. */
  read(
    topic: string,
    options: { readonly partition: number; readonly from: bigint; readonly limit: number },
  ): Promise<readonly Message[]>;
  close(): Promise<void>;
}

/** Messages set aside from `topic` by `group`; headers `reason`, `origin-topic`, `origin-partition`, `origin-offset`, `group`. */
export function deadLetterTopic(topic: string, group: string): string {
  return `${topic}.${group}.dead-letters`;
}

/** The message that an adapter publishes to the topic of dead letters. */
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

/** Calls a consumer's listener. One that fails itself must not stop the consumer. */
export function notify(listener: () => void): void {
  try {
    listener();
  } catch (failure) {
    process.emitWarning(`a consumer's listener failed: ${String(failure)}`);
  }
}

/** True where every partition of `committed` has come to `end`. */
export function hasReached(committed: Positions, end: Positions): boolean {
  for (const [partition, offset] of end) if ((committed.get(partition) ?? 0n) < offset) return false;
  return true;
}
