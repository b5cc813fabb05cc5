/** What all messages on the internal topic `commission-credits` have in common, and how they are checked. */
import { guardOf } from '@tantieme/contracts/check';
import type { JsonSchema } from '@tantieme/contracts/schemas';

export interface InternalMessage {
  readonly id: string;
  /** Time of the fact that caused it. */
  readonly time: string;
  readonly payee: string;
  readonly plan: string;
  readonly correlationId: string;
  /** Id of the event that it was made from. */
  readonly causationId: string;
}

export const TEXT = { type: 'string' };
export const INTEGER = { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
export const LIST = { type: 'array' };

const COMMON = { id: TEXT, time: TEXT, payee: TEXT, plan: TEXT, correlationId: TEXT, causationId: TEXT };

/** @param fields that the message must have besides those of every message; the sender is this service itself */
export function internalMessageGuard<Message extends InternalMessage>(
  fields: Readonly<Partial<Record<Exclude<keyof Message, keyof InternalMessage>, JsonSchema>>>,
): (value: unknown) => value is Message {
  const properties = { ...COMMON, ...fields };
  return guardOf<Message>({ type: 'object', properties, required: Object.keys(properties) });
}
