/**
 * Publishes bonuses when a period closes in which they have a line. Until then only `GET /bonuses` shows them: a bonus
 * changes with many of the deals of its window.
 */
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';

import { BONUS_EVENTS } from './bonus.js';
import type { BonusEvent } from './bonus.js';

export const PUBLISHED_BONUS_EVENTS: readonly BonusEvent['type'][] = ['BonusPeriodClosed', 'BonusPeriodReopened'];

export function bonusMessagesOf(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = parseDomainEvent<BonusEvent>(stored, BONUS_EVENTS);
  if (event.type === 'BonusDecided') return [];
  return event.data.bonuses.map((bonus) => {
    // One event becomes several messages, so the window is part of their ids.
    const id = `${stored.id}:${bonus.window}`;
    const attributes = { ...attributesOf(stored, '/rewards', bonus.payee), id, causationId: stored.id };
    return envelopeMessage('bonus-of-window', attributes, bonus);
  });
}
