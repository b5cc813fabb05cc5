/** Receives the steps of closings that rewards and payouts have reached; the closing process goes on with them. */
import { mayAnnounce } from '@tantieme/contracts/closing';
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import { contextOf } from '../batch.consumer.js';
import { BATCH_MESSAGES } from '../limits.js';
import type { Periods } from './periods.service.js';

export const CLOSING_STEPS_CONSUMER = 'commission-closing-steps';

export function closingStepConsumer(periods: Periods): Process<Received<Envelope>> {
  return {
    name: CLOSING_STEPS_CONSUMER,
    replicas: 'every-replica',
    source: topicSource({
      group: CLOSING_STEPS_CONSUMER,
      topics: [TOPICS.rewardsClosings, TOPICS.payoutsClosings],
      batchSize: BATCH_MESSAGES,
    }),
    step: async (batch, { timers }) => {
      const refusals: Refusal[] = [];
      for (const { envelope, message } of batch) {
        if (envelope.type !== 'closing-step' || !mayAnnounce(envelope.source, envelope.data.step)) {
          refusals.push({ message, reason: `${envelope.source} may not announce this as a step of a closing` });
          continue;
        }
        const { calendar, period, closing, step } = envelope.data;
        const at = new Date(timers.nowMs()).toISOString();
        await periods.handle(calendar, period, { type: 'reach-step', closing, step, at }, contextOf(envelope));
      }
      return refusals;
    },
  };
}
