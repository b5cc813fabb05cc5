/** Reads one topic for one group, a batch at a time: a stored topic, or a view of the log. */
import type { Timers } from '@tantieme/time/timers';
import type { Batch, Message } from '../broker.js';
import { PARTITION, type StoredTopics } from './stored-topics.js';
import type { TopicView, ViewPage } from './topic-view.js';

/** How often the position in a view is saved while no event matches. */
const EMPTY_SAVE_MS = 1000;

export interface TopicReader {
  /** Everything before this offset is committed: where a restart resumes. */
  readonly committed: bigint;
  /** The messages after the committed ones; undefined while there are none. */
  take(): Batch | undefined;
  commit(batch: Batch): void;
  close(): Promise<void>;
}

interface ReaderOptions {
  readonly stored: StoredTopics;
  readonly group: string;
  readonly topic: string;
  readonly batchSize: number;
}

export class StoredTopicReader implements TopicReader {
  constructor(private readonly options: ReaderOptions) {}

  get committed(): bigint {
    const { stored, group, topic } = this.options;
    return stored.committed(group, topic);
  }

  take(): Batch | undefined {
    const { stored, topic, batchSize } = this.options;
    const messages = stored.read(topic, this.committed, batchSize);
    const last = messages.at(-1);
    return last && { topic, partition: PARTITION, messages, next: last.offset + 1n };
  }

  commit({ next }: Batch): void {
    const { stored, group, topic } = this.options;
    stored.commit(group, topic, next);
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

/** Reads one page of a view ahead, and hands it out in batches. */
export class ViewReader implements TopicReader {
  committed: bigint;
  /** That of the newest committed page with one. */
  private mark: string | undefined;
  private readonly ending = new AbortController();
  private readonly pages: AsyncIterator<ViewPage>;
  private reading: Promise<void> | undefined;
  private page: ViewPage | undefined;
  /** Messages of the page that are not committed. */
  private left: readonly Message[] = [];
  private failure: Error | undefined;
  private saved: bigint;
  private savedAtMs: number;

  constructor(
    private readonly options: ReaderOptions & {
      readonly view: TopicView;
      readonly timers: Timers;
      readonly wake: () => void;
    },
  ) {
    const { stored, group, topic, view, batchSize, timers } = options;
    this.committed = this.saved = stored.committed(group, topic);
    this.savedAtMs = timers.nowMs();
    const mark = stored.mark(group, topic);
    const pages = view.subscribe({ from: this.committed, mark, batchSize, signal: this.ending.signal });
    this.pages = pages[Symbol.asyncIterator]();
  }

  take(): Batch | undefined {
    if (this.failure !== undefined) throw this.failure;
    const { page, left } = this;
    if (page === undefined) {
      this.reading ??= this.read();
      return undefined;
    }
    const { topic, batchSize } = this.options;
    // Only the end of a page is a place in the log: a restart repeats the page from its beginning.
    const next = left.length <= batchSize ? page.next : this.committed;
    return { topic, partition: PARTITION, messages: left.slice(0, batchSize), next };
  }

  commit({ messages, next }: Batch): void {
    this.left = this.left.slice(messages.length);
    if (this.left.length > 0) return;
    this.mark = this.page?.mark ?? this.mark;
    this.page = undefined;
    this.committed = next;
    this.reading ??= this.read();
    if (messages.length > 0 || this.options.timers.nowMs() - this.savedAtMs >= EMPTY_SAVE_MS) this.save();
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.reading;
    if (this.failure === undefined) this.save();
  }

  private save(): void {
    const { stored, group, topic, timers } = this.options;
    if (this.committed === this.saved) return;
    stored.commit(group, topic, this.committed, this.mark);
    this.saved = this.committed;
    this.savedAtMs = timers.nowMs();
  }

  private async read(): Promise<void> {
    try {
      const result = await this.pages.next();
      if (result.done !== true) {
        this.page = result.value;
        this.left = result.value.messages;
      } else if (!this.ending.signal.aborted) throw new Error(`the view ${this.options.topic} ended unexpectedly`);
    } catch (error) {
      if (!this.ending.signal.aborted) this.failure = error instanceof Error ? error : new Error(String(error));
    }
    this.reading = undefined;
    this.options.wake();
  }
}
