import type { FactoryProvider } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { referenceDecider } from './reference.js';
import type { ReferenceCommand, ReferenceEvent, ReferenceState } from './reference.js';
import { REFERENCES_BYTES_MAX } from '../../limits.js';

export type ReferenceRuntime = Runtime<ReferenceState, ReferenceCommand, ReferenceEvent>;

export const REFERENCE_RUNTIME = Symbol('runtime of reference streams');

export const referenceRuntime: FactoryProvider<ReferenceRuntime> = {
  provide: REFERENCE_RUNTIME,
  inject: [EVENT_STORE],
  useFactory: (store: EventStore) =>
    createRuntime({ store, decider: referenceDecider, cacheBytesMax: REFERENCES_BYTES_MAX }),
};
