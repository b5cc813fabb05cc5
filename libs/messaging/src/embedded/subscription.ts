/**
 * A consumer group within one thread. The first member that reads a topic has it, with one batch in progress at most; when
 * it leaves, the next one goes on.
 */
import type { Timers } from '@tantieme/time/timers';
import type { Batch, IsPaused, SubscribeOptions, Subscription } from '../broker.js';
import { PARTITION } from './stored-topics.js';
import type { TopicReader } from './topic-reader.js';

/** How often members look for messages of other processes; those of this process wake them at once. */
const POLL_MS = 250;

export class Group {
  private readonly members: EmbeddedSubscription[] = [];
  private readonly readers = new Map<string, TopicReader>();
  private readonly inProgress = new Map<string, { readonly batch: Batch; readonly member: EmbeddedSubscription }>();

  /** @param open starts to read a topic, where the group stands */
  constructor(private readonly open: (topic: string, batchSize: number) => TopicReader) {}

  join(member: EmbeddedSubscription): EmbeddedSubscription {
    this.members.push(member);
    this.notifyAssigned();
    return member;
  }

  async leave(member: EmbeddedSubscription): Promise<void> {
    const index = this.members.indexOf(member);
    if (index < 0) return;
    this.members.splice(index, 1);
    for (const [topic, claim] of this.inProgress) if (claim.member === member) this.inProgress.delete(topic);
    if (this.members.length === 0) {
      const readers = [...this.readers.values()];
      this.readers.clear();
      await Promise.all(readers.map((reader) => reader.close()));
    }
    this.notifyAssigned();
    this.wake();
  }

  /** Where the group stands; undefined if no member has read the topic yet. */
  committed(topic: string): bigint | undefined {
    return this.readers.get(topic)?.committed;
  }

  take(member: EmbeddedSubscription, topic: string, batchSize: number): Batch | undefined {
    const owner = this.members.find((one) => one.options.topics.includes(topic));
    if (owner !== member || this.inProgress.has(topic)) return undefined;
    let reader = this.readers.get(topic);
    if (reader === undefined) this.readers.set(topic, (reader = this.open(topic, batchSize)));
    const batch = reader.take();
    if (batch !== undefined) this.inProgress.set(topic, { batch, member });
    return batch;
  }

  /** @param isStored false: the batch is delivered again */
  end(batch: Batch, isStored: boolean): void {
    const { topic } = batch;
    // Its member has left since: another one has the batch.
    if (this.inProgress.get(topic)?.batch !== batch) return;
    this.inProgress.delete(topic);
    if (isStored) this.readers.get(topic)?.commit(batch);
    this.wake(topic);
  }

  wake(topic?: string): void {
    for (const member of this.members) if (topic === undefined || member.options.topics.includes(topic)) member.wake();
  }

  async close(): Promise<void> {
    for (const member of [...this.members]) await member.close();
  }

  private notifyAssigned(): void {
    for (const { options } of this.members) options.onAssigned?.();
  }
}

export class EmbeddedSubscription implements Subscription {
  /** Where the next search begins, so that one busy topic does not hold up the others. */
  private turn = 0;
  private isClosed = false;
  private wakeUp: (() => void) | undefined;

  constructor(
    readonly options: SubscribeOptions,
    private readonly group: Group,
    private readonly timers: Timers,
  ) {}

  wake(): void {
    this.wakeUp?.();
  }

  async next(signal: AbortSignal, isPaused: IsPaused = () => false): Promise<Batch | undefined> {
    // Yields to the rest of the process even if there is always more to do.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!signal.aborted) {
      if (this.isClosed) throw new Error('the subscription is closed');
      const batch = this.find(isPaused);
      if (batch !== undefined) return batch;
      const waiting = new AbortController();
      this.wakeUp = () => waiting.abort();
      signal.addEventListener('abort', this.wakeUp, { once: true });
      await this.timers.wait(POLL_MS, waiting.signal);
      signal.removeEventListener('abort', this.wakeUp);
      waiting.abort();
    }
    return undefined;
  }

  async commit(batch: Batch): Promise<void> {
    this.group.end(batch, true);
  }

  release(batch: Batch): void {
    this.group.end(batch, false);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.wake();
    await this.group.leave(this);
  }

  private find(isPaused: IsPaused): Batch | undefined {
    const { topics, batchSize } = this.options;
    for (let tried = 0; tried < topics.length; tried += 1) {
      this.turn = (this.turn + 1) % topics.length;
      const topic = topics[this.turn] ?? '';
      const batch = isPaused(topic, PARTITION) ? undefined : this.group.take(this, topic, batchSize);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }
}
