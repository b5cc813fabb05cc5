/** The consumers of this service: partners, exchange rates and quotas are kept, deals are credited, credits are earned. */
import type { Envelope, EnvelopeOf } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { Received, RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import type { Broker, DeadLetter, Message } from '@tantieme/messaging/broker';
import type { Accounts } from './earning/payee-terms.service.js';
import { isClaimsMessage } from './budget/budget.events-out.js';
import type { ClaimsMessage } from './budget/budget.events-out.js';
import type { Budgets } from './budget/budget.service.js';
import { CREDITS_TOPIC, readCreditMessage } from './credit/credit.events-out.js';
import type { EarnedMessage } from './credit/credit.events-out.js';
import type { Crediting, DealToCredit } from './credit/crediting.service.js';
import type { Origin } from './reference/reference.js';
import { referenceStream } from './reference/reference.js';
import type { Earning } from './earning/earning.service.js';
import { ACTOR } from './events-out.js';
import type { Backpressure } from './backpressure.service.js';
import type { PartnerCache } from './reference/partner-cache.service.js';
import { isQuotaMessage } from './reference/quota.events-out.js';
import type { QuotaMessage } from './reference/quota.events-out.js';
import type { IncomingReference, ReferenceIntake, ReferenceRuntime } from './reference/reference-recorder.service.js';

export const CREDIT_GROUP = 'commission-credit';
export const REFERENCE_GROUP = 'commission-reference';
export const EARN_GROUP = 'commission-earn';

/** Messages a batch at the most: one reading, one append for all of them. */
export const BATCH_MESSAGES = 1000;

interface Common {
  readonly broker: Broker;
  readonly pace: Backpressure;
  readonly onError: (error: unknown, batch: readonly Message[]) => void;
}

export function startReferences(
  { broker, onError }: Common,
  runtime: ReferenceRuntime,
  partners: PartnerCache,
  intake: ReferenceIntake,
): RunningConsumer {
  return startConsumer({
    broker,
    group: REFERENCE_GROUP,
    topics: [TOPICS.partners, TOPICS.referencesInbound],
    batchSize: BATCH_MESSAGES,
    onError,
    handle: async (batch) => {
      if (batch[0]?.message.topic === TOPICS.referencesInbound) return takeReferences(intake, batch);
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
        if (result.outcome === 'accepted') partners.take(result.stored);
        else refuse(deadLetters, newest[index]?.message, result.error);
      }
      return deadLetters;
    },
  });
}

/** Exchange rates and quotas. One that is not taken goes to the dead letters with the reason. */
async function takeReferences(
  intake: ReferenceIntake,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const incoming: (IncomingReference & { readonly message: Message })[] = [];
  for (const { envelope, message } of batch) {
    const { type: kind, data: fact, time: at, id, correlationId } = envelope;
    if (kind === 'exchange-rate' || kind === 'quota')
      incoming.push({ kind, fact, at, context: { actor: ACTOR, correlationId, causationId: id }, message });
    else deadLetters.push({ message, reason: `a message of type ${kind} is neither an exchange rate nor a quota` });
  }
  for (const [index, taken] of (await intake.take(incoming)).entries())
    if ('error' in taken) refuse(deadLetters, incoming[index]?.message, taken.error);
  return deadLetters;
}

export function startCrediting({ broker, pace, onError }: Common, crediting: Crediting): RunningConsumer {
  return startConsumer({
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

export function startEarning(
  { broker, pace, onError }: Common,
  earning: Earning,
  budgets: Budgets,
  accounts: Accounts,
): RunningConsumer {
  return startConsumer<EarnedMessage | ClaimsMessage | QuotaMessage>({
    broker,
    group: EARN_GROUP,
    topics: [CREDITS_TOPIC],
    batchSize: BATCH_MESSAGES,
    decode: readCreditMessage,
    onError,
    handle: async (batch) => {
      const credits: { readonly credit: EarnedMessage; readonly message: Message }[] = [];
      const claims: { readonly claim: ClaimsMessage; readonly message: Message }[] = [];
      for (const { envelope, message } of batch)
        if (isClaimsMessage(envelope)) claims.push({ claim: envelope, message });
        else if (!isQuotaMessage(envelope)) credits.push({ credit: envelope, message });
      const deadLetters: DeadLetter[] = [];
      for (const { index, error } of await earning.earn(credits.map(({ credit }) => credit)))
        refuse(deadLetters, credits[index]?.message, error);
      for (const { index, error } of await budgets.take(claims.map(({ claim }) => claim)))
        refuse(deadLetters, claims[index]?.message, error);
      // What a stream has to know of its payee is read anew: of several quotas of a batch, one reading says all.
      for (const { envelope } of batch)
        if (isQuotaMessage(envelope)) await accounts.bring([envelope], envelope.time, contextOf(envelope));
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
