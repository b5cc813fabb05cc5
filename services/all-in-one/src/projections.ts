/** The read models of all services, for a rebuild by name. */
import { parkedProjection } from '@tantieme/event-sourcing/parking/parked.projection';
import type { AnyProjection } from '@tantieme/event-sourcing/read-model/projection';
import { createReadModel as commissionCalculation } from '@tantieme/commission-calculation/read-model.projection';
import { pendingDealsProjection } from '@tantieme/commission-calculation/credit/pending-deals.projection';
import { PROPOSALS_OF } from '@tantieme/commission-calculation/proposals.service';
import { proposalProjection } from '@tantieme/service-kit/two-people/proposal.tables';
import { readModel as dealIngestion } from '@tantieme/deal-ingestion/read-model.tables';
import { readModel as partnerRegistry } from '@tantieme/partner-registry/partner/partner.tables';
import { readModel as payouts } from '@tantieme/payouts/payouts.tables';
import { readModel as rewards } from '@tantieme/rewards/rewards.tables';

export const PROJECTIONS: readonly AnyProjection[] = [
  partnerRegistry,
  dealIngestion,
  commissionCalculation(),
  pendingDealsProjection,
  proposalProjection(PROPOSALS_OF),
  rewards,
  payouts,
  parkedProjection(),
];
