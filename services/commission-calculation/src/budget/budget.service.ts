import { Inject, Injectable } from '@nestjs/common';
import type { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Runtime, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { EventStore } from '@tantieme/event-store/event-store';
import { EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { Calendars } from '../calendar/calendars.service.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import type { ClaimsMessage } from './budget.events-out.js';
import { budgetDecider, budgetStream } from './budget.js';
import type { BudgetCommand, BudgetEvent, BudgetState } from './budget.js';
import { BUDGETS_BYTES_MAX } from '../limits.js';

/** A message that can never be handled, by its index in the batch. */
export interface RefusedMessage {
  readonly index: number;
  readonly error: DomainError;
}

/** Brings claims to the budgets that they draw on, in batches. */
@Injectable()
export class Budgets {
  private readonly runtime: Runtime<BudgetState, BudgetCommand, BudgetEvent>;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
  ) {
    this.runtime = createRuntime({ store, decider: budgetDecider(plans), cacheBytesMax: BUDGETS_BYTES_MAX });
  }

  async receive(messages: readonly ClaimsMessage[]): Promise<readonly RefusedMessage[]> {
    if (messages.length === 0) return [];
    const unknown = messages.filter(({ claims }) => claims.some(({ line }) => !this.plans.has(line.planVersion)));
    // Another process has published a version in the meantime.
    if (unknown.length > 0) await this.plans.refresh([...new Set(unknown.map(({ plan }) => plan))]);
    await this.plans.ensure(messages.map(({ plan }) => plan));
    // Read after the batch was fetched and before any of it is decided: a closing waits for the batches fetched before
    // its seal.
    const openFrom = await this.calendars.openPeriods(messages.map(({ plan }) => this.plans.newest(plan).calendarKey));
    const work = messages.flatMap((message, index) => this.workOf(message, openFrom).map((one) => ({ index, ...one })));
    const refused: RefusedMessage[] = [];
    for (const [at, result] of (await this.runtime.handleMany(work)).entries()) {
      const one = work[at];
      if (one !== undefined && result.outcome === 'refused') refused.push({ index: one.index, error: result.error });
    }
    return refused;
  }

  private workOf(message: ClaimsMessage, openFrom: ReadonlyMap<string, string>): readonly Work<BudgetCommand>[] {
    const { id, time: at, payee, plan, component, deal, revision, claims, correlationId } = message;
    const { currency, calendarKey: calendar } = this.plans.newest(plan);
    const budget = { plan, component, currency, calendar };
    const stream = budgetStream(plan, component);
    const context = { correlationId, causationId: id, cause: id };
    const receive: Work<BudgetCommand> = {
      stream,
      command: { type: 'receive-claims', budget, payee, deal, revision, claims, at },
      context,
    };
    const open = openFrom.get(calendar);
    if (open === undefined) return [receive];
    return [{ stream, command: { type: 'close-periods', budget, openFrom: open, at }, context }, receive];
  }
}
