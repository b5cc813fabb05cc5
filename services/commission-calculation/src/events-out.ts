/** What the relays publish: to this service itself on the internal topic, to those downstream on `commissions`. */
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import type { EventFilter, StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { BUDGET } from './budget/budget.js';
import { grantMessages } from './budget/budget.events-out.js';
import { CREDIT } from './credit/credit.js';
import { creditMessages, CREDITS_TOPIC } from './credit/credit.events-out.js';
import { EARNING } from './earning/earning.js';
import { EARNING_EVENTS } from './earning/earning-events.js';
import { earningPublications } from './earning/earning.events-out.js';
import { PERIOD } from './period/period.js';
import { manifestPublication } from './period/period.events-out.js';
import { quotaMessage } from './reference/quota.events-out.js';
import { REFERENCE } from './reference/stream/reference-keys.js';

/** Events that create or change earnings. */
export const CREDITS_RELAYED: EventFilter = {
  categories: [CREDIT, REFERENCE],
  types: ['DealCredited', 'QuotaRecorded'],
};

/** Earnings and what follows from them. */
export const EARNINGS_RELAYED: EventFilter = {
  categories: [EARNING, BUDGET, PERIOD],
  types: [...Object.keys(EARNING_EVENTS), 'ClaimsReceived', 'ManifestPage'],
};

export function publicationsOf(stored: StoredEvent): readonly Publication[] {
  switch (stored.type) {
    case 'DealCredited':
      return internal(creditMessages(stored));
    case 'QuotaRecorded':
      return internal([quotaMessage(stored)]);
    case 'Earned':
    case 'ChildEarningReceived':
    case 'GrantReceived':
    case 'PayeeTermsReceived':
    case 'EarningPeriodClosed':
      return earningPublications(stored);
    case 'ClaimsReceived':
      return internal(grantMessages(stored));
    case 'ManifestPage':
      return [manifestPublication(stored)];
    default:
      return [];
  }
}

function internal(messages: readonly OutgoingMessage[]): readonly Publication[] {
  return messages.map((message) => ({ topic: CREDITS_TOPIC, message }));
}
