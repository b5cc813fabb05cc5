/** The facts that this service publishes: the whole deal after each fact (topic `deals`). */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Publication } from '@tantieme/event-sourcing/relay';
import { domainEventOf } from '@tantieme/event-sourcing/runtime';
import { dealDecider } from './domain/deal.js';
import type { DealFactRecorded } from './domain/deal.js';

export function toMessages(stored: StoredEvent): readonly Publication[] {
  if (stored.type !== 'DealFactRecorded') return [];
  const { occurredAt, data } = domainEventOf<DealFactRecorded>(stored, dealDecider);
  const key = `${data.deal.source}|${data.deal.id}`;
  const { actor, correlationId } = metadataOf(stored.metadataText);
  const value = encode(
    'deal',
    {
      id: stored.id,
      time: occurredAt,
      source: '/deal-ingestion',
      subject: key,
      key,
      stream: stored.stream,
      revision: stored.revision,
      correlationId,
      actor,
    },
    data.deal,
  );
  return [{ topic: TOPICS.deals, message: { key, value } }];
}

function metadataOf(text: string): { readonly actor: string; readonly correlationId: string } {
  const metadata: unknown = JSON.parse(text);
  if (typeof metadata !== 'object' || metadata === null) throw new TypeError('the metadata of an event is no object');
  const { actor = '', correlationId = '' }: { readonly actor?: string; readonly correlationId?: string } = metadata;
  return { actor, correlationId };
}
