/** Brings claims to the budgets that they draw on, in batches. */
import type { Runtime, Work } from '@tantieme/event-sourcing/decide/runtime';
import type { ClaimsMessage } from './budget.events-out.js';
import { budgetStream } from './budget.js';
import type { BudgetCommand, BudgetEvent, BudgetState } from './budget.js';
import type { Earning, RefusedCredit } from '../earning/earning.service.js';
import { ACTOR } from '../events-out.js';
import type { PlanCatalog } from '../plan/plan-catalog.service.js';

export type BudgetRuntime = Runtime<BudgetState, BudgetCommand, BudgetEvent>;

export class Budgets {
  constructor(
    private readonly runtime: BudgetRuntime,
    private readonly earning: Earning,
    private readonly plans: PlanCatalog,
  ) {}

  async take(messages: readonly ClaimsMessage[]): Promise<readonly RefusedCredit[]> {
    if (messages.length === 0) return [];
    const unknown = messages.filter(({ claims }) => claims.some(({ line }) => !this.plans.has(line.planHash)));
    // Another process has published a version since.
    if (unknown.length > 0) await this.plans.reload([...new Set(unknown.map(({ plan }) => plan))]);
    await this.plans.ensure(messages.map(({ plan }) => plan));
    // Read after the batch was fetched and before anything of it is decided: a closing waits for the batches of before.
    const openFrom = await this.earning.openPeriods(messages.map(({ plan }) => this.newest(plan).calendarKey));
    const work = messages.map((message): Work<BudgetCommand>[] => {
      const { id, time: at, payee, plan, component, deal, revision, claims, correlationId } = message;
      const { currency, calendarKey: calendar } = this.newest(plan);
      const budget = { plan, component, currency, calendar };
      const stream = budgetStream(plan, component);
      const context = { actor: ACTOR, correlationId, causationId: id, cause: id };
      const open = openFrom.get(calendar);
      const take = { type: 'take-claims', budget, payee, deal, revision, claims, at } as const;
      return [
        ...(open === undefined
          ? []
          : [{ stream, command: { type: 'close-periods', budget, openFrom: open, at }, context } as const]),
        { stream, command: take, context },
      ];
    });
    const owners = work.flatMap((some, index) => some.map((one) => ({ index, one })));
    const refused: RefusedCredit[] = [];
    const unfinished = new Map<string, Work<BudgetCommand>>();
    for (const [at, result] of (await this.runtime.handleMany(work.flat())).entries()) {
      const owner = owners[at];
      if (owner === undefined) continue;
      if (result.outcome === 'refused') refused.push({ index: owner.index, error: result.error });
      else if (result.state.untold.size > 0) unfinished.set(result.stream, owner.one);
    }
    for (const one of unfinished.values()) await this.tellRest(one);
    return refused;
  }

  /** Tells all grants that large changes have left over, event by event. */
  private async tellRest({ stream, command: { budget, at }, context }: Work<BudgetCommand>): Promise<void> {
    const rest = { ...context, cause: `${context.cause} rest` };
    for (;;) {
      const { events } = await this.runtime.handle(stream, { type: 'tell-more', budget, at }, rest);
      if (events.length === 0) return;
    }
  }

  private newest(plan: string): { readonly currency: string; readonly calendarKey: string } {
    const newest = this.plans.find(plan)?.versions.at(-1);
    if (newest === undefined) throw new Error(`there is no plan ${plan}`);
    return newest.plan;
  }
}
