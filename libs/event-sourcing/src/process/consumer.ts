import { setTimeout as pause } from 'node:timers/promises';

import { decode } from '@tantieme/contracts/envelope';
import type { Envelope } from '@tantieme/contracts/envelope';
import { hasReached } from '@tantieme/messaging/broker';
import type { Broker, Consumer, DeadLetter, Message, Positions } from '@tantieme/messaging/broker';
import { backoffMs } from '@tantieme/time/backoff';

import { correlationIds, correlationContext } from './correlation-context.js';
import { BATCH_SIZE } from './log-reader.js';
import { errorMessage, notify } from './running-process.js';

/** Polling of committed positions while a caller waits for them. */
const POLL = { firstMs: 5, maxMs: 100 };

/** Pauses after failures to join the group. */
const JOIN_BACKOFF = { firstMs: 50, maxMs: 10_000 };

export interface Received<Decoded> {
  readonly envelope: Decoded;
  readonly message: Message;
}

/** A running consumer of topics. */
export interface RunningConsumer {
  /** The consumer group. */
  readonly name: string;
  /** Finishes the current batch, commits it, and leaves the group. */
  stop(): Promise<void>;
  /** Messages of its topics that the group has not committed. */
  lag(): Promise<bigint>;
  /** The reason of the current failure; undefined after the next success. */
  lastError(): string | undefined;
  /**
   * Waits until the group has committed up to `end` in every partition of the topic.
   * @throws the signal's reason if it is aborted.
   */
  waitFor(topic: string, end: Positions, signal?: AbortSignal): Promise<void>;
}

/** A message of any format. */
interface Correlated {
  readonly correlationId: string;
}

export interface ConsumerOptions<Decoded> {
  readonly broker: Broker;
  readonly group: string;
  readonly topics: readonly string[];
  /** The largest number of messages per batch; a batch is from one partition of one topic. */
  readonly batchSize?: number | undefined;
  /**
   * Stores the effect of the batch, idempotently: if it throws, the same batch is delivered again. Return messages that
   * can never be handled, with the reason: they go to the dead letters.
   */
  readonly handle: (batch: readonly Received<Decoded>[]) => Promise<readonly DeadLetter[] | void>;
  readonly onError: (error: unknown, batch: readonly Message[]) => void;
}

/** Consumes topics of integration events. A message that cannot be decoded goes to the dead letters with the reason. */
export function startConsumer(options: ConsumerOptions<Envelope>): RunningConsumer;
/** Consumes topics of another message format. `decode` depends only on the text, and throws if it cannot be read. */
export function startConsumer<Decoded extends Correlated>(
  options: ConsumerOptions<Decoded> & { readonly decode: (value: string) => Decoded },
): RunningConsumer;
export function startConsumer<Decoded extends Correlated>(
  options: ConsumerOptions<Decoded | Envelope> & { readonly decode?: (value: string) => Decoded },
): RunningConsumer {
  const { broker, group, topics, batchSize = BATCH_SIZE, handle, onError } = options;
  const decodeOwn = options.decode;
  const read = (message: Message): Decoded | Envelope =>
    decodeOwn === undefined ? envelopeOf(message) : decodeOwn(message.value);
  const stopping = new AbortController();
  /** By topic and partition: the success of one does not hide the failure of another. */
  const errors = new Map<string, string>();

  async function handleBatch(batch: readonly Message[]): Promise<readonly DeadLetter[]> {
    const received: Received<Decoded | Envelope>[] = [];
    const deadLetters: DeadLetter[] = [];
    for (const message of batch)
      try {
        received.push({ envelope: read(message), message });
      } catch (error) {
        deadLetters.push({ message, reason: errorMessage(error) });
      }
    const refused =
      received.length === 0
        ? undefined
        : await correlationContext.run(
            () => correlationIds(received, ({ envelope }) => envelope.correlationId),
            () => handle(received),
          );
    if (refused !== undefined) deadLetters.push(...refused);
    errors.delete(partitionOf(batch));
    return deadLetters;
  }

  function report(error: unknown, batch: readonly Message[]): void {
    errors.set(partitionOf(batch), errorMessage(error));
    correlationContext.run(
      () => correlationIds(batch, (message) => read(message).correlationId),
      () => notify(onError, error, batch),
    );
  }

  async function join(): Promise<Consumer | undefined> {
    for (let failures = 1; !stopping.signal.aborted; failures += 1)
      try {
        return await broker.consume({
          group,
          topics,
          batchSize,
          handle: handleBatch,
          onError: report,
          // Another member may have the failing partition now.
          onAssigned: () => errors.clear(),
        });
      } catch (error) {
        report(error, []);
        await pause(backoffMs(JOIN_BACKOFF, failures), undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    return undefined;
  }

  const joining = join();
  return {
    name: group,
    stop: async () => {
      stopping.abort();
      const consumer = await joining;
      await consumer?.stop();
    },
    lag: () => lagOf(broker, group, topics),
    lastError: () => errors.values().next().value,
    waitFor: (topic, end, signal) => waitUntilCommitted({ broker, group, topic, end, signal }),
  };
}

/**
 * Waits until a group has committed up to `end` in every partition, wherever its members run.
 * @throws the signal's reason if it is aborted.
 */
export async function waitUntilCommitted(options: {
  readonly broker: Broker;
  readonly group: string;
  readonly topic: string;
  /** From `broker.endPositions(topic)`. */
  readonly end: Positions;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const { broker, group, topic, end, signal } = options;
  for (let polls = 1; ; polls += 1) {
    signal?.throwIfAborted();
    if (hasReached(await broker.committedPositions(group, topic), end)) return;
    try {
      await pause(backoffMs(POLL, polls), undefined, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }
}

const envelopes = new WeakMap<Message, Envelope>();

/** Decodes once for all groups that receive the same message object. @throws {InvalidMessage} */
function envelopeOf(message: Message): Envelope {
  let envelope = envelopes.get(message);
  if (envelope === undefined) envelopes.set(message, (envelope = decode(message.value)));
  return envelope;
}

async function lagOf(broker: Broker, group: string, topics: readonly string[]): Promise<bigint> {
  let lag = 0n;
  for (const topic of topics) {
    const committed = await broker.committedPositions(group, topic);
    for (const [partition, end] of await broker.endPositions(topic)) lag += end - (committed.get(partition) ?? 0n);
  }
  return lag;
}

function partitionOf(batch: readonly Message[]): string {
  const first = batch[0];
  return first === undefined ? '' : `${first.topic}/${first.partition}`;
}
