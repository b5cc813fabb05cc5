/** The read models of all services, for a rebuild by name. */
import { parkedProjection } from '@tantieme/event-sourcing/parking/parked.projection';
import type { AnyProjection } from '@tantieme/event-sourcing/read-model/projection';
import { createReadModel as commissionCalculation } from '@tantieme/commission-calculation/read-model.projection';
import { pendingDealsProjection } from '@tantieme/commission-calculation/credit/pending-deals.projection';
import { PROPOSALS_OF as COMMISSION } from '@tantieme/commission-calculation/proposals.service';
import { proposalProjection } from '@tantieme/service-kit/two-people/proposal.tables';
import { PARKED_PROPOSALS_OF } from '@tantieme/service-kit/parking/discard-parked';
import { PROPOSALS_OF as REFUSAL } from '@tantieme/deal-ingestion/refusal/discard-refusal.service';
import { readModel as dealIngestion } from '@tantieme/deal-ingestion/read-model.tables';
import { readModel as partnerRegistry } from '@tantieme/partner-registry/partner/partner.tables';
import { readModel as payouts } from '@tantieme/payouts/payouts.tables';
import { readModel as rewards } from '@tantieme/rewards/rewards.tables';

export const PROJECTIONS: readonly AnyProjection[] = [
  partnerRegistry,
  dealIngestion,
  commissionCalculation(),
  pendingDealsProjection,
  proposalProjection(COMMISSION),
  proposalProjection(REFUSAL),
  proposalProjection(PARKED_PROPOSALS_OF),
  rewards,
  payouts,
  parkedProjection(),
];
