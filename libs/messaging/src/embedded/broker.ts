/**
 * The embedded broker: the log is the broker. A topic that has a view is read from the log; only topics on which others
 * publish are stored. The members of a group are in one thread, which the lock of the data directory ensures.
 */
import { resolve } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import { systemTimers, type Timers } from '@tantieme/time/timers';
import type { Broker, Message, OutgoingMessage, Positions, SubscribeOptions, Subscription } from '../broker.js';
import { PARTITIONS_MAX } from '../limits.js';
import { StoredTopics } from './stored-topics.js';
import { EmbeddedSubscription, Group } from './subscription.js';
import { VIEW_PARTITION, type TopicView, type TopicViews } from './topic-view.js';

export interface EmbeddedBrokerOptions {
  /** Topics that are not stored here. */
  readonly views?: TopicViews | undefined;
  /**
   * Partitions of new stored topics; existing ones keep theirs. Default: 1, as the members of a group are in one
   * thread, where more partitions only make batches smaller.
   */
  readonly partitions?: number | undefined;
  /** Older messages are deleted once every group that reads their topic has committed them. Default: 7. */
  readonly retentionDays?: number | undefined;
  readonly timers?: Timers | undefined;
}

const PARTITIONS_DEFAULT = 1;
const RETENTION_DAYS_DEFAULT = 7;
/** Messages per page of a view, for tools. */
const READ_PAGE_MESSAGES = 1000;

/** @param path a file, created if missing, or `:memory:`. */
export function openEmbeddedBroker(path: string, options: EmbeddedBrokerOptions = {}): Broker {
  return new EmbeddedBroker(path, options);
}

class EmbeddedBroker implements Broker {
  private readonly views: TopicViews;
  private readonly timers: Timers;
  private readonly stored: StoredTopics;
  private readonly groups = new Map<string, Group>();
  /** Notifies other threads of this process that use the same file of the topic of a publication. */
  private readonly threads: BroadcastChannel;

  constructor(
    path: string,
    {
      views = new Map<string, TopicView>(),
      partitions = PARTITIONS_DEFAULT,
      retentionDays = RETENTION_DAYS_DEFAULT,
      timers = systemTimers,
    }: EmbeddedBrokerOptions,
  ) {
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
      throw new RangeError(`partitions must be a whole number from 1 to ${PARTITIONS_MAX}, not ${partitions}`);
    this.views = views;
    this.timers = timers;
    this.stored = new StoredTopics(path, {
      partitions,
      retentionMs: retentionDays * 24 * 3600 * 1000,
      nowMs: () => timers.nowMs(),
      readersOf: (topic) => [...this.groups].filter(([, group]) => group.reads(topic)).map(([name]) => name),
    });
    this.threads = new BroadcastChannel(`broker ${resolve(path)}`);
    this.threads.unref();
    this.threads.onmessage = ({ data: topic }: { readonly data: unknown }) => {
      if (typeof topic === 'string') this.wake(topic);
    };
  }

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.views.has(topic)) throw new Error(`nobody publishes to ${topic}: it is a view of the event log`);
    if (messages.length === 0) return;
    this.stored.publish(topic, messages);
    this.wake(topic);
    this.threads.postMessage(topic);
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (!this.stored.isOpen) throw new Error('the broker is closed');
    const { group: name, topics } = options;
    this.stored.register(
      name,
      topics.filter((topic) => !this.views.has(topic)),
    );
    let group = this.groups.get(name);
    if (!group) this.groups.set(name, (group = new Group()));
    const { stored, views, timers } = this;
    return group.join(new EmbeddedSubscription({ ...options, stored, views, timers }, group));
  }

  async endPositions(topic: string): Promise<Positions> {
    const view = this.views.get(topic);
    if (view !== undefined) return new Map([[VIEW_PARTITION, await view.end()]]);
    return new Map(this.stored.slotsOf(topic).map((slot) => [slot.partition, BigInt(this.stored.end(slot))]));
  }

  async committedPositions(group: string, topic: string): Promise<Positions> {
    if (this.views.has(topic)) {
      const next = this.groups.get(group)?.committedInView(topic) ?? this.stored.committedInView(group, topic);
      return new Map([[VIEW_PARTITION, next]]);
    }
    const slots = this.stored.slotsOf(topic);
    return new Map(slots.map((slot) => [slot.partition, BigInt(this.stored.committed(group, slot))]));
  }

  async read(
    topic: string,
    { partition, from, limit }: { readonly partition: number; readonly from: bigint; readonly limit: number },
  ): Promise<readonly Message[]> {
    const view = this.views.get(topic);
    if (view !== undefined) return partition === VIEW_PARTITION ? readView(view, from, limit) : [];
    const slot = this.stored.slotsOf(topic).find((one) => one.partition === partition);
    return slot ? this.stored.select(slot, Number(from), limit) : [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.groups.values()].map((group) => group.close()));
    this.groups.clear();
    this.threads.close();
    this.stored.close();
  }

  private wake(topic: string): void {
    for (const group of this.groups.values()) group.wake(topic);
  }
}

async function readView(view: TopicView, from: bigint, limit: number): Promise<readonly Message[]> {
  const ending = new AbortController();
  const messages: Message[] = [];
  const end = await view.end();
  if (from >= end) return messages;
  for await (const page of view.subscribe({ from, batchSize: READ_PAGE_MESSAGES, signal: ending.signal })) {
    messages.push(...page.messages.filter(({ offset }) => offset >= from));
    if (page.next >= end || messages.length >= limit) break;
  }
  ending.abort();
  return messages.slice(0, limit);
}
