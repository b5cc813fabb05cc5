/** Facts that come over the broker (topic `deals.inbound`). */
import type { Broker, DeadLetter } from '@tantieme/messaging/broker';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { FactIntake, Incoming } from './fact-recorder.service.js';
import { BATCH_FACTS } from './candidate.js';

export const GROUP = 'deal-ingestion';
export const ACTOR = 'service:deal-ingestion';

/** What is no `deal-fact` goes to the dead letters; a fact that is refused is kept as a refusal, like any other. */
export function startInbound(broker: Broker, intake: FactIntake, onError: (error: unknown) => void): RunningConsumer {
  return startConsumer({
    broker,
    group: GROUP,
    topics: [TOPICS.dealsInbound],
    batchSize: BATCH_FACTS,
    onError,
    handle: async (batch) => {
      const incoming: Incoming[] = [];
      const deadLetters: DeadLetter[] = [];
      for (const { envelope, message } of batch) {
        const { type, id, data, correlationId } = envelope;
        if (type !== 'deal-fact') {
          deadLetters.push({ message, reason: `a message of type ${type} is no fact of a deal` });
          continue;
        }
        incoming.push({
          fact: data,
          raw: () => JSON.stringify(data),
          context: { actor: ACTOR, correlationId, causationId: id },
        });
      }
      await intake.take(incoming);
      return deadLetters;
    },
  });
}
