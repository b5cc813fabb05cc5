import type { Replayable } from '@tantieme/audit/verify';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';

import { account } from './account/account.js';
import { statementRun } from './statement-run/statement-run.js';

/** The deciders of payouts, for replay. Their events hold all inputs, so nothing is looked up. */
export async function replayables(_store: EventStore): Promise<readonly Replayable[]> {
  return [withReader(account), withReader(statementRun)];
}
