/** Credits deals from the broker. */
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Process } from '@tantieme/event-sourcing/process/process';
import { Refusals } from '@tantieme/event-sourcing/process/refusals';

import { contextOf, newestPerOrigin } from '../batch.consumer.js';
import { BATCH_MESSAGES } from '../limits.js';
import type { Crediting } from './crediting.service.js';

export const CREDIT_CONSUMER = 'commission-credit';

export function creditConsumer(crediting: Crediting): Process<Received<Envelope>> {
  return {
    name: CREDIT_CONSUMER,
    replicas: 'every-replica',
    source: topicSource({ group: CREDIT_CONSUMER, topics: [TOPICS.deals], batchSize: BATCH_MESSAGES }),
    step: async (batch) => {
      const refusals = new Refusals();
      const newest = newestPerOrigin(batch, 'deal', refusals);
      const results = await crediting.credit(
        newest.map(({ envelope, origin }) => ({
          deal: envelope.data,
          origin,
          at: envelope.time,
          context: contextOf(envelope),
        })),
      );
      refusals.addRefused(newest, results);
      return refusals.all;
    },
  };
}
