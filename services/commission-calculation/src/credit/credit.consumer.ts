/** Credits deals from the broker. */
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { DeadLetter } from '@tantieme/messaging/broker';
import { addDeadLetter, contextOf, newestPerOrigin } from '../batch.consumer.js';
import { BATCH_MESSAGES } from '../limits.js';
import type { ConsumerSetup } from '../batch.consumer.js';
import type { Crediting } from './crediting.service.js';

export const CREDIT_GROUP = 'commission-credit';

export function startCreditConsumer(
  { broker, backpressure, onError }: ConsumerSetup,
  crediting: Crediting,
): RunningConsumer {
  return startConsumer({
    broker,
    group: CREDIT_GROUP,
    topics: [TOPICS.deals],
    batchSize: BATCH_MESSAGES,
    onError,
    handle: async (batch) => {
      const deadLetters: DeadLetter[] = [];
      const newest = newestPerOrigin(batch, 'deal', deadLetters);
      const results = await crediting.credit(
        newest.map(({ envelope, origin }) => ({
          deal: envelope.data,
          origin,
          at: envelope.time,
          context: contextOf(envelope),
        })),
      );
      for (const [index, result] of results.entries())
        if (result.outcome === 'refused') addDeadLetter(deadLetters, newest[index]?.message, result.error);
      await backpressure.waitForReaders();
      return deadLetters;
    },
  });
}
