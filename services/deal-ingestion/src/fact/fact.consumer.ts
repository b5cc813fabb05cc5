/** Facts that arrive from the broker (topic `deals.inbound`). */
import type { Broker, DeadLetter } from '@tantieme/messaging/broker';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import type { RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import { BATCH_FACTS } from '../limits.js';
import type { FactRecorder, IncomingFact } from './fact-recorder.service.js';

const GROUP = 'deal-ingestion';
const ACTOR = 'service:deal-ingestion';

/** Messages of another type go to the dead letters; a fact that is refused is stored as a refusal, like any other. */
export function startFactConsumer(
  broker: Broker,
  recorder: FactRecorder,
  onError: (error: unknown) => void,
): RunningConsumer {
  return startConsumer({
    broker,
    group: GROUP,
    topics: [TOPICS.dealsInbound],
    batchSize: BATCH_FACTS,
    onError,
    handle: async (batch) => {
      const incoming: IncomingFact[] = [];
      const deadLetters: DeadLetter[] = [];
      for (const { envelope, message } of batch) {
        const { type, id, data, correlationId } = envelope;
        if (type !== 'deal-fact') {
          deadLetters.push({ message, reason: `a message of type ${type} is not a fact of a deal` });
          continue;
        }
        incoming.push({
          fact: data,
          raw: () => JSON.stringify(data),
          context: { actor: ACTOR, correlationId, causationId: id },
        });
      }
      await recorder.record(incoming);
      return deadLetters;
    },
  });
}
