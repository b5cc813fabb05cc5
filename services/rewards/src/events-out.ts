/**
 * What rewards says: the relay's messages, each a function of one event. A bonus is told when a period with a line of it
 * closes, and not at every step on the way: until then it is what `GET /bonuses` shows.
 */
import { encode } from '@tantieme/contracts/envelope';
import type { EnvelopeAttributes } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import type { BonusEvent } from './bonus/bonus.js';
import type { PeriodEvent } from './period/period.js';

export const SOURCE = '/rewards';

/** Types of events that are announced. */
export const ANNOUNCED: readonly (BonusEvent['type'] | PeriodEvent['type'])[] = [
  'BonusPeriodClosed',
  'ManifestPageWritten',
];

export function announcementsOf(stored: StoredEvent): readonly Publication[] {
  const event = parseDomainEvent<BonusEvent | PeriodEvent>(stored, {});
  if (event.type === 'BonusPeriodClosed')
    return event.data.bonuses.map((bonus) => {
      const value = encode('bonus-of-window', attributes(stored, bonus.payee, bonus.window), bonus);
      return { topic: TOPICS.rewards, message: { key: bonus.payee, value } };
    });
  if (event.type === 'ManifestPageWritten') {
    const { calendar } = event.data;
    const value = encode('period-manifest', attributes(stored, calendar), event.data);
    return [{ topic: TOPICS.rewards, message: { key: calendar, value } }];
  }
  return [];
}

/** @param part tells the messages of one event apart. */
function attributes(stored: StoredEvent, key: string, part?: string): EnvelopeAttributes {
  const id = part === undefined ? stored.id : `${stored.id}:${part}`;
  return { ...attributesOf(stored, SOURCE, key), id, causationId: stored.id };
}
