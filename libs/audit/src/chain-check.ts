/** Checks one link of a chain: an event against the end of its stream before it. */
import { eventHash } from '@tantieme/event-store/chain';
import type { StoredEvent } from '@tantieme/event-store/event-store';

export interface ChainDifference {
  readonly reason: string;
  /**
   * If only the revision was changed: the revision that the event was appended with. The chain continues from there.
   */
  readonly revision?: number;
}

export function chainDifference(
  event: StoredEvent,
  before: { readonly revision: number; readonly hash: string },
): ChainDifference | undefined {
  const expected = before.revision + 1;
  if (event.revision === expected) {
    return eventHash(before.hash, event) === event.hash
      ? undefined
      : { reason: 'the hash does not match: the event, its hash or its predecessor was changed' };
  }
  if (eventHash(before.hash, { ...event, revision: expected }) === event.hash) {
    return { reason: `the revision was changed: the event belongs at revision ${expected}`, revision: expected };
  }
  return event.revision > expected
    ? { reason: `revisions ${expected} to ${event.revision - 1} before it are missing` }
    : { reason: `revision ${expected} was expected` };
}
