/** Receives partners from partner-registry. Idempotent: repeated and older messages append nothing. */
import type { Envelope } from '@tantieme/contracts/envelope';
import type { Received } from '@tantieme/event-sourcing/process/consumer';
import type { Work } from '@tantieme/event-sourcing/decide/runtime';
import type { DeadLetter } from '@tantieme/messaging/broker';

import { participantStream } from './participant.js';
import type { ParticipantCommand } from './participant.js';
import type { Participants } from './participants.service.js';
import { messageContext } from '../service-context.js';

export const PARTNERS_GROUP = 'rewards-partners';

/** @param batch messages of the topic `partners` */
export async function receivePartners(
  participants: Participants,
  batch: readonly Received<Envelope>[],
): Promise<readonly DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  const work: Work<ParticipantCommand>[] = [];
  for (const { envelope, message } of batch) {
    const { stream, revision } = envelope;
    if (envelope.type !== 'partner') {
      const reason = `MessageUnexpected: rewards expects partners in this topic, not messages of type ${envelope.type}`;
      deadLetters.push({ message, reason });
      continue;
    }
    if (stream === undefined || revision === undefined) {
      deadLetters.push({ message, reason: 'OriginMissing: the message lacks the stream and revision of its origin' });
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
  return deadLetters;
}
