import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { earningsLedger } from './earnings-ledger.js';
import type { EarningsCommand, EarningsEvent, EarningsState } from './earnings-ledger.js';

/** Small, because a stream of the ledger is written once, and perhaps again after a crash. */
const CACHE_BYTES_MAX = 1024 * 1024;

export type EarningsLedger = Runtime<EarningsState, EarningsCommand, EarningsEvent>;

export function openEarningsLedger(store: EventStore): EarningsLedger {
  return createRuntime({ store, decider: earningsLedger, cacheBytesMax: CACHE_BYTES_MAX });
}
