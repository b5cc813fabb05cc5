/**
 * Messages of the internal topic `commission-credits`: the whole credit of a deal to one payee under one plan, routed by
 * the stream that it is earned in. Nobody outside of this service reads them, so they have a small form of their own.
 */
import { uuidOf } from '@tantieme/event-sourcing/identity';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { OutgoingMessage } from '@tantieme/messaging/broker';
import type { CreditGroup } from './domain/credit-lines.js';
import { dealOfStream } from './domain/credit.js';
import type { DealCredited } from './domain/credit.js';

export const CREDITS_TOPIC = 'commission-credits';

export interface CreditMessage {
  readonly id: string;
  /** When what it answers happened. */
  readonly time: string;
  readonly deal: string;
  readonly number: number;
  readonly payee: string;
  readonly plan: string;
  readonly groups: readonly CreditGroup[];
  readonly correlationId: string;
  /** Id of the event that says it. */
  readonly causationId: string;
}

export function creditMessages(
  stored: StoredEvent,
  { occurredAt, data }: DealCredited,
  correlationId: string,
): readonly OutgoingMessage[] {
  const deal = dealOfStream(stored.stream);
  return data.credits.map(({ payee, plan, groups }) => {
    const key = `${payee}|${plan}`;
    const message: CreditMessage = {
      id: uuidOf(`${stored.id} ${key}`),
      time: occurredAt,
      deal,
      number: data.number,
      payee,
      plan,
      groups,
      correlationId,
      causationId: stored.id,
    };
    return { key, value: JSON.stringify(message) };
  });
}

/** @throws {TypeError} for a text that this service did not write */
export function readCreditMessage(text: string): CreditMessage {
  const value: unknown = JSON.parse(text);
  if (!isCreditMessage(value)) throw new TypeError('this is no credit of this service');
  return value;
}

const TEXTS = ['id', 'time', 'deal', 'payee', 'plan', 'correlationId', 'causationId'];

function isCreditMessage(value: unknown): value is CreditMessage {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    TEXTS.every((name) => typeof fields.get(name) === 'string') &&
    Number.isSafeInteger(fields.get('number')) &&
    Array.isArray(fields.get('groups'))
  );
}
