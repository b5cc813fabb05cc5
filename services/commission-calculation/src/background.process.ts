import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';

import { projectionProcess } from '@tantieme/event-sourcing/process/projection';
import type { EventStore } from '@tantieme/event-store/event-store';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { Budgets } from './budget/budget.service.js';
import { Calendars } from './calendar/calendars.service.js';
import { creditConsumer } from './credit/credit.consumer.js';
import { Crediting } from './credit/crediting.service.js';
import { DealDependencies, dealDependenciesProcess } from './credit/deal-dependencies.service.js';
import { pendingDealsProjection } from './credit/pending-deals.projection.js';
import type { PendingDealTables } from './credit/pending-deals.tables.js';
import { earningConsumer } from './earning/earning.consumer.js';
import { Earning, EARNING_RUNTIME } from './earning/earning.service.js';
import type { EarningRuntime } from './earning/earning.service.js';
import { PayeeTermsUpdates } from './earning/payee-terms.service.js';
import { COMMISSIONS, CREDITS } from './events-out.js';
import { Closing } from './period/closing.process.js';
import { ClosingPreviews } from './period/closing-preview.service.js';
import { closingStepConsumer } from './period/closing-step.consumer.js';
import { Periods } from './period/periods.service.js';
import { PlanCatalog } from './plan/plan-catalog.service.js';
import { createReadModel } from './read-model.projection.js';
import type { ReadModelTables } from './read-model.projection.js';
import { PartnerCache } from './reference/cache/partner-cache.service.js';
import { ReferenceRecorder } from './reference/reference-recorder.service.js';
import { REFERENCE_RUNTIME } from './reference/stream/reference-runtime.service.js';
import type { ReferenceRuntime } from './reference/stream/reference-runtime.service.js';
import { referenceConsumer } from './reference/reference.consumer.js';

/** The processes behind the API, in the order of the path of a deal. */
@Injectable()
export class CommissionBackground implements OnModuleInit {
  constructor(
    @Inject(Background) private readonly background: Background,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(DATABASE) private readonly db: Kysely<ReadModelTables & PendingDealTables>,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
    @Inject(PartnerCache) private readonly partners: PartnerCache,
    @Inject(REFERENCE_RUNTIME) private readonly references: ReferenceRuntime,
    @Inject(ReferenceRecorder) private readonly recorder: ReferenceRecorder,
    @Inject(Crediting) private readonly crediting: Crediting,
    @Inject(DealDependencies) private readonly dependencies: DealDependencies,
    @Inject(EARNING_RUNTIME) private readonly earnings: EarningRuntime,
    @Inject(Earning) private readonly earning: Earning,
    @Inject(Budgets) private readonly budgets: Budgets,
    @Inject(PayeeTermsUpdates) private readonly payeeTerms: PayeeTermsUpdates,
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(Periods) private readonly periods: Periods,
    @Inject(ClosingPreviews) private readonly previews: ClosingPreviews,
  ) {}

  onModuleInit(): void {
    const { background, store, db, plans, calendars, periods, budgets, earnings, earning, previews } = this;
    background.publish(CREDITS, COMMISSIONS);
    background.add(projectionProcess(db, createReadModel()));
    background.add(projectionProcess(db, pendingDealsProjection));
    background.add(dealDependenciesProcess(this.dependencies));
    background.add(referenceConsumer(this.references, this.partners, this.recorder));
    background.add(creditConsumer(this.crediting));
    background.add(earningConsumer(earning, budgets, this.payeeTerms));
    background.add(closingStepConsumer(periods));
    background.add(new Closing({ store, db, plans, calendars, periods, budgets, earnings, previews }).process());
  }
}
