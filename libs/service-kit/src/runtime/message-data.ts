/** Data that came in otherwise than in an envelope, and is to be what a message of its type holds. */
import { check } from '@tantieme/contracts/check';
import type { MessageData, MessageType } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

/** @throws {DomainError} `code`, with the field that the schema of the type refuses */
export function assertMessageData<Type extends MessageType>(
  type: Type,
  data: unknown,
  code: string,
): asserts data is MessageData[Type] {
  const faults = check(type, data);
  if (faults.length === 0) return;
  const message = faults.map(({ field, reason }) => (field === '' ? reason : `${field} ${reason}`)).join('; ');
  throw new DomainError(code, message, 'invalid', faults);
}
