/** Messages of this service: the whole partner after each change (topic `partners`). */
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { partnerDecider, PARTNER_EVENTS } from './partner.js';
import type { PartnerEvent } from './partner.js';

export const PARTNERS: Publication = {
  name: 'partner-registry-relay',
  topic: TOPICS.partners,
  filter: { categories: [partnerDecider.category] },
  toMessages,
};

function toMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const { partner } = domainEventOf<PartnerEvent>(stored, PARTNER_EVENTS).data;
  return [envelopeMessage('partner', attributesOf(stored, '/partner-registry', partner.id), partner)];
}
