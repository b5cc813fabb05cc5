/** The chains of all streams, followed in the global order: each event against the one before it in its stream. */
import { eventHash, FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import { LRUCache } from 'lru-cache';

/** Ends of streams kept in memory, some 300 bytes each; a stream that is not among them costs one read. */
const ENDS_MAX = 100_000;

interface StreamEnd {
  readonly revision: number;
  readonly hash: string;
}

const BEFORE_THE_FIRST: StreamEnd = { revision: -1, hash: FIRST_PREDECESSOR };

export class ChainCheck {
  readonly #ends = new LRUCache<string, StreamEnd>({ max: ENDS_MAX });

  constructor(private readonly store: EventStore) {}

  /** The end of the event's stream before it, where it is at hand: saves the caller a turn of the event loop. */
  known(event: StoredEvent): StreamEnd | undefined {
    return this.#ends.get(event.stream) ?? (event.revision === 0 ? BEFORE_THE_FIRST : undefined);
  }

  async load(event: StoredEvent): Promise<StreamEnd> {
    const [before] = await this.store.readStream(event.stream, {
      from: event.revision - 1,
      direction: 'backwards',
      limit: 1,
    });
    return before === undefined ? BEFORE_THE_FIRST : { revision: before.revision, hash: before.hash };
  }

  /** Compares an event with the end of its stream, and makes it the new end. Gives what is wrong. */
  compare(event: StoredEvent, end: StreamEnd): string | undefined {
    const expected = end.revision + 1;
    const reason = event.revision === expected ? hashDifference(event, end.hash) : this.#misplaced(event, end);
    // Where only the revision was changed, the chain goes on as if it had not been.
    const revision = reason?.belongs === expected ? expected : event.revision;
    this.#ends.set(event.stream, { revision, hash: event.hash });
    return reason?.reason;
  }

  #misplaced(event: StoredEvent, end: StreamEnd): Difference {
    const expected = end.revision + 1;
    if (eventHash(end.hash, { ...event, revision: expected }) === event.hash) {
      return { reason: `the revision was changed: the event belongs at revision ${expected}`, belongs: expected };
    }
    return event.revision > expected
      ? { reason: `revisions ${expected} to ${event.revision - 1} before it are missing` }
      : { reason: `revision ${expected} was to come` };
  }
}

interface Difference {
  readonly reason: string;
  readonly belongs?: number;
}

function hashDifference(event: StoredEvent, previousHash: string): Difference | undefined {
  return eventHash(previousHash, event) === event.hash
    ? undefined
    : { reason: 'the hash does not fit: the event, its hash or its predecessor was changed' };
}
