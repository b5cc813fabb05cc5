import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encode } from '@tantieme/contracts/envelope';
import type { Envelope } from '@tantieme/contracts/envelope';
import type { Partner } from '@tantieme/contracts/partner';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { deadLetterTopic } from '@tantieme/messaging/broker';
import type { Broker, Message } from '@tantieme/messaging/broker';
import { openSqliteBroker } from '@tantieme/messaging/embedded/broker';

import { correlationContext } from './correlation-context.js';
import { startConsumer, waitUntilCommitted } from './consumer.js';
import type { Received, RunningConsumer } from './consumer.js';
import { createRuntime } from '../decide/runtime.js';
import { causedBy, tally, temporaryDirectory } from '../testing/tally.fixture.js';

const directory = temporaryDirectory();
afterAll(() => directory.remove());

let files = 0;
let path: string;
let broker: Broker;
const started: RunningConsumer[] = [];
let errors: unknown[];

beforeEach(() => {
  path = directory.path(`broker-${(files += 1)}.sqlite`);
  broker = openSqliteBroker(path, { partitions: 2 });
  errors = [];
});
afterEach(async () => {
  for (const running of started.splice(0)) await running.stop();
  await broker.close();
});

const onError = (error: unknown): void => void errors.push(error);

function track(running: RunningConsumer): RunningConsumer {
  started.push(running);
  return running;
}

function partner(id: string): { key: string; value: string } {
  const data: Partner = {
    id,
    name: `Partner ${id}`,
    channel: 'retail',
    country: 'FR',
    tiers: [],
    uplines: [],
    agreements: [],
  };
  const attributes = {
    id: `m-${id}`,
    time: '2026-03-01T00:00:00Z',
    source: '/partner-registry',
    subject: id,
    key: id,
    stream: `partner-${id}`,
    revision: 0,
    correlationId: 'c-1',
    actor: 'ada',
  };
  return { key: id, value: encode('partner', attributes, data) };
}

async function deadLetters(topic: string, group: string): Promise<readonly Message[]> {
  const messages: Message[] = [];
  const name = deadLetterTopic(topic, group);
  for (const partition of (await broker.endPositions(name)).keys())
    messages.push(...(await broker.read(name, { partition, from: 0n, limit: 1000 })));
  return messages;
}

async function caughtUp(running: RunningConsumer, topic: string): Promise<void> {
  await running.waitFor(topic, await broker.endPositions(topic));
}

describe('a consumer', () => {
  it('passes on decoded messages and commits afterwards', async () => {
    await broker.publish('partners', [partner('P1'), partner('P2'), partner('P3')]);
    const seen: string[] = [];
    const running = track(
      startConsumer({
        broker,
        group: 'reader',
        topics: ['partners'],
        handle: async (batch) => {
          for (const { envelope } of batch) if (envelope.type === 'partner') seen.push(envelope.data.name);
        },
        onError,
      }),
    );
    await caughtUp(running, 'partners');
    expect(seen.toSorted()).toEqual(['Partner P1', 'Partner P2', 'Partner P3']);
    expect(await running.lag()).toBe(0n);
    expect(errors).toEqual([]);
  });

  it('moves a poison message to the dead letters with the reason, and handles the others', async () => {
    const invalid = JSON.stringify({ ...(JSON.parse(partner('P2').value) as object), data: { id: 'P2' } });
    await broker.publish('partners', [
      partner('P1'),
      { key: 'P1', value: 'no json' },
      { key: 'P1', value: invalid },
      { ...partner('P3'), key: 'P1' },
    ]);
    const seen: string[] = [];
    const running = track(
      startConsumer({
        broker,
        group: 'reader',
        topics: ['partners'],
        handle: async (batch) => {
          seen.push(...batch.map(({ envelope }) => envelope.id));
        },
        onError,
      }),
    );
    await caughtUp(running, 'partners');
    expect(seen).toEqual(['m-P1', 'm-P3']);
    const aside = await deadLetters('partners', 'reader');
    expect(aside.map((message) => message.value)).toEqual(['no json', invalid]);
    expect(aside[0]?.headers?.['reason']).toContain('JSON');
    expect(aside[1]?.headers?.['reason']).toContain('name');
    expect(errors).toEqual([]);
  });

  it('moves messages that its handler refuses to the dead letters', async () => {
    await broker.publish('partners', [partner('P1'), partner('P2')]);
    const running = track(
      startConsumer({
        broker,
        group: 'reader',
        topics: ['partners'],
        handle: async (batch) =>
          batch
            .filter(({ envelope }) => envelope.subject === 'P2')
            .map(({ message }) => ({ message, reason: 'P2 is not welcome' })),
        onError,
      }),
    );
    await caughtUp(running, 'partners');
    expect((await deadLetters('partners', 'reader')).map((message) => message.headers?.['reason'])).toEqual([
      'P2 is not welcome',
    ]);
  });

  it('reads other message formats with the given decoder', async () => {
    await broker.publish('numbers', [
      { key: 'a', value: '41' },
      { key: 'a', value: 'x' },
    ]);
    const seen: number[] = [];
    const correlated: (readonly string[])[] = [];
    const running = track(
      startConsumer({
        broker,
        group: 'numbers',
        topics: ['numbers'],
        decode: (value) => {
          if (!/^\d+$/.test(value)) throw new Error(`${value} is not a number`);
          return { number: Number(value), correlationId: `of ${value}` };
        },
        handle: async (batch: readonly Received<{ number: number; correlationId: string }>[]) => {
          seen.push(...batch.map(({ envelope }) => envelope.number + 1));
          correlated.push(correlationContext.getStore()?.() ?? []);
        },
        onError,
      }),
    );
    await caughtUp(running, 'numbers');
    expect(seen).toEqual([42]);
    expect(correlated).toEqual([['of 41']]);
    expect((await deadLetters('numbers', 'numbers')).map((message) => message.headers?.['reason'])).toEqual([
      'x is not a number',
    ]);
  });

  it('receives a failed batch again, reports the reason, and appends nothing twice', async () => {
    await broker.publish('partners', [partner('P1'), { ...partner('P2'), key: 'P1' }]);
    const store = openSqliteEventStore(':memory:');
    const runtime = createRuntime({ store, decider: tally });
    const lastErrors: (string | undefined)[] = [];
    let crashes = 2;
    const running: RunningConsumer = track(
      startConsumer({
        broker,
        group: 'reader',
        topics: ['partners'],
        handle: async (batch: readonly Received<Envelope>[]) => {
          lastErrors.push(running.lastError());
          await runtime.handleMany(
            batch.map(({ envelope }) => ({
              stream: 'tally-all',
              command: { entry: envelope.id, amount: 1 },
              context: causedBy(envelope.id),
            })),
          );
          if (crashes > 0) {
            crashes -= 1;
            throw new Error('crashed after the append');
          }
        },
        onError,
      }),
    );
    await caughtUp(running, 'partners');
    expect(errors).toHaveLength(2);
    expect(lastErrors).toEqual([undefined, 'crashed after the append', 'crashed after the append']);
    expect(running.lastError()).toBeUndefined();
    expect(await store.readStream('tally-all')).toHaveLength(2);
    await store.close();
  });

  it('resumes after its committed position on restart', async () => {
    await broker.publish('partners', [partner('P1')]);
    const seen: string[] = [];
    const start = (): RunningConsumer =>
      track(
        startConsumer({
          broker,
          group: 'reader',
          topics: ['partners'],
          handle: async (batch) => {
            seen.push(...batch.map(({ envelope }) => envelope.id));
          },
          onError,
        }),
      );
    const first = start();
    await caughtUp(first, 'partners');
    await first.stop();
    await broker.close();
    broker = openSqliteBroker(path, { partitions: 2 });
    await broker.publish('partners', [partner('P2')]);
    await caughtUp(start(), 'partners');
    expect(seen).toEqual(['m-P1', 'm-P2']);
  });
});

describe('waiting for a group', () => {
  it('ends with its signal if the group never gets there', async () => {
    await broker.publish('partners', [partner('P1')]);
    const end = await broker.endPositions('partners');
    await expect(
      waitUntilCommitted({ broker, group: 'nobody', topic: 'partners', end, signal: AbortSignal.timeout(50) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
