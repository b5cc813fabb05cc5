import { envelopeMessage } from '@tantieme/contracts/envelope';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { SOURCE } from '../service-identity.js';
import { PERIOD_EVENTS } from './period.js';
import type { PeriodEvent } from './period.js';

/** A page of the manifest, for those downstream. */
export function manifestMessage(stored: StoredEvent): OutgoingMessage {
  const { data } = parseDomainEvent<Extract<PeriodEvent, { type: 'ManifestPage' }>>(stored, PERIOD_EVENTS);
  const { calendar, period } = data;
  const subject = `${calendar}:${period}`;
  const attributes = { ...attributesOf(stored, SOURCE, calendar), subject, causationId: stored.id };
  return envelopeMessage('period-manifest', attributes, data);
}
