/** The deciders of this service over the store, and what is kept in memory beside them: one set for a process. */
import { Inject, Injectable } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { createPartialStateRuntime } from '@tantieme/event-sourcing/decide/partial-state-runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { Accounts } from './earning/payee-terms.service.js';
import { Budgets } from './budget/budget.service.js';
import { Crediting } from './credit/crediting.service.js';
import type { CreditRuntime } from './credit/crediting.service.js';
import { budgetDecider } from './budget/budget.js';
import { calendarDecider } from './period/calendar.js';
import { creditDecider } from './credit/credit.js';
import { EARNING_TAILS, earningDecider } from './earning/earning.js';
import { periodDecider } from './period/period.js';
import type { PeriodCommand, PeriodEvent, PeriodState } from './period/period.js';
import { planDecider } from './plan/plan.js';
import type { PlanCommand, PlanEvent, PlanState } from './plan/plan.js';
import { referenceDecider } from './reference/reference.js';
import { Earning } from './earning/earning.service.js';
import type { CalendarRuntime, EarningRuntime } from './earning/earning.service.js';
import { PartnerCache } from './reference/partner-cache.service.js';
import { PlanCatalog } from './plan/plan-catalog.service.js';
import { ExchangeRateCache } from './reference/exchange-rate-cache.service.js';
import { ReferenceIntake } from './reference/reference-recorder.service.js';
import type { ReferenceRuntime } from './reference/reference-recorder.service.js';

/** Bytes of states kept: earnings are what comes again and again, deals mostly come once. */
const WHOLE_EARNING_BYTES_MAX = 128 * 1024 * 1024;
const EARNING_TAIL_BYTES = 25_000;
const EARNING_TAILS_BYTES_MAX = 256 * 1024 * 1024;
const CREDIT_BYTES_MAX = 24 * 1024 * 1024;
const BUDGET_BYTES_MAX = 32 * 1024 * 1024;
const REFERENCE_BYTES_MAX = 16 * 1024 * 1024;
const SMALL_BYTES_MAX = 8 * 1024 * 1024;

@Injectable()
export class Runtimes {
  readonly plans: Runtime<PlanState, PlanCommand, PlanEvent>;
  readonly references: ReferenceRuntime;
  readonly credits: CreditRuntime;
  readonly earnings: EarningRuntime;
  readonly calendars: CalendarRuntime;
  readonly periods: Runtime<PeriodState, PeriodCommand, PeriodEvent>;
  readonly planBook: PlanCatalog;
  readonly partnerBook: PartnerCache;
  readonly rateBook: ExchangeRateCache;
  readonly referenceIntake: ReferenceIntake;
  readonly crediting: Crediting;
  readonly earning: Earning;
  readonly budgets: Budgets;
  readonly accounts: Accounts;

  constructor(@Inject(EVENT_STORE) readonly store: EventStore) {
    this.planBook = new PlanCatalog(store);
    this.partnerBook = new PartnerCache(store);
    this.rateBook = new ExchangeRateCache(store);
    this.plans = createRuntime({ store, decider: planDecider, cacheBytesMax: SMALL_BYTES_MAX });
    this.references = createRuntime({ store, decider: referenceDecider, cacheBytesMax: REFERENCE_BYTES_MAX });
    this.referenceIntake = new ReferenceIntake(this.references, this.rateBook);
    this.credits = createRuntime({ store, decider: creditDecider(this.planBook), cacheBytesMax: CREDIT_BYTES_MAX });
    this.earnings = createPartialStateRuntime({
      store,
      decider: earningDecider(this.planBook),
      partialStates: EARNING_TAILS,
      fullStateBytesMax: WHOLE_EARNING_BYTES_MAX,
      partialStateBytes: EARNING_TAIL_BYTES,
      cacheBytesMax: EARNING_TAILS_BYTES_MAX,
    });
    this.calendars = createRuntime({ store, decider: calendarDecider, cacheBytesMax: SMALL_BYTES_MAX });
    this.periods = createRuntime({ store, decider: periodDecider, cacheBytesMax: SMALL_BYTES_MAX });
    this.crediting = new Crediting(this.credits, this.partnerBook, this.planBook, this.rateBook);
    this.earning = new Earning(this.earnings, this.calendars, this.planBook);
    const budgets = createRuntime({ store, decider: budgetDecider(this.planBook), cacheBytesMax: BUDGET_BYTES_MAX });
    this.budgets = new Budgets(budgets, this.earning, this.planBook);
    this.accounts = new Accounts(store, this.references, this.earnings, this.earning, this.planBook);
  }
}
