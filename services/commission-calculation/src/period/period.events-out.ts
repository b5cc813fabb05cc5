import { encode } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/relay';
import type { Publication } from '@tantieme/event-sourcing/process/relay';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { SOURCE } from '../service-identity.js';
import { PERIOD_EVENTS } from './period.js';
import type { PeriodEvent } from './period.js';

/** A page of the manifest, for those downstream. */
export function manifestPublication(stored: StoredEvent): Publication {
  const { data } = parseDomainEvent<Extract<PeriodEvent, { type: 'ManifestPage' }>>(stored, PERIOD_EVENTS);
  const { calendar, period } = data;
  const subject = `${calendar}:${period}`;
  const attributes = { ...attributesOf(stored, SOURCE, calendar), subject, causationId: stored.id };
  return {
    topic: TOPICS.commissions,
    message: { key: calendar, value: encode('period-manifest', attributes, data) },
  };
}
