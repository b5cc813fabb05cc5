/** A budget that receives claims one by one, and its grants. */
import type { BudgetClaim } from '@tantieme/commission-engine/earn/budget';
import { compilePlan } from '@tantieme/commission-engine/plan/compile';
import { budgetDecider } from './budget.js';
import type { Budget, BudgetEvent, DealGrant } from './budget.js';
import { AT, documentOf, Stream } from '../testing/world.fixture.js';

export const SPIFF = `
plan: resellers
title: Resellers
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
  - id: spiff
    credit: { trigger: booked, where: { line.category: hardware } }
    rate: { percent: 40 % }
    budget: 1000
    hold: { until: paid }
`;
const PLAN = compilePlan(documentOf(SPIFF), 'spiff');
const RAISED = compilePlan(documentOf(SPIFF.replace('1000', '1500')), 'raised');
export const PLANS = { plan: (hash: string) => (hash === 'raised' ? RAISED : PLAN) };
export const BUDGET: Budget = {
  plan: 'resellers',
  component: 'spiff',
  currency: 'EUR',
  calendar: 'monthly@Europe/Paris',
};

/** @param at day, `03-05` */
export const claimOf = (at: string, amount: string, planVersion = 'spiff', occurrence = 'booked'): BudgetClaim => ({
  line: {
    component: 'spiff',
    planVersion,
    occurrence,
    line: '1',
    at: `2026-${at}T10:00:00.000Z`,
    period: `2026-${at.slice(0, 2)}`,
  },
  amount,
});

export class TestBudget {
  readonly stream = new Stream(budgetDecider(PLANS));
  private readonly revisions = new Map<string, number>();
  private readonly grants = new Map<string, DealGrant>();

  claim(payee: string, deal: string, ...claims: readonly BudgetClaim[]): readonly string[] {
    const name = `${payee} ${deal}`;
    const revision = (this.revisions.get(name) ?? -1) + 1;
    this.revisions.set(name, revision);
    return this.receive(payee, deal, revision, claims);
  }

  receive(payee: string, deal: string, revision: number, claims: readonly BudgetClaim[]): readonly string[] {
    const command = {
      type: 'receive-claims',
      budget: BUDGET,
      payee,
      deal: `crm|${deal}`,
      revision,
      claims,
      at: AT,
    } as const;
    return this.record(this.stream.handle(command));
  }

  private record(events: readonly BudgetEvent[]): readonly string[] {
    return events.flatMap((event) =>
      event.type === 'BudgetPeriodsClosed'
        ? []
        : event.data.grants.map((grant) => {
            this.grants.set(`${grant.payee} ${grant.deal}`, grant);
            return textOf(grant);
          }),
    );
  }

  close(openFrom: string): void {
    this.stream.handle({ type: 'close-periods', budget: BUDGET, openFrom, at: AT });
  }

  /** All current grants, from the events. */
  granted(): readonly string[] {
    return [...this.grants.values()]
      .filter(({ granted }) => granted.length > 0)
      .map(textOf)
      .sort();
  }
}

function textOf({ payee, deal, granted }: DealGrant): string {
  return `${payee} ${deal.slice(4)}: ${granted.map(({ amount }) => amount).join(' ')}`;
}
