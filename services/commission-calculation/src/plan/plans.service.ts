import { Inject, Injectable } from '@nestjs/common';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { CommandContext, Accepted, Runtime } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { planDecider, planStream } from './plan.js';
import type { PlanCommand, PlanEvent, PlanState } from './plan.js';
import { PlanCatalog } from './plan-catalog.service.js';
import { PLANS_BYTES_MAX } from '../limits.js';

/** Handles plan commands and keeps the catalog current. */
@Injectable()
export class Plans {
  private readonly runtime: Runtime<PlanState, PlanCommand, PlanEvent>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(PlanCatalog) private readonly catalog: PlanCatalog,
  ) {
    this.runtime = createRuntime({ store, decider: planDecider, cacheBytesMax: PLANS_BYTES_MAX });
  }

  async state(plan: string): Promise<PlanState> {
    return (await this.runtime.load(planStream(plan))).state;
  }

  /** @throws {DomainError} what the decider refuses */
  async handle(plan: string, command: PlanCommand, context: CommandContext): Promise<Accepted<PlanState, PlanEvent>> {
    // Load before the append: a load that ends later could miss the new event, and would not take it from here.
    await this.catalog.load();
    const handled = await this.runtime.handle(planStream(plan), command, context);
    this.catalog.record(handled.stored);
    return handled;
  }
}
