/** Discarding a parked item, as an action that needs two people: nobody waits for it any longer, closings included. */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { placeOf, streamOfParked } from '@tantieme/event-sourcing/parking/parked';
import type { Parking } from '@tantieme/event-sourcing/parking/parking';

import type { JsonObject, Proposal } from '../two-people/proposal.js';
import type { TwoPersonAction } from '../two-people/proposals.js';

export const DISCARD_PARKED = 'discard-parked';

/** First part of the names of its proposals' background work and table. */
export const PARKED_PROPOSALS_OF = 'parked';

export function discardParked(parking: Parking): TwoPersonAction {
  return {
    name: DISCARD_PARKED,
    confirmers: ['operator', 'finance', 'approver'],
    /** @throws {DomainError} `ParkedUnknown`, `ParkedClosed` */
    read: async (id): Promise<JsonObject> => {
      const { item, status, reason, retries } = (await parking.runtime.load(streamOfParked(id))).state;
      if (item === undefined)
        throw new DomainError('ParkedUnknown', 'nothing is parked under this id (GET /parked)', 'not-found');
      if (status === 'handled' || status === 'discarded')
        throw new DomainError('ParkedClosed', `the item is ${status} already`, 'conflict');
      const { process, topic, origin, touchesFrom } = item;
      return omitUndefined({ process, topic, origin: placeOf(origin), refused: reason, retries, touchesFrom });
    },
    carryOut: async ({ subject, request, proposedBy, ...decided }: Proposal, context: CommandContext) => {
      const { decidedBy: confirmedBy = '', decidedAt: at = '' } = decided;
      const { reason } = request as { readonly reason: string };
      await parking.runtime.handle(
        streamOfParked(subject),
        { type: 'discard', at, reason, proposedBy, confirmedBy },
        context,
      );
    },
  };
}
