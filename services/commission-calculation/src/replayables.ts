/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import { withReader } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventStore } from '@tantieme/event-store/event-store';
import { budgetDecider } from './budget/budget.js';
import { calendarDecider } from './calendar/calendar.js';
import { creditDecider } from './credit/credit.js';
import { earningDecider } from './earning/earning.js';
import { periodDecider } from './period/period.js';
import { planDecider } from './plan/plan.js';
import { PlanCatalog, planEvents } from './plan/plan-catalog.service.js';
import { proposalDecider } from '@tantieme/service-kit/two-people/proposal';
import { referenceDecider } from './reference/stream/reference.js';

/**
 * Credits and earnings refer to plans by the hash of their documents, so all plans are read first. A plan event that
 * cannot be applied is skipped here; the verification of its stream reports it.
 */
export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  const plans = new PlanCatalog(store);
  for await (const events of planEvents(store))
    for (const event of events)
      try {
        plans.record([event]);
      } catch {
        // Verification reads the event as well and reports where it is and what is wrong with it.
      }
  return [
    withReader(planDecider),
    withReader(referenceDecider),
    withReader(creditDecider(plans)),
    withReader(earningDecider(plans)),
    withReader(budgetDecider(plans)),
    withReader(calendarDecider),
    withReader(periodDecider),
    withReader(proposalDecider),
  ];
}
