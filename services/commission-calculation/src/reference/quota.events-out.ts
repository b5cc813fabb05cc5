/**
 * Quotas on the internal topic `commission-credits`, under the key of the earning stream that they belong to: the
 * stream then receives its quotas and credits in one order.
 */
import type { Quota as QuotaInForce } from '@tantieme/commission-engine/earn/payee-terms';
import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { internalMessage } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { INTEGER, internalMessageGuard, LIST } from '../internal-message.js';
import type { InternalMessage } from '../internal-message.js';
import type { QuotaRecorded } from './facts/quota.js';
import { REFERENCE_EVENTS } from './stream/reference.js';

/** All quotas in force of a payee under a plan: the newest revision replaces the ones before. */
export interface QuotaMessage extends InternalMessage {
  readonly kind: 'quota';
  /** Of the reference stream. */
  readonly revision: number;
  readonly quotas: readonly QuotaInForce[];
}

export function quotaMessage(stored: StoredEvent): OutgoingMessage {
  const { occurredAt, data } = domainEventOf<QuotaRecorded>(stored, REFERENCE_EVENTS);
  const { payee, plan } = data.quota;
  const message: QuotaMessage = {
    kind: 'quota',
    id: uuidOf(`${stored.id} quota`),
    time: occurredAt,
    payee,
    plan,
    revision: stored.revision,
    quotas: data.inForce,
    correlationId: metadataOf(stored).correlationId,
    causationId: stored.id,
  };
  return internalMessage(`${payee}|${plan}`, message);
}

export const isQuotaMessage = internalMessageGuard<QuotaMessage>({
  kind: { const: 'quota' },
  revision: INTEGER,
  quotas: LIST,
});
