import { Module } from '@nestjs/common';
import { createApplication, listen, stopApplication } from '@tantieme/service-kit/application';
import type { RuntimeConfig } from '@tantieme/service-kit/config';
import { CommissionCalculationModule } from '@tantieme/commission-calculation/commission-calculation.module';
import { DealIngestionModule } from '@tantieme/deal-ingestion/deal-ingestion.module';
import { PartnerRegistryModule } from '@tantieme/partner-registry/partner-registry.module';
import { PayoutsModule } from '@tantieme/payouts/payouts.module';
import { RewardsModule } from '@tantieme/rewards/rewards.module';

/** The five services over one event store, one broker and one database. */
@Module({
  imports: [PartnerRegistryModule, DealIngestionModule, CommissionCalculationModule, RewardsModule, PayoutsModule],
})
export class AllInOneModule {}

export interface RunningServer {
  readonly url: string;
  /** Stops accepting, finishes what is in hand, closes the stores. */
  stop(): Promise<void>;
}

/** Starts all of it and listens. Starting again on the same data directory continues where it was. */
export async function startAllInOne(config: RuntimeConfig): Promise<RunningServer> {
  const application = await createApplication(AllInOneModule, config);
  const url = await listen(application, config);
  return { url, stop: () => stopApplication(application, config.stopSeconds) };
}
