/** The deciders of all services, for replay: `tantieme verify` repeats their decisions. */
import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';
import { replayables as commissionCalculation } from '@tantieme/commission-calculation/replayables';
import { replayables as dealIngestion } from '@tantieme/deal-ingestion/replayables';
import { replayables as partnerRegistry } from '@tantieme/partner-registry/replayables';
import { replayables as payouts } from '@tantieme/payouts/replayables';
import { replayables as rewards } from '@tantieme/rewards/replayables';

export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  return (
    await Promise.all([partnerRegistry, dealIngestion, commissionCalculation, rewards, payouts].map((of) => of(store)))
  ).flat();
}
