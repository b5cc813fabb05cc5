/** Messages of this service: the whole deal after each fact (topic `deals`). */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { DEAL_EVENTS } from './deal.js';
import type { DealFactRecorded } from './deal.js';

export function toMessages(stored: StoredEvent): readonly Publication[] {
  if (stored.type !== 'DealFactRecorded') return [];
  const { deal } = parseDomainEvent<DealFactRecorded>(stored, DEAL_EVENTS).data;
  const key = `${deal.source}|${deal.id}`;
  const value = encode('deal', attributesOf(stored, '/deal-ingestion', key), deal);
  return [{ topic: TOPICS.deals, message: { key, value } }];
}
