import { uuidOf } from '@tantieme/event-sourcing/decide/identity';
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { internalMessage } from '@tantieme/event-sourcing/process/publication';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import { INTEGER, internalMessageGuard, LIST, TEXT } from '../internal-message.js';
import type { InternalMessage } from '../internal-message.js';
import type { CreditGroup } from './credit-lines.js';
import { creditsIn, dealOfStream, CREDIT_EVENTS } from './credit.js';
import type { DealCredited } from './credit.js';

/**
 * The internal topic of this service: credits, and what else earning streams and budgets send to each other. Messages
 * are keyed by the stream that they change. Nobody else reads it, so its messages have a compact form of their own.
 */
export const CREDITS_TOPIC = 'commission-credits';

/** The whole credit of a deal to one payee under one plan. */
export interface CreditMessage extends InternalMessage {
  readonly deal: string;
  /** Crediting number of the deal: the highest counts. */
  readonly number: number;
  readonly groups: readonly CreditGroup[];
  /** Payees above who are paid an override on what this one earns with the deal. */
  readonly above?: readonly string[];
}

export function creditMessages(stored: StoredEvent): readonly OutgoingMessage[] {
  const event = domainEventOf<DealCredited>(stored, CREDIT_EVENTS);
  const { occurredAt, data } = event;
  const { correlationId } = metadataOf(stored);
  const deal = dealOfStream(stored.stream);
  return creditsIn(event).map(({ payee, plan, groups, above }) => {
    const key = `${payee}|${plan}`;
    const message: CreditMessage = {
      id: uuidOf(`${stored.id} ${key}`),
      time: occurredAt,
      deal,
      number: data.number,
      payee,
      plan,
      groups,
      ...(above === undefined ? {} : { above }),
      correlationId,
      causationId: stored.id,
    };
    return internalMessage(key, message);
  });
}

export const isCreditMessage = internalMessageGuard<CreditMessage>({ deal: TEXT, number: INTEGER, groups: LIST });
