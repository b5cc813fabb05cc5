/** The members of a group within one thread share its partitions: each has a batch of one member in progress at most. */
import type { Timers } from '@tantieme/time/timers';
import type { Batch, IsPaused, SubscribeOptions, Subscription } from '../broker.js';
import type { Slot, StoredTopics } from './stored-topics.js';
import { VIEW_PARTITION, type TopicView, type TopicViews, type ViewPage } from './topic-view.js';

/** How often members look for messages of other processes; those of this process wake them at once. */
const POLL_MS = 250;

/** How often the position in a view is saved while no event matches. */
const EMPTY_SAVE_MS = 1000;

export class Group {
  private readonly members: EmbeddedSubscription[] = [];
  /** Partitions with a batch in progress: after a reassignment, the new owner waits until it is committed. */
  readonly claimed = new Set<string>();

  join(member: EmbeddedSubscription): EmbeddedSubscription {
    this.members.push(member);
    this.notifyAssigned();
    return member;
  }

  leave(member: EmbeddedSubscription): void {
    const index = this.members.indexOf(member);
    if (index < 0) return;
    this.members.splice(index, 1);
    this.notifyAssigned();
    this.wake();
  }

  reads(topic: string): boolean {
    return this.members.some((member) => member.reads(topic));
  }

  owns(member: EmbeddedSubscription, topic: string, number: number): boolean {
    const readers = this.members.filter((one) => one.reads(topic));
    return readers[number % readers.length] === member;
  }

  /** Undefined where no member has read of the view. */
  committedInView(topic: string): bigint | undefined {
    return this.members.map((member) => member.committedInView(topic)).find((next) => next !== undefined);
  }

  wake(topic?: string): void {
    for (const member of this.members) if (topic === undefined || member.reads(topic)) member.wake();
  }

  async close(): Promise<void> {
    for (const member of [...this.members]) await member.close();
  }

  private notifyAssigned(): void {
    for (const member of this.members) member.options.onAssigned?.();
  }
}

export interface EmbeddedSubscriptionOptions extends SubscribeOptions {
  readonly stored: StoredTopics;
  readonly views: TopicViews;
  readonly timers: Timers;
}

export class EmbeddedSubscription implements Subscription {
  private readonly viewReaders = new Map<string, ViewReader>();
  private readonly inProgress = new Set<string>();
  /** Where the next search begins, so that one busy partition does not hold up the others. */
  private turn = 0;
  private closed = false;
  private wakeUp: (() => void) | undefined;

  constructor(
    readonly options: EmbeddedSubscriptionOptions,
    private readonly group: Group,
  ) {}

  reads(topic: string): boolean {
    return this.options.topics.includes(topic);
  }

  committedInView(topic: string): bigint | undefined {
    return this.viewReaders.get(topic)?.committed;
  }

  wake(): void {
    this.wakeUp?.();
  }

  async next(signal: AbortSignal, isPaused: IsPaused = () => false): Promise<Batch | undefined> {
    // Yields to the rest of the process even if there is always more to do.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!signal.aborted) {
      if (this.closed) throw new Error('the subscription is closed');
      const batch = this.find(isPaused);
      if (batch !== undefined) return batch;
      const waiting = new AbortController();
      this.wakeUp = () => waiting.abort();
      signal.addEventListener('abort', this.wakeUp, { once: true });
      await this.options.timers.wait(POLL_MS, waiting.signal);
      signal.removeEventListener('abort', this.wakeUp);
      waiting.abort();
    }
    return undefined;
  }

  async commit(batch: Batch): Promise<void> {
    const { stored, group } = this.options;
    const { topic, partition, next } = batch;
    const view = this.viewReaders.get(topic);
    if (view !== undefined) view.commit(batch);
    else {
      const slot = stored.slotsOf(topic).find((one) => one.partition === partition);
      if (slot !== undefined) stored.commit(group, slot, next);
    }
    this.end(batch);
  }

  release(batch: Batch): void {
    this.end(batch);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const partition of this.inProgress) this.group.claimed.delete(partition);
    for (const view of this.viewReaders.values()) await view.close();
    this.wake();
    this.group.leave(this);
  }

  private end({ topic, partition }: Batch): void {
    const name = nameOf(topic, partition);
    this.inProgress.delete(name);
    this.group.claimed.delete(name);
    this.group.wake(topic);
  }

  private find(isPaused: IsPaused): Batch | undefined {
    const { topics, views, stored } = this.options;
    const partitions = topics.flatMap((topic): readonly (Slot | string)[] =>
      views.has(topic) ? [topic] : stored.slotsOf(topic),
    );
    for (let tried = 0; tried < partitions.length; tried += 1) {
      this.turn = (this.turn + 1) % partitions.length;
      const place = partitions[this.turn] ?? '';
      const { topic, partition, id } =
        typeof place === 'string' ? { topic: place, partition: VIEW_PARTITION, id: 0 } : place;
      const name = nameOf(topic, partition);
      if (isPaused(topic, partition) || this.group.claimed.has(name) || !this.group.owns(this, topic, id)) continue;
      const batch = typeof place === 'string' ? this.viewReader(topic).take() : this.takeStored(place);
      if (batch === undefined) continue;
      this.inProgress.add(name);
      this.group.claimed.add(name);
      return batch;
    }
    return undefined;
  }

  private takeStored(slot: Slot): Batch | undefined {
    const { stored, group, batchSize } = this.options;
    const messages = stored.next(slot, stored.committed(group, slot), batchSize);
    const last = messages.at(-1);
    return last && { topic: slot.topic, partition: slot.partition, messages, next: last.offset + 1n };
  }

  private viewReader(topic: string): ViewReader {
    const { views, stored, group, batchSize, timers } = this.options;
    let reader = this.viewReaders.get(topic);
    if (reader === undefined) {
      const view = views.get(topic);
      if (view === undefined) throw new Error(`${topic} is not a view`);
      const from = stored.committedInView(group, topic);
      const save = (next: bigint): void => stored.commitInView(group, topic, next);
      reader = new ViewReader({ topic, view, from, batchSize, save, timers, wake: () => this.wake() });
      this.viewReaders.set(topic, reader);
    }
    return reader;
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** Reads one page of a view ahead, and hands it out in batches. */
class ViewReader {
  private readonly ending = new AbortController();
  private readonly pages: AsyncIterator<ViewPage>;
  private reading: Promise<void> | undefined;
  private page: ViewPage | undefined;
  private failure: Error | undefined;
  /** Messages of the page that are committed. */
  private done = 0;
  /** Everything before this offset is committed: where a restart resumes. */
  committed: bigint;
  private saved: bigint;
  private savedAtMs: number;

  constructor(
    private readonly options: {
      readonly topic: string;
      readonly view: TopicView;
      readonly from: bigint;
      readonly batchSize: number;
      readonly save: (next: bigint) => void;
      readonly timers: Timers;
      readonly wake: () => void;
    },
  ) {
    const { view, from, batchSize, timers } = options;
    this.committed = from;
    this.saved = from;
    this.savedAtMs = timers.nowMs();
    this.pages = view.subscribe({ from, batchSize, signal: this.ending.signal })[Symbol.asyncIterator]();
  }

  /** Undefined while no page is there. */
  take(): Batch | undefined {
    if (this.failure !== undefined) throw this.failure;
    const { page } = this;
    if (page === undefined) {
      this.reading ??= this.read();
      return undefined;
    }
    const { topic, batchSize } = this.options;
    const messages = page.messages.slice(this.done, this.done + batchSize);
    // Only the end of a page is a place in the log: a restart repeats the page from its beginning.
    const isLast = this.done + messages.length === page.messages.length;
    return { topic, partition: VIEW_PARTITION, messages, next: isLast ? page.next : this.committed };
  }

  commit({ messages, next }: Batch): void {
    this.done += messages.length;
    if (next <= this.committed) return;
    const hadMessages = this.done > 0;
    this.page = undefined;
    this.done = 0;
    this.committed = next;
    this.reading ??= this.read();
    if (hadMessages || this.options.timers.nowMs() - this.savedAtMs >= EMPTY_SAVE_MS) this.save();
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.reading;
    if (this.failure === undefined) this.save();
  }

  private save(): void {
    if (this.committed === this.saved) return;
    this.options.save(this.committed);
    this.saved = this.committed;
    this.savedAtMs = this.options.timers.nowMs();
  }

  private async read(): Promise<void> {
    try {
      const result = await this.pages.next();
      if (result.done !== true) this.page = result.value;
      else if (!this.ending.signal.aborted) throw new Error(`the view ${this.options.topic} ended unexpectedly`);
    } catch (error) {
      if (!this.ending.signal.aborted) this.failure = error instanceof Error ? error : new Error(String(error));
    }
    this.reading = undefined;
    this.options.wake();
  }
}
