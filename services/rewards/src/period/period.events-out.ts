/** Publishes the pages of the manifest of rewards. */
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';

import { REWARDS_PERIOD_EVENTS } from './period.js';
import type { PeriodEvent } from './period.js';

export const PUBLISHED_PERIOD_EVENTS: readonly PeriodEvent['type'][] = ['ManifestPageWritten'];

export function manifestMessagesOf(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = parseDomainEvent<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
  if (event.type !== 'ManifestPageWritten') return [];
  const { calendar } = event.data;
  const attributes = { ...attributesOf(stored, '/rewards', calendar), causationId: stored.id };
  return [envelopeMessage('period-manifest', attributes, event.data)];
}
