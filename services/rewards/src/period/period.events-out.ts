/** Publishes the pages of the manifest of rewards, and its steps of closings. */
import type { AnnouncedStep } from '@tantieme/contracts/closing';
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';

import { REWARDS_PERIOD, REWARDS_PERIOD_EVENTS } from './period.js';
import type { PeriodEvent } from './period.js';

export const PUBLISHED_PERIOD_EVENTS: readonly PeriodEvent['type'][] = ['ManifestPageWritten'];

export function manifestMessagesOf(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = parseDomainEvent<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
  if (event.type !== 'ManifestPageWritten') return [];
  return [envelopeMessage('period-manifest', attributesOfPeriod(stored, event), event.data)];
}

const STEPS: Readonly<Partial<Record<PeriodEvent['type'], AnnouncedStep>>> = {
  RewardsPeriodClosed: 'rewards-closed',
  RewardsPeriodReopened: 'rewards-reopened',
};

export const REWARDS_CLOSINGS: Publication = {
  name: 'rewards-closings-relay',
  topic: TOPICS.rewardsClosings,
  filter: { categories: [REWARDS_PERIOD], types: Object.keys(STEPS) },
  toMessages: stepMessagesOf,
};

function stepMessagesOf(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = parseDomainEvent<PeriodEvent>(stored, REWARDS_PERIOD_EVENTS);
  const step = STEPS[event.type];
  if (step === undefined) return [];
  const { calendar, period, closing } = event.data;
  return [envelopeMessage('closing-step', attributesOfPeriod(stored, event), { calendar, period, closing, step })];
}

function attributesOfPeriod(stored: StoredEvent, { data }: PeriodEvent) {
  return { ...attributesOf(stored, '/rewards', data.calendar), causationId: stored.id };
}
