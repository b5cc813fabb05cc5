import type { EventStore } from '@tantieme/event-store/event-store';

import { domainEventOf } from '../decide/upcasting.js';
import { PARKED, PARKED_EVENTS } from '../parking/parked.js';
import type { ParkedEvent, ParkedItem } from '../parking/parked.js';

/** Everything that was parked, in the order in which it was. */
export async function parkedIn(store: EventStore): Promise<readonly ParkedItem[]> {
  const { events } = await store.readAll({ filter: { categories: [PARKED] }, limit: 10_000 });
  return events.flatMap((stored) => {
    const event = domainEventOf<ParkedEvent>(stored, PARKED_EVENTS);
    return event.type === 'ItemParked' ? [event.data] : [];
  });
}
