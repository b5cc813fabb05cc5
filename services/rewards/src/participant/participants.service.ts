import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { participant } from './participant.js';
import type { ParticipantCommand, ParticipantEvent, ParticipantState } from './participant.js';

const CACHE_BYTES_MAX = 16 * 1024 * 1024;

export type Participants = Runtime<ParticipantState, ParticipantCommand, ParticipantEvent>;

export function openParticipants(store: EventStore): Participants {
  return createRuntime({ store, decider: participant, cacheBytesMax: CACHE_BYTES_MAX });
}
