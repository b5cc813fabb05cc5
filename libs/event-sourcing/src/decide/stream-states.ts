import type { EventStore, ExpectedRevision, StoredEvent } from '@tantieme/event-store/event-store';
import { joinRuns } from '@tantieme/event-store/run';
import { LRUCache } from 'lru-cache';

import { scaledBytes } from './cache-scale.js';
import type { Decider, DomainEvent } from './decider.js';
import { parseDomainEvent } from './upcasting.js';

/** Approximate bytes of a cache entry besides its state and stream name. */
const ENTRY_BYTES = 200;

/** The state of a stream, used by one caller at a time. */
export interface StreamState<State> {
  state: State;
  revision: ExpectedRevision;
  /** False for a cached state: another process may have written since; only an append or a read of the store tells. */
  isCurrent: boolean;
  /** Characters of the events behind the state: an upper bound of its size for deciders without `sizeOf`. */
  characters: number;
  /** Parts of a run that follow the state and are not complete: to be completed before anything else is decided. */
  unfinished: readonly StoredEvent[];
}

/** States of streams: from a cache limited in bytes, otherwise read from the store. */
export interface StreamStates<State> {
  /** Adds the states of the streams to `checkedOut`, with one read for all that are not cached. */
  checkOut(streams: readonly string[], checkedOut: Map<string, StreamState<State>>): Promise<void>;
  /** Caches a state that the store also holds. A stream that does not exist is cached as well. */
  checkIn(stream: string, entry: StreamState<State>): void;
  evict(stream: string): void;
  /** Applies what was appended since to a state that is not ahead of the store. @returns whether anything was. */
  refresh(stream: string, entry: StreamState<State>): Promise<boolean>;
}

export function createStreamStates<State, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly cacheBytesMax: number;
}): StreamStates<State> {
  const { store, decider, cacheBytesMax } = options;
  const cache = new LRUCache<string, StreamState<State>>({ maxSize: scaledBytes(cacheBytesMax) });

  function evolve(entry: StreamState<State>, events: readonly StoredEvent[]): void {
    const { whole, unfinished } = joinRuns(events);
    for (const stored of whole) {
      entry.state = decider.evolve(entry.state, parseDomainEvent<Event>(stored, decider.events));
      entry.characters += stored.dataText.length;
    }
    entry.unfinished = unfinished;
    entry.revision = events.at(-1)?.revision ?? entry.revision;
  }

  return {
    async checkOut(streams, checkedOut) {
      const missing: string[] = [];
      for (const stream of streams) {
        const entry = cache.get(stream);
        if (entry === undefined) {
          missing.push(stream);
          continue;
        }
        // Not cached while in use: `evolve` may change the state, and a failed append leaves it ahead of the store.
        cache.delete(stream);
        checkedOut.set(stream, entry);
      }
      if (missing.length === 0) return;
      const events = await store.readStreams(missing);
      for (const stream of missing) {
        const entry: StreamState<State> = {
          state: decider.initialState(),
          revision: 'no-stream',
          isCurrent: true,
          characters: 0,
          unfinished: [],
        };
        evolve(entry, events.get(stream) ?? []);
        checkedOut.set(stream, entry);
      }
    },
    checkIn(stream, entry) {
      entry.isCurrent = false;
      const stateBytes = decider.sizeOf?.(entry.state) ?? entry.characters;
      cache.set(stream, entry, { size: Math.ceil(stateBytes) + ENTRY_BYTES + stream.length });
    },
    evict(stream) {
      cache.delete(stream);
    },
    async refresh(stream, entry) {
      const events = await store.readStream(stream, { from: nextRevision(entry.revision) });
      evolve(entry, events);
      entry.isCurrent = true;
      return events.length > 0;
    },
  };
}

/** The revision of the next event of a stream. */
export function nextRevision(revision: ExpectedRevision): number {
  return revision === 'no-stream' ? 0 : revision + 1;
}
