import type { StoredEvent } from '@tantieme/event-store/event-store';

import { PARKED, RETRY_REQUESTED } from '../parking/parked.js';
import { messageOfParked } from '../parking/parking.js';
import type { Parking } from '../parking/parking.js';
import { errorMessage } from './errors.js';
import { logSource } from './log-source.js';
import type { Consumes, Process, StepContext } from './process.js';

/** Hands the parked messages of a process to its step again, after somebody asked for it. */
export function retriesOf<Item>(
  process: Process<Item>,
  consumes: Consumes<Item>,
  parking: Parking,
): Process<StoredEvent> {
  return {
    name: `${process.name}-parked`,
    replicas: 'one-replica',
    source: logSource({ categories: [PARKED], types: [RETRY_REQUESTED] }),
    step: async (requests, context) => {
      for (const request of requests) {
        const item = await parking.find(request.stream);
        const message = item?.process === process.name ? messageOfParked(item) : undefined;
        if (message !== undefined)
          await parking.answer(request, await refusalOf(process, () => consumes.read(message), context));
      }
    },
  };
}

/** @returns why the message is refused again; undefined if it was handled */
async function refusalOf<Item>(
  process: Process<Item>,
  read: () => Item,
  context: StepContext,
): Promise<string | undefined> {
  let item: Item;
  try {
    item = read();
  } catch (error) {
    return errorMessage(error);
  }
  const refused = await process.step([item], context);
  return typeof refused === 'object' ? refused[0]?.reason : undefined;
}
