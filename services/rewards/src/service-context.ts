import type { Envelope } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';

/**
 * The context of a command that rewards issues on its own.
 * @param cause makes event ids repeatable: the same cause appends the same event once.
 */
export function serviceContext(cause: string, correlationId: string, causationId?: string) {
  return omitUndefined({ correlationId, cause, causationId });
}

/** The context of a command that a message causes. */
export function messageContext({ source, id, correlationId }: Envelope) {
  return serviceContext(`message:${source}:${id}`, correlationId, id);
}
