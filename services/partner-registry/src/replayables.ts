/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';
import { partnerDecider } from './partner/partner.js';

/** They need nothing of the store: what a change looked up of other partners is in its event. */
export function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return Promise.resolve([partnerDecider]);
}
