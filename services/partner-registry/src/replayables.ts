/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { partnerDecider } from './partner/partner.js';

/** Nothing is looked up in the store: an event holds what its change needed to know of other partners. */
export function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return Promise.resolve([withReader(partnerDecider)]);
}
