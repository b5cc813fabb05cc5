import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { participant } from './participant.js';
import type { ParticipantCommand, ParticipantEvent, ParticipantState } from './participant.js';
import { PARTICIPANTS_BYTES_MAX } from '../limits.js';

export type Participants = Runtime<ParticipantState, ParticipantCommand, ParticipantEvent>;

export function openParticipants(store: EventStore): Participants {
  return createRuntime({ store, decider: participant, cacheBytesMax: PARTICIPANTS_BYTES_MAX });
}
