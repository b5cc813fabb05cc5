import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { programme } from './programme.js';
import type { ProgrammeCommand, ProgrammeEvent, ProgrammeState } from './programme.js';
import { PROGRAMMES_BYTES_MAX } from '../limits.js';

/** Injection token of {@link Programmes}. */
export const PROGRAMMES = Symbol('programmes');
export type Programmes = Runtime<ProgrammeState, ProgrammeCommand, ProgrammeEvent>;

export function openProgrammes(store: EventStore): Programmes {
  return createRuntime({ store, decider: programme, cacheBytesMax: PROGRAMMES_BYTES_MAX });
}
