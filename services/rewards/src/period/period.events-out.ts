/** Publishes the pages of the manifest of rewards. */
import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import { REWARDS_PERIOD_EVENTS } from './period.js';
import type { PeriodEvent } from './period.js';

export const PUBLISHED_PERIOD_EVENTS: readonly PeriodEvent['type'][] = ['ManifestPageWritten'];

export function manifestMessagesOf(stored: StoredEvent): readonly Publication[] {
  const event = parseDomainEvent<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
  if (event.type !== 'ManifestPageWritten') return [];
  const { calendar } = event.data;
  const attributes = { ...attributesOf(stored, '/rewards', calendar), causationId: stored.id };
  const value = encode('period-manifest', attributes, event.data);
  return [{ topic: TOPICS.rewards, message: { key: calendar, value } }];
}
