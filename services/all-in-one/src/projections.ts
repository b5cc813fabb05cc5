/** Every read model of every service, for a rebuild by its name. */
import type { AnyProjection } from '@tantieme/event-sourcing/projection';
import { createReadModel as commissionCalculation } from '@tantieme/commission-calculation/read-model';
import { waitingProjection } from '@tantieme/commission-calculation/waiting';
import { readModel as dealIngestion } from '@tantieme/deal-ingestion/read-model';
import { readModel as partnerRegistry } from '@tantieme/partner-registry/read-model';
import { readModel as payouts } from '@tantieme/payouts/read-model';
import { readModel as rewards } from '@tantieme/rewards/read-model';

export const PROJECTIONS: readonly AnyProjection[] = [
  partnerRegistry,
  dealIngestion,
  commissionCalculation(),
  waitingProjection,
  rewards,
  payouts,
];
