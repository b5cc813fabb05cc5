/** The facts that this service publishes: the whole partner after each change (topic `partners`). */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Publication } from '@tantieme/event-sourcing/relay';
import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import { partnerDecider } from './domain/partner.js';
import type { PartnerEvent } from './domain/partner.js';

export function toMessages(stored: StoredEvent): readonly Publication[] {
  const { occurredAt, data } = domainEventOf<PartnerEvent>(stored, partnerDecider);
  const { partner } = data;
  const value = encode(
    'partner',
    {
      id: stored.id,
      time: occurredAt,
      source: '/partner-registry',
      subject: partner.id,
      key: partner.id,
      stream: stored.stream,
      revision: stored.revision,
      ...metadataOf(stored.metadataText),
    },
    partner,
  );
  return [{ topic: TOPICS.partners, message: { key: partner.id, value } }];
}

function metadataOf(text: string): { readonly actor: string; readonly correlationId: string } {
  const metadata: unknown = JSON.parse(text);
  if (typeof metadata !== 'object' || metadata === null) throw new TypeError('the metadata of an event is no object');
  const { actor = '', correlationId = '' }: { readonly actor?: string; readonly correlationId?: string } = metadata;
  return { actor, correlationId };
}
