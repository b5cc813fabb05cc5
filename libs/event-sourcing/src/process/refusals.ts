/** What a consumer refuses of a batch, with the reason under which it is parked. */
import type { Envelope } from '@tantieme/contracts/envelope';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { Message } from '@tantieme/messaging/broker';

import { DomainError } from '../decide/decider.js';
import type { Refused } from '../decide/runtime.js';
import type { Refusal } from './process.js';
import type { Received } from './topic-source.js';

/** What is made of a message, with the message. */
export type Made<Work extends object> = Work & { readonly message: Message };

export class Refusals {
  readonly all: Refusal[] = [];

  /** @param touchesFrom see {@link Refusal} */
  add(message: Message | undefined, { code, message: reason }: DomainError, touchesFrom?: string): void {
    if (message !== undefined) this.all.push(omitUndefined({ message, reason: `${code}: ${reason}`, touchesFrom }));
  }

  /** Takes each message of a batch; a `DomainError` refuses that one. */
  each<Content>(batch: readonly Received<Content>[], take: (content: Content, message: Message) => void): void {
    for (const { envelope, message } of batch)
      try {
        take(envelope, message);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        this.add(message, error);
      }
  }

  /** @param results of the work, in its order */
  addRefused(
    work: readonly Made<object>[],
    results: readonly ({ readonly outcome: 'accepted' | 'repeated' } | Pick<Refused, 'outcome' | 'error'>)[],
  ): void {
    for (const [index, result] of results.entries())
      if (result.outcome === 'refused') this.add(work[index]?.message, result.error);
  }
}

/** Where a message that carries state comes from. @throws {DomainError} `OriginMissing` */
export function originOf({ stream, revision }: Envelope): { readonly stream: string; readonly revision: number } {
  if (stream === undefined || revision === undefined)
    throw new DomainError('OriginMissing', 'the message lacks the stream and revision of its origin');
  return { stream, revision };
}

/** The refusal of a message that a service does not consume. */
export function unexpected({ type, source }: Envelope, service: string): DomainError {
  return new DomainError('MessageUnexpected', `${service} does not consume messages of type ${type} from ${source}`);
}
