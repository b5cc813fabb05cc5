import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CommissionBackground } from './background.js';
import { ClosePeriodHandler } from './commands/close-period.js';
import { ApprovePlanHandler, DraftPlanHandler, EndPlanHandler, PublishPlanHandler } from './commands/plan-life.js';
import { TakeReferenceHandler, TakeReferencesHandler } from './commands/take-references.js';
import { EarningsController } from './earnings.controller.js';
import { PeriodsController } from './periods.controller.js';
import { PlansController } from './plans.controller.js';
import { ExplainLineHandler } from './queries/explain-line.js';
import { ListEarningsHandler, ListWaitingHandler } from './queries/list-earnings.js';
import { ListExchangeRatesHandler, ListQuotasHandler } from './queries/list-references.js';
import { ListPlansHandler, ReadPlanHandler, ReadPlanVersionHandler } from './queries/read-plans.js';
import { ListPeriodsHandler, ReadPeriodHandler } from './queries/read-periods.js';
import { ReferencesController } from './references.controller.js';
import { Runtimes } from './runtimes.js';

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
