/** The deciders of all services, for replay: `tantieme verify` repeats their decisions. */
import type { Replayable } from '@tantieme/audit/verify';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import { parkedDecider } from '@tantieme/event-sourcing/parking/parked';
import type { EventStore } from '@tantieme/event-store/event-store';
import { replayables as commissionCalculation } from '@tantieme/commission-calculation/replayables';
import { replayables as dealIngestion } from '@tantieme/deal-ingestion/replayables';
import { replayables as partnerRegistry } from '@tantieme/partner-registry/replayables';
import { replayables as payouts } from '@tantieme/payouts/replayables';
import { replayables as rewards } from '@tantieme/rewards/replayables';
import { proposalDecider } from '@tantieme/service-kit/two-people/proposal';

export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  const services = [partnerRegistry, dealIngestion, commissionCalculation, rewards, payouts];
  return [
    withReader(proposalDecider),
    withReader(parkedDecider),
    ...(await Promise.all(services.map((of) => of(store)))).flat(),
  ];
}
