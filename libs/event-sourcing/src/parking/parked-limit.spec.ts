import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore } from '@tantieme/event-store/event-store';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import { systemTimers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';

import { PARKED_MAX } from '../limits.js';
import { projectionProcess } from '../process/projection.js';
import { topicSource } from '../process/topic-source.js';
import { openDatabase } from '../read-model/database.js';
import { startProcess } from '../testing/process.fixture.js';
import type { RunningProcess } from '../testing/process.fixture.js';
import { causedBy } from '../testing/tally.fixture.js';
import { countOpen, parkedProjection } from './parked.projection.js';
import type { ParkedTables } from './parked.projection.js';
import { parkedStream } from './parked.js';

let store: EventStore;
let db: Kysely<ParkedTables>;
let broker: Broker;
let reader: RunningProcess;

beforeEach(() => {
  store = openSqliteEventStore(':memory:');
  db = openDatabase(':memory:');
  broker = openEmbeddedBroker(':memory:');
  reader = startProcess(
    {
      name: 'reader',
      replicas: 'every-replica',
      source: topicSource({
        group: 'readers',
        topics: ['sales', 'refunds'],
        decode: (value: string) => ({ correlationId: 'c', text: JSON.parse(value) as string }),
      }),
      step: async () => undefined,
    },
    { store, db, broker, others: [projectionProcess(db, parkedProjection())] },
  );
});
afterEach(async () => {
  await reader.stop();
  await broker.close();
  await db.destroy();
  await store.close();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 2000; looks += 1) {
    if (await holds()) return;
    await systemTimers.wait(5);
  }
  throw new Error('the condition did not become true in time');
}

const unreadable = (count: number) => Array.from({ length: count }, () => ({ key: 'k', value: 'no JSON' }));
const committed = async (topic: string) => (await broker.committedPositions('readers', topic)).get(0);

describe('a topic of which too much is parked', () => {
  it('waits, and says so, until some of it was dealt with; others go on', async () => {
    await broker.publish('sales', unreadable(PARKED_MAX));
    await until(async () => (await countOpen(db).catch(() => 0)) === PARKED_MAX);
    await broker.publish('sales', unreadable(1));
    await until(async () => reader.status().lastError?.includes('no more are accepted') === true);
    await broker.publish('refunds', unreadable(1));
    await until(async () => (await committed('refunds')) === 1n);
    expect(await committed('sales')).toBe(BigInt(PARKED_MAX));

    await reader.scheduler.parking.runtime.handle(
      parkedStream('reader', { topic: 'sales', partition: 0, offset: '0' }),
      { type: 'discard', at: '2026-03-01T00:00:00Z', reason: 'spam', proposedBy: 'ada', confirmedBy: 'ben' },
      causedBy('discard'),
    );
    await until(async () => (await committed('sales')) === BigInt(PARKED_MAX + 1));
    expect(reader.status().lastError).toBeUndefined();
  });
});
