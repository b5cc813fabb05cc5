/** The facts that this service publishes: the whole partner after each change (topic `partners`). */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { attributesOf } from '@tantieme/event-sourcing/relay';
import type { Publication } from '@tantieme/event-sourcing/relay';
import { ownDomainEventOf } from '@tantieme/event-sourcing/upcasting';
import { partnerDecider } from './domain/partner.js';
import type { PartnerEvent } from './domain/partner.js';

export function toMessages(stored: StoredEvent): readonly Publication[] {
  const { partner } = ownDomainEventOf<PartnerEvent>(stored, partnerDecider).data;
  const value = encode('partner', attributesOf(stored, '/partner-registry', partner.id), partner);
  return [{ topic: TOPICS.partners, message: { key: partner.id, value } }];
}
