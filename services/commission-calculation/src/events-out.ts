/** What this service publishes: to itself on the internal topic, to those downstream on `commissions`. */
import { TOPICS } from '@tantieme/contracts/topics';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { BUDGET } from './budget/budget.js';
import { grantMessages } from './budget/budget.events-out.js';
import { CREDIT } from './credit/credit.js';
import { creditMessages, CREDITS_TOPIC } from './credit/credit.events-out.js';
import { EARNING } from './earning/earning-stream.js';
import { EARNING_EVENTS } from './earning/earning-events.js';
import { earningMessages, internalEarningMessages } from './earning/earning.events-out.js';
import { PERIOD, PERIOD_EVENTS } from './period/period.js';
import { periodMessages } from './period/period.events-out.js';
import { quotaMessage } from './reference/quota.events-out.js';
import { REFERENCE } from './reference/stream/reference-keys.js';

const EARNING_TYPES = Object.keys(EARNING_EVENTS);

/** What creates or changes earnings. */
export const CREDITS: Publication = {
  name: 'commission-credit-relay',
  topic: CREDITS_TOPIC,
  filter: {
    categories: [CREDIT, REFERENCE, EARNING, BUDGET],
    types: ['DealCredited', 'QuotaRecorded', ...EARNING_TYPES, 'ClaimsReceived', 'BudgetPeriodsReopened'],
  },
  toMessages: internalMessages,
};

/** Postings, the manifests of closed periods, and the steps of their reopening. */
export const COMMISSIONS: Publication = {
  name: 'commission-relay',
  topic: TOPICS.commissions,
  filter: { categories: [EARNING, PERIOD], types: [...EARNING_TYPES, ...Object.keys(PERIOD_EVENTS)] },
  toMessages: (stored) => (categoryOf(stored.stream) === PERIOD ? periodMessages(stored) : earningMessages(stored)),
};

function internalMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  switch (stored.type) {
    case 'DealCredited':
      return creditMessages(stored);
    case 'QuotaRecorded':
      return [quotaMessage(stored)];
    case 'ClaimsReceived':
    case 'BudgetPeriodsReopened':
      return grantMessages(stored);
    default:
      return internalEarningMessages(stored);
  }
}
