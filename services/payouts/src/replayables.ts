import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';

import { account } from './account/account.js';
import { settlement } from './statement-run/statement-run.js';

/** The deciders of payouts, for replay: their events hold all that they were decided on. */
export async function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return [account, settlement];
}
