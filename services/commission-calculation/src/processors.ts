/** The consumers of this service: partners are kept, deals are credited, credits are earned. */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { startProcessor } from '@tantieme/event-sourcing/processor';
import type { Received, RunningProcessor } from '@tantieme/event-sourcing/processor';
import type { CommandContext, Runtime } from '@tantieme/event-sourcing/runtime';
import type { Broker, DeadLetter, Message } from '@tantieme/messaging/broker';
import { CREDITS_TOPIC, readCreditMessage } from './credit-message.js';
import type { ChildMessage, CreditMessage } from './credit-message.js';
import type { Crediting, DealToCredit } from './crediting.js';
import type { Origin, PartnerTaken, ReferenceState, TakePartner } from './domain/reference.js';
import { referenceStream } from './domain/reference.js';
import type { Earning } from './earning.js';
import { ACTOR } from './messages.js';
import type { Pace } from './pace.js';
import type { PartnerBook } from './partner-book.js';

export const CREDIT_GROUP = 'commission-credit';
export const REFERENCE_GROUP = 'commission-reference';
export const EARN_GROUP = 'commission-earn';

/** Messages a batch at the most: one reading, one append for all of them. */
export const BATCH_MESSAGES = 1000;

export type ReferenceRuntime = Runtime<ReferenceState, TakePartner, PartnerTaken>;

interface Common {
  readonly broker: Broker;
  readonly pace: Pace;
  readonly onError: (error: unknown, batch: readonly Message[]) => void;
}

export function startReferences(
  { broker, onError }: Common,
  runtime: ReferenceRuntime,
  partners: PartnerBook,
): RunningProcessor {
  return startProcessor({
    broker,
    group: REFERENCE_GROUP,
    topics: [TOPICS.partners],
    batchSize: BATCH_MESSAGES,
    onError,
    handle: async (batch) => {
      const deadLetters: DeadLetter[] = [];
      const newest = newestOf(batch, 'partner', deadLetters);
      const results = await runtime.handleMany(
        newest.map(({ envelope: { data: partner, time: at, ...envelope }, origin }) => ({
          stream: referenceStream(partner.id),
          command: { partner, origin, at },
          context: contextOf(envelope),
        })),
      );
      for (const [index, result] of results.entries()) {
        if (result.outcome === 'handled') partners.take(result.stored);
        else refuse(deadLetters, newest[index]?.message, result.error);
      }
      return deadLetters;
    },
  });
}

export function startCrediting({ broker, pace, onError }: Common, crediting: Crediting): RunningProcessor {
  return startProcessor({
    broker,
    group: CREDIT_GROUP,
    topics: [TOPICS.deals],
    batchSize: BATCH_MESSAGES,
    onError,
    handle: async (batch) => {
      const deadLetters: DeadLetter[] = [];
      const newest = newestOf(batch, 'deal', deadLetters);
      const deals = newest.map(({ envelope: { data: deal, time: at, ...envelope }, origin }): DealToCredit => {
        return { deal, origin, at, context: contextOf(envelope) };
      });
      for (const [index, result] of (await crediting.credit(deals)).entries())
        if (result.outcome === 'refused') refuse(deadLetters, newest[index]?.message, result.error);
      await pace.keep();
      return deadLetters;
    },
  });
}

export function startEarning({ broker, pace, onError }: Common, earning: Earning): RunningProcessor {
  return startProcessor<CreditMessage | ChildMessage>({
    broker,
    group: EARN_GROUP,
    topics: [CREDITS_TOPIC],
    batchSize: BATCH_MESSAGES,
    decode: readCreditMessage,
    onError,
    handle: async (batch) => {
      const refused = await earning.earn(batch.map(({ envelope }) => envelope));
      const deadLetters: DeadLetter[] = [];
      for (const { index, error } of refused) refuse(deadLetters, batch[index]?.message, error);
      await pace.keep();
      return deadLetters;
    },
  });
}

interface Newest<Type extends 'deal' | 'partner'> {
  readonly envelope: EnvelopeOf<Type>;
  readonly origin: Origin;
  readonly message: Message;
}

/** Of each origin its newest message in the batch, as messages carry state; what is of another type goes to the dead letters. */
function newestOf<Type extends 'deal' | 'partner'>(
  batch: readonly Received<Envelope>[],
  type: Type,
  deadLetters: DeadLetter[],
): readonly Newest<Type>[] {
  const newest = new Map<string, Newest<Type>>();
  for (const { envelope, message } of batch) {
    if (!isOfType(envelope, type)) {
      deadLetters.push({ message, reason: `a message of type ${envelope.type} is no ${type}` });
      continue;
    }
    const { stream, revision } = envelope;
    if (stream === undefined || revision === undefined) {
      deadLetters.push({ message, reason: 'stream and revision of the origin are needed: the newest one counts' });
      continue;
    }
    const known = newest.get(stream);
    if (known === undefined || known.origin.revision < revision)
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

function contextOf({ id, correlationId }: { readonly id: string; readonly correlationId: string }): CommandContext {
  return { actor: ACTOR, correlationId, causationId: id, cause: id };
}

function refuse(deadLetters: DeadLetter[], message: Message | undefined, error: Error & { code?: string }): void {
  if (message !== undefined) deadLetters.push({ message, reason: `${error.code ?? error.name}: ${error.message}` });
}
