import type { FactoryProvider } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { referenceDecider } from './reference.js';
import type { ReferenceCommand, ReferenceEvent, ReferenceState } from './reference.js';

export type ReferenceRuntime = Runtime<ReferenceState, ReferenceCommand, ReferenceEvent>;

export const REFERENCE_RUNTIME = Symbol('runtime of reference streams');

const STATES_BYTES_MAX = 16 * 1024 * 1024;

export const referenceRuntime: FactoryProvider<ReferenceRuntime> = {
  provide: REFERENCE_RUNTIME,
  inject: [EVENT_STORE],
  useFactory: (store: EventStore) =>
    createRuntime({ store, decider: referenceDecider, cacheBytesMax: STATES_BYTES_MAX }),
};
