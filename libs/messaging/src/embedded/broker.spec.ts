import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hasReached, type Broker, type Message, type OutgoingMessage } from '../broker.js';
import { brokerContract, consume } from '../contract-suite.js';
import { openEmbeddedBroker } from './broker.js';
import { PARTITION, StoredTopics } from './stored-topics.js';
import type { TopicView, ViewPage } from './topic-view.js';

brokerContract(
  'the embedded adapter',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tantieme-broker-'));
    return {
      open: async () => openEmbeddedBroker(join(directory, 'broker.sqlite')),
      destroy: async () => rmSync(directory, { recursive: true }),
    };
  },
  1,
);

/** A log in memory: one message per position. */
class MemoryLog implements TopicView {
  private readonly messages: OutgoingMessage[] = [];
  private readonly grown = new Set<() => void>();

  constructor(private readonly topic: string) {}

  append(messages: readonly OutgoingMessage[]): void {
    this.messages.push(...messages);
    for (const wake of this.grown) wake();
  }

  async end(): Promise<bigint> {
    return BigInt(this.messages.length);
  }

  async *subscribe({ from, signal }: Parameters<TopicView['subscribe']>[0]): AsyncGenerator<ViewPage> {
    for (let at = Number(from); !signal.aborted;) {
      const page = this.messages.slice(at, at + 10);
      if (page.length > 0) {
        const messages = page.map((message, index) => ({
          ...message,
          topic: this.topic,
          partition: PARTITION,
          offset: BigInt(at + index),
        }));
        at += page.length;
        yield { messages, next: BigInt(at) };
      } else
        await new Promise<void>((resolve) => {
          this.grown.add(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
    }
  }
}

brokerContract(
  'the embedded adapter over views of a log',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tantieme-broker-'));
    const views = new Map(['sales', 'partners'].map((topic) => [topic, new MemoryLog(topic)]));
    return {
      open: async () => {
        const broker = openEmbeddedBroker(join(directory, 'broker.sqlite'), { views });
        let closed = false;
        return {
          publish: async (topic, messages) => {
            if (closed) throw new Error('the broker is closed');
            views.get(topic)?.append(messages);
          },
          subscribe: (options) => broker.subscribe(options),
          endPositions: (topic) => broker.endPositions(topic),
          committedPositions: (group, topic) => broker.committedPositions(group, topic),
          close: () => {
            closed = true;
            return broker.close();
          },
        };
      },
      destroy: async () => rmSync(directory, { recursive: true }),
    };
  },
  1,
);

describe('the embedded broker', () => {
  let directory: string;
  let path: string;
  let broker: Broker;
  let seen: Message[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tantieme-broker-'));
    path = join(directory, 'broker.sqlite');
    broker = openEmbeddedBroker(path);
    seen = [];
  });
  afterEach(async () => {
    await broker.close();
    rmSync(directory, { recursive: true });
  });

  const keyed = (count: number): { key: string; value: string }[] =>
    Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: `v${index}` }));
  const collect = async (batch: readonly Message[]): Promise<void> => {
    seen.push(...batch);
  };
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 2000; tries += 1) {
      if (await holds()) return;
      await pause(5);
    }
    throw new Error('the condition did not become true in time');
  };

  it('wakes its consumers at once, without waiting for the next poll', async () => {
    let received = (): void => undefined;
    await consume(broker, { group: 'g', topics: ['sales'], batchSize: 10, handle: async () => received() });
    const delaysMs: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      await pause(20);
      const arrival = new Promise<void>((resolve) => (received = resolve));
      const publishedMs = performance.now();
      await broker.publish('sales', [{ key: 'k', value: String(turn) }]);
      await arrival;
      delaysMs.push(performance.now() - publishedMs);
    }
    expect(Math.min(...delaysMs)).toBeLessThan(50);
  });

  it('delivers messages that another process published to the same file', async () => {
    await consume(broker, { group: 'g', topics: ['sales'], batchSize: 10, handle: collect });
    const other = openEmbeddedBroker(path);
    await other.publish('sales', keyed(10));
    await other.close();
    await until(() => seen.length === 10);
  });

  it('keeps messages that a group has not read of a topic created by another connection', async () => {
    const other = openEmbeddedBroker(path, { retentionDays: 0 });
    let tries = 0;
    const handle = async (): Promise<void> => {
      tries += 1;
      throw new Error('nothing of it is committed');
    };
    const member = await consume(broker, { group: 'slow', topics: ['sales'], batchSize: 10, handle });
    await other.publish('sales', keyed(10));
    await until(() => tries > 0);
    await member.stop();
    await consume(other, { group: 'quick', topics: ['sales'], batchSize: 10_000, handle: async () => undefined });
    // Enough messages to trigger retention.
    for (let round = 0; round < 3; round += 1) {
      await other.publish('sales', keyed(10_000));
      await until(async () =>
        hasReached(await other.committedPositions('quick', 'sales'), await other.endPositions('sales')),
      );
    }
    await consume(broker, { group: 'slow', topics: ['sales'], batchSize: 10_000, handle: collect });
    await until(() => seen.length === 30_010);
    await other.close();
  });

  it('stores messages durably before it is closed', async () => {
    await broker.publish('sales', keyed(10));
    const other = openEmbeddedBroker(path);
    const ends = await other.endPositions('sales');
    await other.close();
    expect([...ends.values()].reduce((sum, end) => sum + end, 0n)).toBe(10n);
  });

  it('refuses publications to a topic that is a view of the log', async () => {
    const other = openEmbeddedBroker(':memory:', { views: new Map([['sales', new MemoryLog('sales')]]) });
    await expect(other.publish('sales', keyed(1))).rejects.toThrow('nobody publishes to sales');
    await other.close();
  });

  describe('retention', () => {
    const stored = (topic: string): number => {
      const topics = new StoredTopics(path, { retentionMs: 0, pageCacheBytes: 0, nowMs: () => 0 });
      const { length } = topics.read(topic, 0n, 100_000);
      topics.close();
      return length;
    };
    const reopenedWith = async (retentionDays: number): Promise<void> => {
      await broker.close();
      broker = openEmbeddedBroker(path, { retentionDays });
    };
    const readAll = async (group: string): Promise<void> => {
      const consumer = await consume(broker, { group, topics: ['sales'], batchSize: 1000, handle: collect });
      const end = await broker.endPositions('sales');
      await until(async () => hasReached(await broker.committedPositions(group, 'sales'), end));
      await consumer.stop();
    };

    it('deletes old committed messages, a limited number at a time, and continues their offsets', async () => {
      await broker.publish('sales', keyed(12_000));
      await readAll('g');
      await pause(5);
      await reopenedWith(0);
      await broker.publish('other', keyed(10_000));
      expect(stored('sales')).toBe(2_000);
      await broker.publish('other', keyed(10_000));
      expect(stored('sales')).toBe(0);
      expect(stored('other')).toBe(20_000);
      await broker.publish('sales', keyed(1));
      seen = [];
      await readAll('g');
      expect(seen.map(({ value }) => value)).toEqual(['v0']);
    });

    it('keeps newer messages', async () => {
      await broker.publish('sales', keyed(12_000));
      await readAll('g');
      await reopenedWith(1);
      await broker.publish('other', keyed(10_000));
      expect(stored('sales')).toBe(12_000);
    });

    it('keeps messages that a group has requested but never committed', async () => {
      const slow = await consume(broker, {
        group: 'slow',
        topics: ['sales'],
        batchSize: 10,
        handle: async () => {
          throw new Error('never');
        },
      });
      await broker.publish('sales', keyed(100));
      await slow.stop();
      await readAll('g');
      await pause(5);
      await reopenedWith(0);
      await broker.publish('other', keyed(10_000));
      expect(stored('sales')).toBe(100);
    });

    it('keeps messages that no group reads', async () => {
      await broker.publish('sales', keyed(100));
      await pause(5);
      await reopenedWith(0);
      await broker.publish('other', keyed(10_000));
      expect(stored('sales')).toBe(100);
    });
  });
});
