import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { bonusMessagesOf } from './bonus.events-out.js';
import { BONUS_PARTIAL_STATES, bonusDecider } from './bonus.js';
import type { BonusCommand, BonusEvent, BonusState } from './bonus.js';
import { ReferenceData } from './reference-data.service.js';
import { FULL_BONUSES_BYTES_MAX, PARTIAL_BONUSES_BYTES_MAX, PARTIAL_BONUS_BYTES } from '../limits.js';

/** The bonuses, and the data that decisions on them look up. */
export interface Bonuses {
  readonly runtime: Runtime<BonusState, BonusCommand, BonusEvent>;
  readonly referenceData: ReferenceData;
}

export function openBonuses(store: EventStore): Bonuses {
  const referenceData = new ReferenceData(store);
  const runtime = createPartialStateRuntime({
    store,
    decider: bonusDecider((hash) => referenceData.programmeOf(hash)),
    partialStates: BONUS_PARTIAL_STATES,
    fullStateBytesMax: FULL_BONUSES_BYTES_MAX,
    partialStateBytes: PARTIAL_BONUS_BYTES,
    cacheBytesMax: PARTIAL_BONUSES_BYTES_MAX,
    messagesOf: bonusMessagesOf,
  });
  return { runtime, referenceData };
}
