import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';

import { earningsLedger } from './earnings-ledger.js';
import type { EarningsCommand, EarningsEvent, EarningsState } from './earnings-ledger.js';
import { LEDGER_BYTES_MAX } from '../limits.js';

export type EarningsLedger = Runtime<EarningsState, EarningsCommand, EarningsEvent>;

export function openEarningsLedger(store: EventStore): EarningsLedger {
  return createRuntime({ store, decider: earningsLedger, cacheBytesMax: LEDGER_BYTES_MAX });
}
