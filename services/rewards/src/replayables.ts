import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';

import { Directory } from './programme/directory.service.js';
import { bonusDecider } from './bonus/bonus.js';
import { rewardsLedger } from './ledger/ledger.js';
import { participant } from './participant/participant.js';
import { rewardsCalendar, rewardsPeriod } from './period/period.js';
import { programme } from './programme/programme.js';

/**
 * The deciders of rewards, for replay. A bonus names its programme by hash: the programmes of the log are read for it. An event that
 * cannot be applied is passed over here, and named when its stream is decided again.
 */
export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  const directory = new Directory(store, () => undefined);
  await directory.refresh();
  return [
    programme,
    participant,
    rewardsLedger,
    bonusDecider((hash) => directory.programmeOf(hash)),
    rewardsCalendar,
    rewardsPeriod,
  ];
}
