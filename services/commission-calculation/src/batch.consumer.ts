/** What the consumers of this service share. */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { originOf, unexpected } from '@tantieme/event-sourcing/process/refusals';
import type { Refusals } from '@tantieme/event-sourcing/process/refusals';
import type { Message } from '@tantieme/messaging/broker';
import type { Origin } from './reference/stream/reference.js';

interface Newest<Type extends 'deal' | 'partner'> {
  readonly envelope: EnvelopeOf<Type>;
  readonly origin: Origin;
  readonly message: Message;
}

/**
 * The newest message per origin: messages carry state, so older ones in the batch are skipped. Messages of another
 * type, or without an origin, are refused.
 */
export function newestPerOrigin<Type extends 'deal' | 'partner'>(
  batch: readonly Received<Envelope>[],
  type: Type,
  refusals: Refusals,
): readonly Newest<Type>[] {
  const newest = new Map<string, Newest<Type>>();
  refusals.each(batch, (envelope, message) => {
    if (!isOfType(envelope, type)) throw unexpected(envelope, 'commission-calculation');
    const origin = originOf(envelope);
    if ((newest.get(origin.stream)?.origin.revision ?? -1) < origin.revision)
      newest.set(origin.stream, { envelope, origin, message });
  });
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
