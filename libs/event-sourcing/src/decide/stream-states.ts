import type { EventStore, ExpectedRevision, StoredEvent } from '@tantieme/event-store/event-store';
import { LRUCache } from 'lru-cache';

import type { Decider, DomainEvent } from './decider.js';
import { ownDomainEventOf } from './upcasting.js';

/** What an entry of the cache takes beside its state and its stream's name, in bytes, roughly. */
const ENTRY_BYTES = 200;

/** A stream's state in the hands of one caller. */
export interface StreamState<State> {
  state: State;
  revision: ExpectedRevision;
  /** False for one from memory: another process may have written since, and only an append or a look at the store tells. */
  current: boolean;
  /** Characters of the events behind the state: what it takes at the most, where the decider does not tell. */
  characters: number;
}

/** States of streams, as the store holds them or held them: from a memory limited in bytes, else read. */
export interface StreamStates<State> {
  /** Adds the states of the streams to those in hand, with one reading for all that are not in memory. */
  take(streams: readonly string[], inHand: Map<string, StreamState<State>>): Promise<void>;
  /** Keeps a state that is what the store holds. A stream that does not exist is remembered as well. */
  giveBack(stream: string, held: StreamState<State>): void;
  /** Drops what is in memory of a stream. */
  forget(stream: string): void;
  /** Brings a state that is not ahead of the store up to date. @returns whether there was anything new. */
  refresh(stream: string, held: StreamState<State>): Promise<boolean>;
}

export function createStreamStates<State, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly cacheBytesMax: number;
}): StreamStates<State> {
  const { store, decider, cacheBytesMax } = options;
  const memory = new LRUCache<string, StreamState<State>>({ maxSize: cacheBytesMax });

  function evolve(held: StreamState<State>, events: readonly StoredEvent[]): void {
    for (const stored of events) {
      held.state = decider.evolve(held.state, ownDomainEventOf<Event>(stored, decider));
      held.revision = stored.revision;
      held.characters += stored.dataText.length;
    }
  }

  return {
    async take(streams, inHand) {
      const missing: string[] = [];
      for (const stream of streams) {
        const held = memory.get(stream);
        if (held === undefined) {
          missing.push(stream);
          continue;
        }
        // Out of memory while it is worked on: `evolve` may change it, and a failed append would leave it ahead of the store.
        memory.delete(stream);
        inHand.set(stream, held);
      }
      if (missing.length === 0) return;
      const events = await store.readStreams(missing);
      for (const stream of missing) {
        const held: StreamState<State> = {
          state: decider.initialState(),
          revision: 'no-stream',
          current: true,
          characters: 0,
        };
        evolve(held, events.get(stream) ?? []);
        inHand.set(stream, held);
      }
    },
    giveBack(stream, held) {
      held.current = false;
      const stateBytes = decider.sizeOf?.(held.state) ?? held.characters;
      memory.set(stream, held, { size: Math.ceil(stateBytes) + ENTRY_BYTES + stream.length });
    },
    forget(stream) {
      memory.delete(stream);
    },
    async refresh(stream, held) {
      const events = await store.readStream(stream, { from: nextRevision(held.revision) });
      evolve(held, events);
      held.current = true;
      return events.length > 0;
    },
  };
}

/** The revision that the next event of a stream is given. */
export function nextRevision(revision: ExpectedRevision): number {
  return revision === 'no-stream' ? 0 : revision + 1;
}
