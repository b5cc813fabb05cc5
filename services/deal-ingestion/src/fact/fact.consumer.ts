/** Facts that arrive from the broker (topic `deals.inbound`). */
import type { Process } from '@tantieme/event-sourcing/process/process';
import { Refusals, unexpected } from '@tantieme/event-sourcing/process/refusals';

import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import { BATCH_FACTS } from '../limits.js';
import type { FactRecorder, IncomingFact } from './fact-recorder.service.js';

/** A fact that is refused is stored as a refusal, like any other; messages of another type are parked. */
export function factConsumer(recorder: FactRecorder): Process<Received<Envelope>> {
  return {
    name: 'deal-ingestion-inbound',
    replicas: 'every-replica',
    source: topicSource({ group: 'deal-ingestion', topics: [TOPICS.dealsInbound], batchSize: BATCH_FACTS }),
    step: async (batch) => {
      const incoming: IncomingFact[] = [];
      const refusals = new Refusals();
      refusals.each(batch, (envelope) => {
        const { type, id, data, correlationId } = envelope;
        if (type !== 'deal-fact') throw unexpected(envelope, 'deal-ingestion');
        const context = { correlationId, causationId: id };
        incoming.push({ fact: data, raw: () => JSON.stringify(data), context });
      });
      await recorder.record(incoming);
      return refusals.all;
    },
  };
}
