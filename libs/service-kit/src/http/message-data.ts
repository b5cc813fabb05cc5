/** Checks request bodies against the schemas of messages. */
import { check } from '@tantieme/contracts/check';
import type { MessageData, MessageType } from '@tantieme/contracts/envelope';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

/** @throws {DomainError} with `code` and the invalid fields, where the data does not fit the schema of its type. */
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
