import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CommissionBackground } from './background.process.js';
import { Budgets } from './budget/budget.service.js';
import { Calendars } from './calendar/calendars.service.js';
import { Crediting } from './credit/crediting.service.js';
import { DealDependencies, PAYEE_TERMS_LISTENER } from './credit/deal-dependencies.service.js';
import { EarningsController } from './earning/earning.controller.js';
import { ListEarningsHandler } from './earning/earning.queries.js';
import { Earning, earningRuntime } from './earning/earning.service.js';
import { PayeeTermsUpdates } from './earning/payee-terms.service.js';
import { ExplanationsController } from './explanation/explanation.controller.js';
import { ExplainLineHandler } from './explanation/explanation.queries.js';
import { PendingDealsController } from './pending-deal/pending-deal.controller.js';
import { WaiveDealHandler } from './pending-deal/pending-deal.commands.js';
import { WaiveDealAction } from './pending-deal/waive-deal.service.js';
import { ListPendingDealsHandler } from './pending-deal/pending-deal.queries.js';
import { proposalsController } from '@tantieme/service-kit/two-people/proposal.controller';
import { ClosePeriodAction } from './period/close-period.service.js';
import { ClosingPreviews } from './period/closing-preview.service.js';
import { ClosePeriodHandler, ReopenPeriodHandler } from './period/period.commands.js';
import { PeriodsController } from './period/period.controller.js';
import {
  ListPeriodsHandler,
  PreviewClosingHandler,
  PreviewReopeningHandler,
  ReadPeriodHandler,
} from './period/period.queries.js';
import { Periods } from './period/periods.service.js';
import { ReopenPeriodAction } from './period/reopen-period.service.js';
import { ApprovePlanHandler, DraftPlanHandler, EndPlanHandler, PublishPlanHandler } from './plan/plan.commands.js';
import { PlansController } from './plan/plan.controller.js';
import { ListPlansHandler, ReadPlanHandler, ReadPlanVersionHandler } from './plan/plan.queries.js';
import { PlanCatalog } from './plan/plan-catalog.service.js';
import { Plans } from './plan/plans.service.js';
import { proposals, PROPOSALS, PROPOSALS_OF } from './proposals.service.js';
import { UncreditedDealsController } from './uncredited-deal/uncredited-deal.controller.js';
import { ListUncreditedDealsHandler } from './uncredited-deal/uncredited-deal.queries.js';
import { ExchangeRateCache } from './reference/cache/exchange-rate-cache.service.js';
import { PartnerCache } from './reference/cache/partner-cache.service.js';
import { RecordReferenceHandler, RecordReferencesHandler } from './reference/reference.commands.js';
import { ReferencesController } from './reference/reference.controller.js';
import { ListExchangeRatesHandler, ListQuotasHandler } from './reference/reference.queries.js';
import { ReferenceRecorder } from './reference/reference-recorder.service.js';
import { referenceRuntime } from './reference/stream/reference-runtime.service.js';
import { ListWarningsHandler } from './reference/warning/warnings.queries.js';
import { QuotaWarnings } from './reference/warning/warnings.service.js';

/** Plans, credits, earnings, periods. Needs the runtime module of the process that imports it. */
@Module({
  imports: [CqrsModule],
  controllers: [
    PlansController,
    ReferencesController,
    ExplanationsController,
    EarningsController,
    PendingDealsController,
    PeriodsController,
    UncreditedDealsController,
    proposalsController(`${PROPOSALS_OF}-proposals`, PROPOSALS),
  ],
  providers: [
    Calendars,
    PlanCatalog,
    Plans,
    referenceRuntime,
    PartnerCache,
    ExchangeRateCache,
    ReferenceRecorder,
    QuotaWarnings,
    Crediting,
    DealDependencies,
    Budgets,
    earningRuntime,
    Earning,
    PayeeTermsUpdates,
    { provide: PAYEE_TERMS_LISTENER, useExisting: PayeeTermsUpdates },
    Periods,
    CommissionBackground,
    DraftPlanHandler,
    ApprovePlanHandler,
    PublishPlanHandler,
    EndPlanHandler,
    ListPlansHandler,
    ReadPlanHandler,
    ReadPlanVersionHandler,
    RecordReferenceHandler,
    RecordReferencesHandler,
    ListExchangeRatesHandler,
    ListQuotasHandler,
    ListWarningsHandler,
    ListEarningsHandler,
    ExplainLineHandler,
    ListPendingDealsHandler,
    ClosingPreviews,
    ClosePeriodAction,
    ReopenPeriodAction,
    WaiveDealAction,
    proposals,
    ClosePeriodHandler,
    ReopenPeriodHandler,
    WaiveDealHandler,
    ListUncreditedDealsHandler,
    PreviewClosingHandler,
    PreviewReopeningHandler,
    ReadPeriodHandler,
    ListPeriodsHandler,
  ],
})
export class CommissionCalculationModule {}
