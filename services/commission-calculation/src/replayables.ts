/** The deciders of this service, for replay and comparison. */
import type { Replayable } from '@tantieme/audit/verify';
import type { EventStore } from '@tantieme/event-store/event-store';
import { budgetDecider } from './domain/budget.js';
import { calendarDecider } from './domain/calendar.js';
import { creditDecider } from './domain/credit.js';
import { earningDecider } from './domain/earning.js';
import { periodDecider } from './domain/period.js';
import { planDecider } from './domain/plan.js';
import { referenceDecider } from './domain/reference.js';
import { PlanBook } from './plan-book.js';

/** Credits and earnings name plans by the hash of their documents: those in the store are read first. */
export async function replayables(store: EventStore): Promise<readonly Replayable[]> {
  const plans = new PlanBook(store);
  await plans.fill();
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
