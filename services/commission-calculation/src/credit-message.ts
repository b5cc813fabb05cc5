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

function isCreditMessage(value: unknown): value is CreditMessage {
  if (typeof value !== 'object' || value === null) return false;
  const {
    id,
    time,
    deal,
    number,
    payee,
    plan,
    groups,
    correlationId,
    causationId,
  }: { readonly [Name in keyof CreditMessage]?: unknown } = value;
  return (
    typeof id === 'string' &&
    typeof time === 'string' &&
    typeof deal === 'string' &&
    Number.isSafeInteger(number) &&
    typeof payee === 'string' &&
    typeof plan === 'string' &&
    Array.isArray(groups) &&
    typeof correlationId === 'string' &&
    typeof causationId === 'string'
  );
}
