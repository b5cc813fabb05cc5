/** Reads what a stopped all-in-one on the embedded default published, from its log. */
import { join } from 'node:path';
import { PAYOUTS } from '@tantieme/payouts/account/account.events-out';
import { Parking } from '@tantieme/event-sourcing/parking/parking';
import { viewOf } from '@tantieme/event-sourcing/process/publication';
import { openDatabase } from '@tantieme/event-sourcing/read-model/database';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { openEmbeddedBroker } from '@tantieme/messaging/embedded/broker';
import { readTopic } from '@tantieme/messaging/testing/read-topic';
import { systemTimers } from '@tantieme/time/timers';

export async function storedPayouts(dataDirectory: string): Promise<readonly OutgoingMessage[]> {
  const store = openSqliteEventStore(join(dataDirectory, 'events.sqlite'));
  const db = openDatabase(':memory:');
  const view = viewOf(PAYOUTS, store, new Parking({ store, db, timers: systemTimers }));
  const broker = openEmbeddedBroker(':memory:', { views: new Map([[PAYOUTS.topic, view]]) });
  try {
    return (await readTopic(broker, PAYOUTS.topic)).map(({ key, value }) => ({ key, value }));
  } finally {
    await broker.close();
    await db.destroy();
    await store.close();
  }
}
