/** Messages of this service: the whole deal after each fact (topic `deals`). */
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { dealAfter, dealDecider, DEAL_EVENTS } from './deal.js';
import type { DealFactRecorded } from './deal.js';

export const DEALS: Publication = {
  name: 'deal-ingestion-relay',
  topic: TOPICS.deals,
  filter: { categories: [dealDecider.category], types: ['DealFactRecorded'] },
  toMessages,
  stampsOrigin: true,
};

function toMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const deal = dealAfter(domainEventOf<DealFactRecorded>(stored, DEAL_EVENTS));
  const key = `${deal.source}|${deal.id}`;
  return [envelopeMessage('deal', attributesOf(stored, '/deal-ingestion', key), deal)];
}
