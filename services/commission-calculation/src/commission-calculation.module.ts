import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CommissionBackground } from './background.process.js';
import { ClosePeriodHandler } from './period/period.commands.js';
import { ApprovePlanHandler, DraftPlanHandler, EndPlanHandler, PublishPlanHandler } from './plan/plan.commands.js';
import { TakeReferenceHandler, TakeReferencesHandler } from './reference/reference.commands.js';
import { EarningsController } from './earning/earning.controller.js';
import { PeriodsController } from './period/period.controller.js';
import { PlansController } from './plan/plan.controller.js';
import { ExplainLineHandler } from './explanation/explanation.queries.js';
import { ListEarningsHandler, ListWaitingHandler } from './earning/earning.queries.js';
import { ListExchangeRatesHandler, ListQuotasHandler } from './reference/reference.queries.js';
import { ListPlansHandler, ReadPlanHandler, ReadPlanVersionHandler } from './plan/plan.queries.js';
import { ListPeriodsHandler, ReadPeriodHandler } from './period/period.queries.js';
import { ReferencesController } from './reference/reference.controller.js';
import { Runtimes } from './runtimes.service.js';

/** Plans, credits, earnings, periods. Needs the runtime module of the process around it. */
@Module({
  imports: [CqrsModule],
  controllers: [PlansController, PeriodsController, EarningsController, ReferencesController],
  providers: [
    Runtimes,
    CommissionBackground,
    DraftPlanHandler,
    ApprovePlanHandler,
    PublishPlanHandler,
    EndPlanHandler,
    ClosePeriodHandler,
    ListPlansHandler,
    ReadPlanHandler,
    ReadPlanVersionHandler,
    ListPeriodsHandler,
    ReadPeriodHandler,
    ListEarningsHandler,
    ListWaitingHandler,
    ExplainLineHandler,
    TakeReferenceHandler,
    TakeReferencesHandler,
    ListExchangeRatesHandler,
    ListQuotasHandler,
  ],
})
export class CommissionCalculationModule {}
