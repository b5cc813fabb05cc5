import type { Replayable } from '@tantieme/audit/verify';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';

import { bonusDecider } from './bonus/bonus.js';
import { ReferenceData } from './bonus/reference-data.service.js';
import { earningsLedger } from './ledger/earnings-ledger.js';
import { participant } from './participant/participant.js';
import { rewardsCalendar, rewardsPeriod } from './period/period.js';
import { programme } from './programme/programme.js';

/**
 * The deciders of rewards, for replay. A bonus names its programme by hash, so the programmes of the log are read
 * first. An event that cannot be applied is skipped there; the replay of its own stream reports it.
 */
export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  const referenceData = new ReferenceData(store, () => undefined);
  await referenceData.refresh();
  return [
    withReader(programme),
    withReader(participant),
    withReader(earningsLedger),
    withReader(bonusDecider((hash) => referenceData.programmeOf(hash))),
    withReader(rewardsCalendar),
    withReader(rewardsPeriod),
  ];
}
