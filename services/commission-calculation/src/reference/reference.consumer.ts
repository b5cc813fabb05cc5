/** Records partners, exchange rates and quotas from the broker. */
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { Received, RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { DeadLetter, Message } from '@tantieme/messaging/broker';
import { ACTOR } from '../service-identity.js';
import { addDeadLetter, contextOf, newestPerOrigin } from '../batch.consumer.js';
import { BATCH_MESSAGES } from '../limits.js';
import type { ConsumerSetup } from '../batch.consumer.js';
import type { PartnerCache } from './cache/partner-cache.service.js';
import { partnerStream } from './stream/reference-keys.js';
import type { IncomingReference, ReferenceRecorder } from './reference-recorder.service.js';
import type { ReferenceRuntime } from './stream/reference-runtime.service.js';

export const REFERENCE_GROUP = 'commission-reference';

export function startReferenceConsumer(
  { broker, onError }: ConsumerSetup,
  runtime: ReferenceRuntime,
  partners: PartnerCache,
  recorder: ReferenceRecorder,
): RunningConsumer {
  return startConsumer({
    broker,
    group: REFERENCE_GROUP,
    topics: [TOPICS.partners, TOPICS.referencesInbound],
    batchSize: BATCH_MESSAGES,
    onError,
    // A batch is of one topic.
    handle: (batch) =>
      batch[0]?.message.topic === TOPICS.referencesInbound
        ? recordReferences(recorder, batch)
        : recordPartners(runtime, partners, batch),
  });
}

async function recordPartners(
  runtime: ReferenceRuntime,
  partners: PartnerCache,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const newest = newestPerOrigin(batch, 'partner', deadLetters);
  const results = await runtime.handleMany(
    newest.map(({ envelope, origin }) => ({
      stream: partnerStream(envelope.data.id),
      command: { partner: envelope.data, origin, at: envelope.time },
      context: contextOf(envelope),
    })),
  );
  for (const [index, result] of results.entries()) {
    if (result.outcome === 'accepted') partners.record(result.stored);
    else addDeadLetter(deadLetters, newest[index]?.message, result.error);
  }
  return deadLetters;
}

/** Facts that are refused go to the dead letters with the reason. */
async function recordReferences(
  recorder: ReferenceRecorder,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const incoming: (IncomingReference & { readonly message: Message })[] = [];
  for (const { envelope, message } of batch) {
    const { type: kind, data: fact, time: at, id, correlationId } = envelope;
    if (kind === 'exchange-rate' || kind === 'quota')
      incoming.push({ kind, fact, at, context: { actor: ACTOR, correlationId, causationId: id }, message });
    else deadLetters.push({ message, reason: `the type of the message is ${kind}, neither exchange-rate nor quota` });
  }
  for (const [index, result] of (await recorder.record(incoming)).entries())
    if ('error' in result) addDeadLetter(deadLetters, incoming[index]?.message, result.error);
  return deadLetters;
}
