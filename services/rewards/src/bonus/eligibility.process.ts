/** Follows the participants: whose channel changes may enter a programme, or leave it. */
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';

import { participant } from './participant.js';
import type { ParticipantEvent } from './participant.js';
import { isEligible, programmeStream } from '../programme/programme.js';
import type { Programme } from '../programme/programme.js';
import { decideEligibility } from '../bonus/measuring.service.js';
import { serviceContext } from '../runtimes.service.js';
import type { Runtimes } from '../runtimes.service.js';

/** Idempotent: the same events again mean nothing new. */
export async function followParticipants(runtimes: Runtimes, events: readonly StoredEvent[]): Promise<void> {
  const { directory } = runtimes;
  await directory.refresh();
  const changed: { payee: string; programme: Programme }[] = [];
  for (const stored of events) {
    const { data, occurredAt } = domainEventOf<ParticipantEvent>(stored, participant);
    for (const { programme } of directory.allProgrammes()) {
      const before = isEligible(programme, data.channelBefore);
      const now = isEligible(programme, data.channel);
      if (before === now) continue;
      changed.push({ payee: data.partner, programme });
      // Who was not eligible was not measured: what went by is in the ledger.
      if (before === false && now === true)
        await runtimes.programmes.handle(
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
  await decideEligibility(runtimes, changed);
}
