import { ANNOUNCED_STEPS } from '@tantieme/contracts/closing';
import { envelopeMessage } from '@tantieme/contracts/envelope';
import { parseDomainEvent } from '@tantieme/event-sourcing/decide/upcasting';
import { attributesOf } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { SOURCE } from '../service-identity.js';
import { PERIOD_EVENTS } from './period.js';
import type { PeriodEvent } from './period.js';

/** The pages of a manifest, and the steps that those downstream wait for. */
export function periodMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = parseDomainEvent<PeriodEvent>(stored, PERIOD_EVENTS);
  const { calendar, period } = event.data;
  const subject = `${calendar}:${period}`;
  const attributes = { ...attributesOf(stored, SOURCE, calendar), subject, causationId: stored.id };
  if (event.type === 'ManifestPage') return [envelopeMessage('period-manifest', attributes, event.data)];
  const step = ANNOUNCED_STEPS[SOURCE].find((one) => one === event.data.step);
  return step === undefined ? [] : [envelopeMessage('closing-step', attributes, { ...event.data, step })];
}
