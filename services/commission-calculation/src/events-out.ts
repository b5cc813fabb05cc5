/** What the relay makes of the log: credits and quotas for this service itself, earnings and manifests for those downstream. */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { attributesOf, metadataOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import { domainEventOf, parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import type { EventFilter, StoredEvent } from '@tantieme/event-store/event-store';
import { claimsMessages, grantMessages } from './budget/budget.events-out.js';
import { childMessages, creditMessages, CREDITS_TOPIC } from './credit/credit.events-out.js';
import { BUDGET } from './budget/budget.js';
import type { BudgetEvent } from './budget/budget.js';
import { CREDIT } from './credit/credit.js';
import type { DealCredited } from './credit/credit.js';
import { EARNING } from './earning/earning.js';
import type { EarningEvent } from './earning/earning.js';
import { PERIOD } from './period/period.js';
import type { PeriodEvent } from './period/period.js';
import { ledgerLine } from './earning/posting.js';
import type { QuotaTaken } from './reference/quota.js';
import { REFERENCE } from './reference/reference.js';
import { quotaMessage } from './reference/quota.events-out.js';

const SOURCE = '/commission-calculation';

/** What makes or changes earnings. */
export const CREDITS_RELAYED: EventFilter = { categories: [CREDIT, REFERENCE], types: ['DealCredited', 'QuotaTaken'] };

export const EARNINGS_RELAYED: EventFilter = {
  categories: [EARNING, BUDGET, PERIOD],
  types: [
    'Earned',
    'ChildEarningTaken',
    'GrantTaken',
    'AccountFactsTaken',
    'EarningsPosted',
    'EarningPeriodClosed',
    'ClaimsTaken',
    'GrantsTold',
    'ManifestPage',
  ],
};

export function toMessages(stored: StoredEvent): readonly Publication[] {
  switch (stored.type) {
    case 'DealCredited': {
      const event = domainEventOf<DealCredited>(stored, {});
      return creditMessages(stored, event, metadataOf(stored).correlationId).map((message) => ({
        topic: CREDITS_TOPIC,
        message,
      }));
    }
    case 'QuotaTaken': {
      const event = domainEventOf<QuotaTaken>(stored, {});
      return [{ topic: CREDITS_TOPIC, message: quotaMessage(stored, event, metadataOf(stored).correlationId) }];
    }
    case 'Earned':
    case 'ChildEarningTaken':
    case 'GrantTaken':
    case 'AccountFactsTaken':
    case 'EarningsPosted':
    case 'EarningPeriodClosed':
      return earnings(stored);
    case 'ClaimsTaken':
    case 'GrantsTold': {
      const { data } = domainEventOf<Extract<BudgetEvent, { type: 'ClaimsTaken' | 'GrantsTold' }>>(stored, {});
      const messages = grantMessages(stored, data.budget, data.grants, metadataOf(stored).correlationId);
      return messages.map((message) => ({ topic: CREDITS_TOPIC, message }));
    }
    case 'ManifestPage':
      return manifestPage(stored);
    default:
      return [];
  }
}

/** A deal's postings, whole: one message for each deal that the event changes. */
function earnings(stored: StoredEvent): readonly Publication[] {
  const { data } = domainEventOf<EarningEvent>(stored, {});
  const { payee, plan, currency, calendar } = data.account;
  const children = 'overridden' in data && data.overridden !== undefined ? data.overridden : [];
  const claimed = 'claims' in data && data.claims !== undefined ? data.claims : [];
  const { correlationId } = metadataOf(stored);
  const inside = [
    ...childMessages(stored, data.account, children, correlationId),
    ...claimsMessages(stored, data.account, claimed, correlationId),
  ];
  if (data.deals.length === 0 && inside.length === 0) return [];
  const common = attributesOf(stored, SOURCE, payee);
  const ofDeals = data.deals.map(({ deal, lines }, index) => ({
    topic: TOPICS.commissions,
    message: {
      key: payee,
      value: encode(
        'earnings-of-deal',
        { ...common, id: `${stored.id}.${index}`, subject: deal, causationId: stored.id },
        { payee, plan, currency, calendar, deal, lines: lines.map((line) => ledgerLine(plan, deal, line)) },
      ),
    },
  }));
  return [...inside.map((message) => ({ topic: CREDITS_TOPIC, message })), ...ofDeals];
}

function manifestPage(stored: StoredEvent): readonly Publication[] {
  const { data } = parseDomainEvent<Extract<PeriodEvent, { type: 'ManifestPage' }>>(stored, {});
  const { calendar, period } = data;
  const subject = `${calendar}:${period}`;
  const attributes = { ...attributesOf(stored, SOURCE, calendar), subject, causationId: stored.id };
  return [
    { topic: TOPICS.commissions, message: { key: calendar, value: encode('period-manifest', attributes, data) } },
  ];
}

/** Who acts where no person does. */
export const ACTOR = 'service:commission-calculation';
