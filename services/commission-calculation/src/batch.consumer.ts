/** What the consumers of this service share. */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import type { Refusal } from '@tantieme/event-sourcing/process/process';
import type { Message } from '@tantieme/messaging/broker';
import type { Origin } from './reference/stream/reference.js';

interface Newest<Type extends 'deal' | 'partner'> {
  readonly envelope: EnvelopeOf<Type>;
  readonly origin: Origin;
  readonly message: Message;
}

/**
 * The newest message per origin: messages carry state, so older ones in the batch are skipped. Messages of another
 * type, or without an origin, are parked.
 */
export function newestPerOrigin<Type extends 'deal' | 'partner'>(
  batch: readonly Received<Envelope>[],
  type: Type,
  refusals: Refusal[],
): readonly Newest<Type>[] {
  const newest = new Map<string, Newest<Type>>();
  for (const { envelope, message } of batch) {
    if (!isOfType(envelope, type)) {
      refusals.push({ message, reason: `the type of the message is ${envelope.type}, not ${type}` });
      continue;
    }
    const { stream, revision } = envelope;
    if (stream === undefined || revision === undefined) {
      refusals.push({ message, reason: 'stream or revision is missing: without them, no message is the newest' });
      continue;
    }
    const before = newest.get(stream);
    if (before === undefined || before.origin.revision < revision)
      newest.set(stream, { envelope, origin: { stream, revision }, message });
  }
  return [...newest.values()];
}

function isOfType<Type extends 'deal' | 'partner'>(
  envelope: Envelope,
  type: Type,
): envelope is EnvelopeOf<Type> & Envelope {
  return envelope.type === type;
}

export function contextOf({
  id,
  correlationId,
}: {
  readonly id: string;
  readonly correlationId: string;
}): CommandContext {
  return { correlationId, causationId: id, cause: id };
}

export function refuse(
  refusals: Refusal[],
  message: Message | undefined,
  error: Error & { readonly code?: string },
  touchesFrom?: string,
): void {
  if (message !== undefined)
    refusals.push(omitUndefined({ message, reason: `${error.code ?? error.name}: ${error.message}`, touchesFrom }));
}
