import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { systemTimers } from '@tantieme/time/timers';
import { cacheParsedData, domainEventOf } from '../decide/upcasting.js';
import { Parking } from '../parking/parking.js';
import { openDatabase } from '../read-model/database.js';
import { relayOf } from './publication.js';

describe('a relay', () => {
  it('publishes data in the order of its stored text, also where the data that was decided is cached', async () => {
    const store = openSqliteEventStore(':memory:');
    const broker = openEmbeddedBroker(':memory:');
    const db = openDatabase(':memory:');
    const data = { second: 2, first: 1 };
    const event = {
      id: 'e',
      type: 'Changed',
      version: 1,
      occurredAt: '2026-01-01T00:00:00Z',
      metadata: { correlationId: 'c' },
      data,
    };
    await store.append({ stream: 'thing-1', expectedRevision: 'no-stream', events: [event] });
    const { events } = await store.readAll({ after: 0n, limit: 1 });
    for (const stored of events) cacheParsedData(stored, data);
    const relay = relayOf(
      {
        name: 'things-relay',
        topic: 'things',
        filter: { categories: ['thing'] },
        toMessages: (stored) => [
          { key: 'k', value: JSON.stringify(domainEventOf(stored, { Changed: { version: 1 } }).data) },
        ],
      },
      { store, broker, parking: new Parking({ store, db, timers: systemTimers }) },
    );
    await relay.step(events, {
      signal: new AbortController().signal,
      timers: systemTimers,
      hasReached: async () => true,
      attempt: async (_key, work) => work(),
      saveIn: async () => undefined,
    });
    expect((await readTopic(broker, 'things')).map(({ value }) => value)).toEqual([canonicalJson(data)]);
    await db.destroy();
    await broker.close();
    await store.close();
  });
});
