/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';
import { dealDecider } from './deal/deal.js';
import { refusalDecider } from './refusal/refusal.js';

/** They need nothing of the store: a fact is decided on what its own stream holds. */
export function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return Promise.resolve([dealDecider, refusalDecider]);
}
