import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { programme } from './programme.js';
import type { ProgrammeCommand, ProgrammeEvent, ProgrammeState } from './programme.js';

const CACHE_BYTES_MAX = 16 * 1024 * 1024;

/** Injection token of {@link Programmes}. */
export const PROGRAMMES = Symbol('programmes');
export type Programmes = Runtime<ProgrammeState, ProgrammeCommand, ProgrammeEvent>;

export function openProgrammes(store: EventStore): Programmes {
  return createRuntime({ store, decider: programme, cacheBytesMax: CACHE_BYTES_MAX });
}
