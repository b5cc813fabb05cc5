/** Receives partners from partner-registry. Idempotent: repeated and older messages append nothing. */
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { topicSource } from '@tantieme/event-sourcing/process/topic-source';

import { participantStream } from './participant.js';
import type { ParticipantCommand } from './participant.js';
import type { Participants } from './participants.service.js';
import { messageContext } from '../service-context.js';

export const PARTNERS_CONSUMER = 'rewards-partners-consumer';

const MESSAGES_PER_BATCH = 1000;

export function partnersConsumer(participants: Participants): Process<Received<Envelope>> {
  return {
    name: PARTNERS_CONSUMER,
    replicas: 'every-replica',
    source: topicSource({ group: 'rewards-partners', topics: [TOPICS.partners], batchSize: MESSAGES_PER_BATCH }),
    step: (batch) => receivePartners(participants, batch),
  };
}

/** @param batch messages of the topic `partners` */
async function receivePartners(
  participants: Participants,
  batch: readonly Received<Envelope>[],
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  const work: Work<ParticipantCommand>[] = [];
  for (const { envelope, message } of batch) {
    const { stream, revision } = envelope;
    if (envelope.type !== 'partner') {
      const reason = `MessageUnexpected: rewards expects partners in this topic, not messages of type ${envelope.type}`;
      refusals.push({ message, reason });
      continue;
    }
    if (stream === undefined || revision === undefined) {
      refusals.push({ message, reason: 'OriginMissing: the message lacks the stream and revision of its origin' });
      continue;
    }
    const { id, channel } = envelope.data;
    work.push({
      stream: participantStream(id),
      command: { type: 'receive-partner', at: envelope.time, partner: id, channel, origin: { stream, revision } },
      context: messageContext(envelope),
    });
  }
  await participants.handleMany(work);
  return refusals;
}
