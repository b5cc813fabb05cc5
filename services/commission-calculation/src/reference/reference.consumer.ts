/** Records partners, exchange rates and quotas from the broker. */
import type { Envelope } from '@tantieme/contracts/envelope';
import type { ExchangeRateFact, QuotaFact } from '@tantieme/contracts/reference';
import { TOPICS } from '@tantieme/contracts/topics';
import { Refusals, unexpected } from '@tantieme/event-sourcing/process/refusals';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { isDay } from '@tantieme/time/day';
import type { Message } from '@tantieme/messaging/broker';
import { contextOf, newestPerOrigin } from '../batch.consumer.js';
import { BATCH_MESSAGES } from '../limits.js';
import type { PartnerCache } from './cache/partner-cache.service.js';
import { partnerStream } from './stream/reference-keys.js';
import type { IncomingReference, ReferenceRecorder } from './reference-recorder.service.js';
import type { ReferenceRuntime } from './stream/reference-runtime.service.js';

/** Where a day begins first, UTC+14. */
const EARLIEST_ZONE_MS = 14 * 3_600_000;

export const REFERENCE_CONSUMER = 'commission-reference';

export function referenceConsumer(
  runtime: ReferenceRuntime,
  partners: PartnerCache,
  recorder: ReferenceRecorder,
): Process<Received<Envelope>> {
  return {
    name: REFERENCE_CONSUMER,
    replicas: 'every-replica',
    source: topicSource({
      group: REFERENCE_CONSUMER,
      topics: [TOPICS.partners, TOPICS.referencesInbound],
      batchSize: BATCH_MESSAGES,
    }),
    // A batch is of one topic.
    step: (batch) =>
      batch[0]?.message.topic === TOPICS.referencesInbound
        ? recordReferences(recorder, batch)
        : recordPartners(runtime, partners, batch),
  };
}

async function recordPartners(
  runtime: ReferenceRuntime,
  partners: PartnerCache,
  batch: readonly Received<Envelope>[],
): Promise<readonly Refusal[]> {
  const refusals = new Refusals();
  const newest = newestPerOrigin(batch, 'partner', refusals);
  const results = await runtime.handleMany(
    newest.map(({ envelope, origin }) => ({
      stream: partnerStream(envelope.data.id),
      command: { partner: envelope.data, origin, at: envelope.time },
      context: contextOf(envelope),
    })),
  );
  for (const [index, result] of results.entries()) {
    if (result.outcome === 'accepted') partners.record(result.stored);
    else refusals.add(newest[index]?.message, result.error);
  }
  return refusals.all;
}

/** Facts that are refused are parked with the reason. */
async function recordReferences(
  recorder: ReferenceRecorder,
  batch: readonly Received<Envelope>[],
): Promise<readonly Refusal[]> {
  const refusals = new Refusals();
  const incoming: (IncomingReference & { readonly fact: ExchangeRateFact | QuotaFact; readonly message: Message })[] =
    [];
  refusals.each(batch, (envelope, message) => {
    const { type: kind, data: fact, time: at, id, correlationId } = envelope;
    if (kind !== 'exchange-rate' && kind !== 'quota') throw unexpected(envelope, 'commission-calculation');
    incoming.push({ kind, fact, at, context: { correlationId, causationId: id }, message });
  });
  for (const [index, result] of (await recorder.record(incoming)).entries())
    if ('error' in result && incoming[index] !== undefined) {
      const { message, fact } = incoming[index];
      refusals.add(message, result.error, touchesFrom(fact));
    }
  return refusals.all;
}

/** A rate and a quota change nothing before their first day, wherever in the world it begins. */
function touchesFrom(fact: ExchangeRateFact | QuotaFact): string | undefined {
  const day = 'date' in fact ? fact.date : fact.from;
  return isDay(day) ? new Date(Date.parse(day) - EARLIEST_ZONE_MS).toISOString() : undefined;
}
