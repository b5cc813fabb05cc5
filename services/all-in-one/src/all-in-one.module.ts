import { Module } from '@nestjs/common';
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
