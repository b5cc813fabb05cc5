/**
 * What every broker adapter guarantees, as tests. The spec of an adapter calls `brokerContract` with a way to open it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hasReached, type Batch, type Broker, type Message, type SubscribeOptions } from './broker.js';

export interface BrokerUnderTest {
  /** Opens the same broker again and again, with its earlier messages. */
  open(): Promise<Broker>;
  /** Deletes its data. */
  destroy(): Promise<void>;
}

export interface ConsumeOptions extends SubscribeOptions {
  readonly handle: (batch: readonly Message[]) => Promise<void>;
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Consumer {
  /** Finishes the current batch, commits it, and leaves the group. */
  stop(): Promise<void>;
}

const RETRY_MS = 20;

/** Pulls one batch after the other; a partition whose batch failed is paused for a moment. */
export async function consume(broker: Broker, options: ConsumeOptions): Promise<Consumer> {
  const stopping = new AbortController();
  const paused = new Map<string, number>();
  let subscription = await broker.subscribe(options);
  const isPaused = (topic: string, partition: number): boolean =>
    (paused.get(`${topic}/${partition}`) ?? 0) > performance.now();
  const step = async (batch: Batch): Promise<void> => {
    try {
      if (batch.messages.length > 0) await options.handle(batch.messages);
    } catch (error) {
      options.onError?.(error);
      paused.set(`${batch.topic}/${batch.partition}`, performance.now() + RETRY_MS);
      subscription.release(batch);
      return;
    }
    await subscription.commit(batch);
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted)
      try {
        const soon =
          paused.size === 0 ? stopping.signal : AbortSignal.any([stopping.signal, AbortSignal.timeout(RETRY_MS)]);
        const batch = await subscription.next(soon, isPaused);
        if (batch !== undefined) await step(batch);
      } catch (error) {
        if (stopping.signal.aborted) return;
        options.onError?.(error);
        await subscription.close();
        await pause(RETRY_MS);
        try {
          subscription = await broker.subscribe(options);
        } catch (failure) {
          if (String(failure).includes('the broker is closed')) return;
        }
      }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
      await subscription.close();
    },
  };
}

/** @param partitions per new topic */
export function brokerContract(name: string, create: () => Promise<BrokerUnderTest>, partitions: 1 | 4 = 4): void {
  /** What only a topic with several partitions can show. */
  const ofPartitions = partitions === 4 ? it : (): void => undefined;

  describe(`${name} fulfils the broker contract`, () => {
    let under: BrokerUnderTest;
    let broker: Broker;
    let seen: Message[];

    beforeEach(async () => {
      under = await create();
      broker = await under.open();
      seen = [];
    });
    afterEach(async () => {
      await broker.close();
      await under.destroy();
    });

    const collect = (options: Partial<ConsumeOptions> = {}): Promise<Consumer> =>
      consume(broker, {
        group: 'readers',
        topics: ['sales'],
        batchSize: 100,
        handle: async (batch) => {
          seen.push(...batch);
        },
        ...options,
      });
    const numbered = (count: number, from = 0): { key: string; value: string }[] =>
      Array.from({ length: count }, (_, index) => ({ key: `k${(from + index) % 7}`, value: `v${from + index}` }));
    const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
      for (let tries = 0; tries < 2000; tries += 1) {
        if (await holds()) return;
        await pause(5);
      }
      throw new Error('the condition did not become true in time');
    };
    const values = (): string[] => seen.map(({ value }) => value).sort();

    it('delivers messages published before the group joined', async () => {
      await broker.publish('sales', numbered(20));
      await collect();
      await until(() => seen.length === 20);
      expect(values()).toEqual(
        numbered(20)
          .map(({ value }) => value)
          .sort(),
      );
    });

    it('delivers messages published after the group joined', async () => {
      await collect();
      await broker.publish('sales', numbered(20));
      await until(() => seen.length === 20);
    });

    it('keeps key, value and headers', async () => {
      await broker.publish('sales', [{ key: 'k', value: '{"a":"ü"}', headers: { trace: 'x' } }]);
      await collect();
      await until(() => seen.length === 1);
      expect(seen[0]).toMatchObject({
        topic: 'sales',
        key: 'k',
        value: '{"a":"ü"}',
        headers: { trace: 'x' },
      });
    });

    it('keeps the order of messages of one key', async () => {
      for (let from = 0; from < 300; from += 50) await broker.publish('sales', numbered(50, from));
      await collect({ batchSize: 17 });
      await until(() => seen.length === 300);
      for (let key = 0; key < 7; key += 1) {
        const numbers = seen.filter((message) => message.key === `k${key}`).map(({ value }) => Number(value.slice(1)));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    });

    it('always maps a key to the same partition', async () => {
      await broker.publish('sales', numbered(70));
      await collect();
      await until(() => seen.length === 70);
      const partitions = new Map<string, Set<number>>();
      for (const { key, partition } of seen) partitions.set(key, (partitions.get(key) ?? new Set()).add(partition));
      expect([...partitions.values()].map(({ size }) => size)).toEqual(Array.from({ length: 7 }, () => 1));
    });

    it('keeps the order of messages of one key if publications overlap', async () => {
      const texts = Array.from({ length: 100 }, (_, index) => `v${index}`);
      await Promise.all(texts.map((value) => broker.publish('sales', [{ key: 'k', value }])));
      await collect();
      await until(() => seen.length === 100);
      expect(seen.map(({ value }) => value)).toEqual(texts);
    });

    it('accepts many messages of nearly a megabyte at once', async () => {
      const messages = Array.from({ length: 5 }, (_, index) => ({ key: 'k', value: String(index).repeat(1_000_000) }));
      await broker.publish('sales', messages);
      await collect();
      await until(() => seen.length === 5);
      expect(seen.map(({ value }) => value[0])).toEqual(['0', '1', '2', '3', '4']);
    });

    ofPartitions('numbers the messages of a partition from 0 without gaps', async () => {
      await broker.publish('sales', numbered(50));
      await collect();
      await until(() => seen.length === 50);
      for (const partition of new Set(seen.map((message) => message.partition))) {
        const offsets = seen.filter((message) => message.partition === partition).map(({ offset }) => Number(offset));
        expect(offsets).toEqual(offsets.map((_, index) => index));
      }
    });

    it('delivers batches of one partition, no larger than requested', async () => {
      const batches: (readonly Message[])[] = [];
      await broker.publish('sales', numbered(100));
      await collect({
        batchSize: 8,
        handle: async (batch) => {
          batches.push(batch);
          seen.push(...batch);
        },
      });
      await until(() => seen.length === 100);
      expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(8);
      expect(batches.every((batch) => new Set(batch.map(({ partition }) => partition)).size === 1)).toBe(true);
    });

    it('delivers everything to each of two groups', async () => {
      const others: Message[] = [];
      await broker.publish('sales', numbered(20));
      await collect();
      await collect({
        group: 'others',
        handle: async (batch) => {
          others.push(...batch);
        },
      });
      await until(() => seen.length === 20 && others.length === 20);
    });

    ofPartitions('shares the partitions between two members of a group, each message to one', async () => {
      const [first, second]: [Message[], Message[]] = [[], []];
      const into = (list: Message[]) => ({
        handle: async (batch: readonly Message[]) => {
          list.push(...batch);
        },
      });
      await collect(into(first));
      await collect(into(second));
      await broker.publish('sales', numbered(140));
      await until(() => first.length + second.length >= 140);
      expect([...first, ...second].map(({ value }) => value).sort()).toEqual(
        numbered(140)
          .map(({ value }) => value)
          .sort(),
      );
      expect(first.length).toBeGreaterThan(0);
      expect(second.length).toBeGreaterThan(0);
    });

    it('assigns the partitions of a member that left to the others', async () => {
      const first = await collect();
      await collect();
      await first.stop();
      await broker.publish('sales', numbered(70));
      await until(() => seen.length === 70);
    });

    it('assigns all partitions of a topic to the only member that reads it', async () => {
      await collect({ topics: ['sales'] });
      await collect({ topics: ['partners'] });
      await broker.publish('sales', numbered(20));
      await broker.publish('partners', numbered(20, 20));
      await until(() => seen.length === 40);
      expect(values()).toEqual(
        numbered(40)
          .map(({ value }) => value)
          .sort(),
      );
    });

    ofPartitions('keeps each partition in order with one member at a time while members join and leave', async () => {
      const inProgress = new Set<number>();
      const next = new Map<number, bigint>();
      const faults: string[] = [];
      const join = (): Promise<Consumer> =>
        collect({
          batchSize: 3,
          handle: async (batch) => {
            const [{ partition, offset } = { partition: -1, offset: -1n }] = batch;
            if (inProgress.has(partition)) faults.push(`partition ${partition} has two batches at once`);
            if (offset !== (next.get(partition) ?? 0n)) faults.push(`partition ${partition} continued at ${offset}`);
            inProgress.add(partition);
            await pause(2);
            inProgress.delete(partition);
            next.set(partition, offset + BigInt(batch.length));
            seen.push(...batch);
          },
        });
      await broker.publish('sales', numbered(300));
      const members = [await join(), await join(), await join()];
      for (let turn = 0; turn < 5; turn += 1) {
        await broker.publish('sales', numbered(60, 300 + turn * 60));
        await pause(7);
        await members.shift()?.stop();
        await pause(3);
        members.push(await join());
      }
      await until(() => seen.length >= 600);
      expect(faults).toEqual([]);
      expect(new Set(values()).size).toBe(600);
      expect(seen).toHaveLength(600);
    });

    it('delivers one batch at a time to a member', async () => {
      let concurrent = 0;
      let concurrentMax = 0;
      await broker.publish('sales', numbered(70));
      await collect({
        batchSize: 5,
        handle: async (batch) => {
          concurrent += 1;
          concurrentMax = Math.max(concurrentMax, concurrent);
          await pause(2);
          concurrent -= 1;
          seen.push(...batch);
        },
      });
      await until(() => seen.length === 70);
      expect(concurrentMax).toBe(1);
    });

    it('notifies the members of every assignment', async () => {
      let assignments = 0;
      const onAssigned = (): void => {
        assignments += 1;
      };
      await collect({ onAssigned });
      const first = assignments;
      const second = await collect();
      await until(() => assignments > first);
      const both = assignments;
      await second.stop();
      await until(() => assignments > both);
      expect(first).toBe(1);
    });

    it('redelivers a failed batch and then continues', async () => {
      let failures = 0;
      const errors: unknown[] = [];
      await broker.publish('sales', numbered(10));
      await collect({
        handle: async (batch) => {
          if (failures < 2) {
            failures += 1;
            throw new Error('not now');
          }
          seen.push(...batch);
        },
        onError: (error) => errors.push(error),
      });
      await until(() => new Set(values()).size === 10);
      expect(errors).toHaveLength(2);
    });

    it('redelivers a failed batch before later messages of its partition', async () => {
      let failed = false;
      await broker.publish(
        'sales',
        Array.from({ length: 30 }, (_, index) => ({ key: 'one', value: `v${index}` })),
      );
      await collect({
        batchSize: 10,
        handle: async (batch) => {
          if (batch[0]?.value === 'v10' && !failed) {
            failed = true;
            throw new Error('not now');
          }
          seen.push(...batch);
        },
      });
      await until(() => seen.length === 30);
      expect(seen.map(({ value }) => value)).toEqual(Array.from({ length: 30 }, (_, index) => `v${index}`));
    });

    ofPartitions('continues with other partitions while one fails', async () => {
      const first = numbered(1)[0]?.key;
      await broker.publish('sales', numbered(70));
      await collect({
        handle: async (batch) => {
          if (batch.some(({ key }) => key === first)) throw new Error('never');
          seen.push(...batch);
        },
      });
      const others = await broker.endPositions('sales');
      await until(async () => {
        const committed = await broker.committedPositions('readers', 'sales');
        return [...others].filter(([partition, end]) => (committed.get(partition) ?? 0n) < end).length === 1;
      });
      expect(seen.length).toBeGreaterThan(0);
    });

    it('delivers one batch of a partition at a time, and a released one again', async () => {
      await broker.publish(
        'sales',
        numbered(10).map((message) => ({ ...message, key: 'one' })),
      );
      const subscription = await broker.subscribe({ group: 'readers', topics: ['sales'], batchSize: 4 });
      const soon = (): AbortSignal => AbortSignal.timeout(1000);
      const next = async (): Promise<Batch> => {
        for (;;) {
          const batch = await subscription.next(AbortSignal.timeout(20_000));
          if (batch === undefined || batch.messages.length > 0) return batch ?? { ...none, topic: 'nothing' };
          await subscription.commit(batch);
        }
      };
      const none = { topic: '', partition: 0, messages: [], next: 0n };
      const first = await next();
      expect(first.messages.map(({ value }) => value)).toEqual(['v0', 'v1', 'v2', 'v3']);
      expect(await subscription.next(soon())).toBeUndefined();
      subscription.release(first);
      const again = await next();
      expect(again.messages.map(({ value }) => value)).toEqual(['v0', 'v1', 'v2', 'v3']);
      await subscription.commit(again);
      expect((await next()).messages.map(({ value }) => value)).toEqual(['v4', 'v5', 'v6', 'v7']);
      await subscription.close();
    });

    it('delivers nothing of a paused partition, and nothing is lost when a wait is aborted', async () => {
      await broker.publish(
        'sales',
        numbered(10).map((message) => ({ ...message, key: 'one' })),
      );
      const subscription = await broker.subscribe({ group: 'readers', topics: ['sales'], batchSize: 100 });
      expect(await subscription.next(AbortSignal.timeout(1000), () => true)).toBeUndefined();
      const received: string[] = [];
      while (received.length < 10) {
        const batch = await subscription.next(AbortSignal.timeout(300));
        if (batch === undefined) continue;
        received.push(...batch.messages.map(({ value }) => value));
        await subscription.commit(batch);
      }
      expect(received).toHaveLength(10);
      await subscription.close();
    });

    it('redelivers messages that were not committed when it was closed', async () => {
      await broker.publish('sales', numbered(10));
      let tries = 0;
      await collect({
        handle: async () => {
          tries += 1;
          throw new Error('not before the restart');
        },
      });
      await until(() => tries > 0);
      await broker.close();
      broker = await under.open();
      await collect();
      await until(() => seen.length === 10);
    });

    it('ignores an empty publication', async () => {
      await broker.publish('sales', []);
      expect([...(await broker.endPositions('sales')).values()].every((end) => end === 0n)).toBe(true);
    });

    it('allows stopping a consumer twice', async () => {
      const consumer = await collect();
      await consumer.stop();
      await consumer.stop();
    });

    it('does not commit a failed batch', async () => {
      await broker.publish('sales', [{ key: 'k', value: 'v' }]);
      let tried = false;
      const consumer = await collect({
        handle: async () => {
          tried = true;
          throw new Error('never');
        },
      });
      await until(() => tried);
      await consumer.stop();
      expect(hasReached(await broker.committedPositions('readers', 'sales'), await broker.endPositions('sales'))).toBe(
        false,
      );
    });

    it('returns the end of a topic and the committed positions of a group', async () => {
      await broker.publish('sales', numbered(30));
      const end = await broker.endPositions('sales');
      expect([...end.values()].reduce((sum, offset) => sum + offset, 0n)).toBe(30n);
      expect(hasReached(await broker.committedPositions('readers', 'sales'), end)).toBe(false);
      await collect();
      await until(async () => hasReached(await broker.committedPositions('readers', 'sales'), end));
      expect(seen).toHaveLength(30);
    });

    it('returns a position for every partition to a group that has read nothing', async () => {
      await broker.publish('sales', numbered(30));
      const committed = await broker.committedPositions('newcomers', 'sales');
      expect([...committed.keys()].sort()).toEqual([...(await broker.endPositions('sales')).keys()].sort());
      expect(new Set(committed.values())).toEqual(new Set([0n]));
    });

    it('refuses calls after it is closed', async () => {
      await broker.close();
      await expect(broker.publish('sales', numbered(1))).rejects.toThrow();
      await expect(collect()).rejects.toThrow('closed');
    });

    it('counts a topic without messages as fully read', async () => {
      expect(
        hasReached(await broker.committedPositions('readers', 'nothing'), await broker.endPositions('nothing')),
      ).toBe(true);
    });

    it('resumes after the committed position when it is opened again', async () => {
      await broker.publish('sales', numbered(10));
      const consumer = await collect();
      await until(() => seen.length === 10);
      await consumer.stop();
      await broker.close();
      broker = await under.open();
      await broker.publish('sales', numbered(5, 10));
      seen = [];
      await collect();
      await until(() => seen.length === 5);
      expect(values()).toEqual(['v10', 'v11', 'v12', 'v13', 'v14']);
    });

    it('keeps messages when it is opened again', async () => {
      await broker.publish('sales', numbered(10));
      await broker.close();
      broker = await under.open();
      await collect();
      await until(() => seen.length === 10);
    });

    it('finishes and commits the current batch when a consumer stops', async () => {
      await broker.publish('sales', [{ key: 'k', value: 'v' }]);
      let started = false;
      let ended = false;
      const consumer = await collect({
        handle: async () => {
          started = true;
          await pause(50);
          ended = true;
        },
      });
      await until(() => started);
      await consumer.stop();
      expect(ended).toBe(true);
      expect(hasReached(await broker.committedPositions('readers', 'sales'), await broker.endPositions('sales'))).toBe(
        true,
      );
    });

    it('delivers nothing after a consumer has stopped', async () => {
      const consumer = await collect();
      await consumer.stop();
      await broker.publish('sales', numbered(10));
      await pause(50);
      expect(seen).toEqual([]);
    });

    it('consumes several topics in one group', async () => {
      await collect({ topics: ['sales', 'partners'] });
      await broker.publish('partners', [{ key: 'p', value: 'a partner' }]);
      await broker.publish('sales', [{ key: 's', value: 'a sale' }]);
      await until(() => seen.length === 2);
      expect(values()).toEqual(['a partner', 'a sale']);
    });
  });
}
