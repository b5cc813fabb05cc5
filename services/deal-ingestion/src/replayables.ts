/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { dealDecider } from './deal/deal.js';
import { importDecider } from './import/import.js';
import { refusalDecider } from './refusal/refusal.js';

/** Nothing is looked up in the store: each event is decided on what its own stream holds. */
export function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return Promise.resolve([withReader(dealDecider), withReader(refusalDecider), withReader(importDecider)]);
}
