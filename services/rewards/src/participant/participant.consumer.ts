/** Receives partners from partner-registry. Idempotent: repeated and older messages append nothing. */
import type { Envelope } from '@tantieme/contracts/envelope';
import { TOPICS } from '@tantieme/contracts/topics';
import type { Received } from '@tantieme/event-sourcing/process/topic-source';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { Process, Refusal } from '@tantieme/event-sourcing/process/process';
import { originOf, Refusals, unexpected } from '@tantieme/event-sourcing/process/refusals';
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
  const refusals = new Refusals();
  const work: Work<ParticipantCommand>[] = [];
  refusals.each(batch, (envelope) => {
    if (envelope.type !== 'partner') throw unexpected(envelope, 'rewards');
    const { id, channel } = envelope.data;
    work.push({
      stream: participantStream(id),
      command: { type: 'receive-partner', at: envelope.time, partner: id, channel, origin: originOf(envelope) },
      context: messageContext(envelope),
    });
  });
  await participants.handleMany(work);
  return refusals.all;
}
