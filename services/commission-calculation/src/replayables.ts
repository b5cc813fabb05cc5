/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';
import { budgetDecider } from './budget/budget.js';
import { calendarDecider } from './calendar/calendar.js';
import { creditDecider } from './credit/credit.js';
import { earningDecider } from './earning/earning.js';
import { periodDecider } from './period/period.js';
import { planDecider } from './plan/plan.js';
import { referenceDecider } from './reference/reference.js';
import { PlanCatalog, planEvents } from './plan/plan-catalog.service.js';

/**
 * Credits and earnings name plans by the hash of their documents: those in the store are read first. An event of a plan that
 * cannot be applied is passed over here, and named when its stream is decided again.
 */
export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  const plans = new PlanCatalog(store);
  for await (const events of planEvents(store))
    for (const event of events)
      try {
        plans.take([event]);
      } catch {
        // The verification reads it as well, and says where it is and what is wrong with it.
      }
  return [
    planDecider,
    referenceDecider,
    creditDecider(plans),
    earningDecider(plans),
    budgetDecider(plans),
    calendarDecider,
    periodDecider,
  ];
}
