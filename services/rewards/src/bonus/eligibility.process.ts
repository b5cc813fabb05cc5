/** Follows participants: a change of channel may make a partner eligible for a programme, or end its eligibility. */
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import { logSource } from '@tantieme/event-sourcing/process/log-source';
import type { Process } from '@tantieme/event-sourcing/process/process';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import type { Bonuses } from './bonuses.service.js';
import { decideEligibility } from './measuring.service.js';
import { PARTICIPANT, PARTICIPANT_EVENTS } from '../participant/participant.js';
import type { ParticipantEvent } from '../participant/participant.js';
import { isEligible, programmeStream } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';
import type { Programmes } from '../programme/programmes.service.js';
import { serviceContext } from '../service-context.js';

export function eligibilityProcess(bonuses: Bonuses, programmes: Programmes): Process<StoredEvent> {
  return {
    name: 'rewards-eligibility',
    replicas: 'one-replica',
    source: logSource({ categories: [PARTICIPANT] }),
    step: (events) => followParticipants(bonuses, programmes, events),
  };
}

/** Idempotent: repeated events append nothing. */
async function followParticipants(
  bonuses: Bonuses,
  programmes: Programmes,
  events: readonly StoredEvent[],
): Promise<void> {
  const { referenceData } = bonuses;
  await referenceData.refresh();
  const changed: { payee: string; programme: Programme }[] = [];
  for (const stored of events) {
    const { data, occurredAt } = domainEventOf<ParticipantEvent>(stored, PARTICIPANT_EVENTS);
    for (const { programme } of referenceData.allProgrammes()) {
      const before = isEligible(programme, data.channelBefore);
      const now = isEligible(programme, data.channel);
      if (before === now) continue;
      changed.push({ payee: data.partner, programme });
      // Earnings from before were not measured; the catch-up reads them from the ledger.
      if (before === false && now === true)
        await programmes.handle(
          programmeStream(programme.id),
          {
            type: 'request-catch-up',
            at: occurredAt,
            payee: data.partner,
            partnerRevision: data.origin.revision,
          },
          serviceContext(`eligible:${stored.id}`, stored.id, stored.id),
        );
    }
  }
  await decideEligibility(bonuses, changed);
}
