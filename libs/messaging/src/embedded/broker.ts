/**
 * The embedded broker: the log is the broker. A topic that has a view is read from the log; only topics on which others
 * publish are stored. Every topic has one partition, and the members of a group are in one thread, which the lock of the
 * data directory ensures.
 */
import { resolve } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import { systemTimers, type Timers } from '@tantieme/time/timers';
import type { Broker, OutgoingMessage, Positions, SubscribeOptions, Subscription } from '../broker.js';
import { PAGE_CACHE_BYTES_MAX } from '../limits.js';
import { PARTITION, StoredTopics } from './stored-topics.js';
import { EmbeddedSubscription, Group } from './subscription.js';
import { StoredTopicReader, ViewReader } from './topic-reader.js';
import type { TopicView, TopicViews } from './topic-view.js';

export interface EmbeddedBrokerOptions {
  /** Topics that are not stored here. */
  readonly views?: TopicViews | undefined;
  /** Older messages are deleted once every group that reads their topic has committed them. Default: 7. */
  readonly retentionDays?: number | undefined;
  readonly timers?: Timers | undefined;
  /** Memory for pages of the file. Default: 16 MiB. */
  readonly pageCacheBytes?: number | undefined;
}

const RETENTION_DAYS_DEFAULT = 7;

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

  constructor(path: string, options: EmbeddedBrokerOptions) {
    const { views = new Map<string, TopicView>(), retentionDays = RETENTION_DAYS_DEFAULT } = options;
    const { timers = systemTimers, pageCacheBytes = PAGE_CACHE_BYTES_MAX } = options;
    this.views = views;
    this.timers = timers;
    this.stored = new StoredTopics(path, {
      retentionMs: retentionDays * 24 * 3600 * 1000,
      nowMs: () => timers.nowMs(),
      pageCacheBytes,
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
    this.stored.register(name, topics);
    let group = this.groups.get(name);
    if (!group) this.groups.set(name, (group = this.newGroup(name)));
    return group.join(new EmbeddedSubscription(options, group, this.timers));
  }

  async endPositions(topic: string): Promise<Positions> {
    const view = this.views.get(topic);
    const end = view === undefined ? this.stored.end(topic) : await view.end();
    return end === undefined ? new Map() : new Map([[PARTITION, end]]);
  }

  async committedPositions(group: string, topic: string): Promise<Positions> {
    const committed = this.groups.get(group)?.committed(topic) ?? this.stored.committed(group, topic);
    return new Map([[PARTITION, committed]]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.groups.values()].map((group) => group.close()));
    this.groups.clear();
    this.threads.close();
    this.stored.close();
  }

  private newGroup(group: string): Group {
    const { stored, views, timers } = this;
    return new Group((topic, batchSize) => {
      const view = views.get(topic);
      const options = { stored, group, topic, batchSize };
      if (view === undefined) return new StoredTopicReader(options);
      return new ViewReader({ ...options, view, timers, wake: () => this.groups.get(group)?.wake(topic) });
    });
  }

  private wake(topic: string): void {
    for (const group of this.groups.values()) group.wake(topic);
  }
}
