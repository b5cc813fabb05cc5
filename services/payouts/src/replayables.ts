import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';

import { account } from './domain/account.js';
import { settlement } from './domain/settlement.js';

/** The deciders of payouts, for replay: their events hold all that they were decided on. */
export async function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return [account, settlement];
}
