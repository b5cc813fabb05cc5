/** Messages of this service: the whole partner after each change (topic `partners`). */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { PARTNER_EVENTS } from './partner.js';
import type { PartnerEvent } from './partner.js';

export function toMessages(stored: StoredEvent): readonly Publication[] {
  const { partner } = parseDomainEvent<PartnerEvent>(stored, PARTNER_EVENTS).data;
  const value = encode('partner', attributesOf(stored, '/partner-registry', partner.id), partner);
  return [{ topic: TOPICS.partners, message: { key: partner.id, value } }];
}
