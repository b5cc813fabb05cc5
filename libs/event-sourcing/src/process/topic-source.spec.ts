import { describe, expect, it } from '@jest/globals';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import { systemTimers } from '@tantieme/time/timers';

import { openDatabase } from '../read-model/database.js';
import { topicSource } from './topic-source.js';

describe('a consumer that cannot read its positions', () => {
  // Found by the simulation: the member that was left behind kept its partitions, and nobody read them.
  it('does not stay in its group', async () => {
    const real = openEmbeddedBroker(':memory:');
    let members = 0;
    const broker: Broker = {
      publish: (topic, messages) => real.publish(topic, messages),
      subscribe: async (options) => {
        members += 1;
        return real.subscribe(options);
      },
      endPositions: (topic) => real.endPositions(topic),
      committedPositions: () => Promise.reject(new Error('the broker is unreachable')),
      close: () => real.close(),
    };
    const source = topicSource({ group: 'readers', topics: ['sales'] });
    const store = openSqliteEventStore(':memory:');
    const db = openDatabase(':memory:');
    const ports = { store, broker, db, timers: systemTimers, views: new Map() };
    const listener = { reached: () => undefined, ends: () => undefined, assigned: () => undefined };
    await expect(source.open(ports, 'reader', listener)).rejects.toThrow('the broker is unreachable');
    expect(members).toBe(0);
    await db.destroy();
    await store.close();
    await real.close();
  });
});
