import type { EventStore, ExpectedRevision, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { joinRuns } from '@tantieme/event-store/run';
import { LRUCache } from 'lru-cache';

import type { Books, NeededBooks } from './books.js';
import { SLICE_CHARACTERS } from '../limits.js';
import { scaledBytes } from './cache-scale.js';
import type { Decider, DomainEvent } from './decider.js';
import { loadBooks, loadHead } from './load-books.js';
import type { BooksOf } from './load-books.js';
import { parseDomainEvent } from './upcasting.js';

/** Approximate bytes of a cache entry besides its state and stream name. */
const ENTRY_BYTES = 200;

/** The state of a stream, used by one caller at a time. */
export interface StreamState<State> {
  state: State;
  revision: ExpectedRevision;
  /** Of the newest event behind the state. */
  position: Position;
  /** Of a state without all books: no later event changes a book that it does not have. */
  unloadedThrough: Position;
  /** False for a cached state: another process may have written since; only an append or a read of the store tells. */
  isCurrent: boolean;
  /** Characters of the events behind the state: an upper bound of its size for deciders without `sizeOf`. */
  characters: number;
  /** Parts of a run that follow the state and are not complete: to be completed before anything else is decided. */
  unfinished: readonly StoredEvent[];
  /** Which cache it comes from; undefined if it was read from the store. */
  cache: LRUCache<string, StreamState<State>> | undefined;
}

/** States of streams: from a cache limited in bytes, otherwise read from the store. */
export interface StreamStates<State> {
  /** Adds the states of the streams to `checkedOut`, with one read for all that are not cached. */
  checkOut(streams: readonly string[], checkedOut: Map<string, StreamState<State>>): Promise<void>;
  /**
   * Caches a state that the store also holds. A stream that does not exist is cached as well.
   * @param isPassing leaves the caches as they were: only what comes from them returns there.
   */
  checkIn(stream: string, entry: StreamState<State>, isPassing?: boolean): void;
  evict(stream: string): void;
  /** Adds the books that the states need, of streams that are checked out. */
  load(needed: ReadonlyMap<string, { readonly entry: StreamState<State>; readonly books: NeededBooks }>): Promise<void>;
  /** Applies what was appended since to a state that is not ahead of the store. @returns whether anything was. */
  refresh(stream: string, entry: StreamState<State>): Promise<boolean>;
}

export function createStreamStates<State, Command, Event extends DomainEvent>(options: {
  readonly store: EventStore;
  readonly decider: Decider<State, Command, Event>;
  readonly cacheBytesMax: number;
  readonly books?: Books<State, Command, Event> | undefined;
  readonly shrunkBytesMax?: number | undefined;
}): StreamStates<State> {
  const { store, decider, books, cacheBytesMax, shrunkBytesMax = cacheBytesMax } = options;
  const bytesMax = scaledBytes(cacheBytesMax);
  const cache = new LRUCache<string, StreamState<State>>({
    maxSize: bytesMax,
    // Where memory is short, books go first, of the streams that were least recently used.
    dispose: (entry, stream, reason) => {
      if (reason === 'evict') cacheShrunk(stream, entry);
    },
  });
  const shrunk = new LRUCache<string, StreamState<State>>({ maxSize: scaledBytes(shrunkBytesMax) });

  function sizeOf(stream: string, entry: StreamState<State>): number {
    const stateBytes = decider.sizeOf?.(entry.state) ?? entry.characters;
    return Math.ceil(stateBytes) + ENTRY_BYTES + stream.length;
  }

  function cacheShrunk(stream: string, entry: StreamState<State>): void {
    const removed = books?.shrink(entry.state);
    if (removed === undefined) return;
    if (removed > 0) entry.unloadedThrough = entry.position;
    shrunk.set(stream, entry, { size: sizeOf(stream, entry) });
  }

  async function evolve(entry: StreamState<State>, events: readonly StoredEvent[]): Promise<void> {
    const { whole, unfinished } = joinRuns(events);
    let characters = 0;
    for (const stored of whole) {
      entry.state = decider.evolve(entry.state, parseDomainEvent<Event>(stored, decider.events));
      entry.characters += stored.dataText.length;
      characters += stored.dataText.length;
      if (characters < SLICE_CHARACTERS) continue;
      characters = 0;
      await new Promise(setImmediate);
    }
    entry.unfinished = unfinished;
    entry.revision = events.at(-1)?.revision ?? entry.revision;
    entry.position = events.at(-1)?.position ?? entry.position;
    // They may have changed books that the state does not have.
    if (books?.isWhole(entry.state) === false) entry.unloadedThrough = entry.position;
  }

  async function entryOf(state: State, events: readonly StoredEvent[]): Promise<StreamState<State>> {
    const entry: StreamState<State> = {
      state,
      revision: 'no-stream',
      position: 0n,
      unloadedThrough: 0n,
      isCurrent: true,
      characters: 0,
      unfinished: [],
      cache: undefined,
    };
    await evolve(entry, events);
    return entry;
  }

  /** Makes a state whole, at the revision that it has. */
  async function fill(entry: StreamState<State>, events: readonly StoredEvent[]): Promise<void> {
    const { isCurrent, cache: from, revision } = entry;
    const until = events.filter((event) => event.revision < nextRevision(revision));
    Object.assign(entry, await entryOf(decider.initialState(), until), { isCurrent, cache: from });
  }

  /** Those of the streams that are too long to be read whole. */
  async function longStreams(streams: readonly string[]): Promise<ReadonlySet<string>> {
    if (books === undefined) return new Set();
    const { wholeStreamEvents } = books;
    const isLong = await Promise.all(
      streams.map(async (stream) => {
        const [newest] = await store.readStream(stream, { direction: 'backwards', limit: 1 });
        return newest !== undefined && newest.revision >= wholeStreamEvents;
      }),
    );
    return new Set(streams.filter((_, index) => isLong[index]));
  }

  async function read(streams: readonly string[], checkedOut: Map<string, StreamState<State>>): Promise<void> {
    const long = await longStreams(streams);
    const short = streams.filter((stream) => !long.has(stream));
    const events = short.length === 0 ? undefined : await store.readStreams(short);
    for (const stream of short)
      checkedOut.set(stream, await entryOf(decider.initialState(), events?.get(stream) ?? []));
    if (books === undefined || long.size === 0) return;
    for (const [stream, head] of await loadHead(store, books, [...long])) {
      const state = head.isWhole ? decider.initialState() : books.initialState();
      checkedOut.set(stream, await entryOf(state, head.events));
    }
  }

  return {
    async checkOut(streams, checkedOut) {
      const missing: string[] = [];
      for (const stream of streams) {
        const from = cache.has(stream) ? cache : shrunk;
        const entry = from.get(stream);
        if (entry === undefined) {
          missing.push(stream);
          continue;
        }
        entry.cache = from;
        // Not cached while in use: `evolve` may change the state, and a failed append leaves it ahead of the store.
        cache.delete(stream);
        shrunk.delete(stream);
        checkedOut.set(stream, entry);
      }
      if (missing.length > 0) await read(missing, checkedOut);
    },
    async load(needed) {
      if (books === undefined) return;
      const wanted: (BooksOf & { readonly entry: StreamState<State> })[] = [];
      const short = new Map<string, StreamState<State>>();
      for (const [stream, { entry, books: wantedBooks }] of needed)
        if (wantedBooks === 'all') await fill(entry, await store.readStream(stream));
        else if (wantedBooks.groups.length > 0 && nextRevision(entry.revision) < books.wholeStreamEvents)
          short.set(stream, entry);
        else {
          const { unloadedThrough } = entry;
          const has = (book: string): boolean => books.has(entry.state, book);
          const revision = nextRevision(entry.revision) - 1;
          wanted.push({ stream, wanted: wantedBooks, has, revision, unloadedThrough, entry });
        }
      if (short.size > 0) {
        const read = await store.readStreams([...short.keys()]);
        for (const [stream, entry] of short) await fill(entry, read.get(stream) ?? []);
      }
      if (wanted.length === 0) return;
      const loaded = await loadBooks(store, decider, books, wanted);
      for (const [index, { entry }] of wanted.entries()) {
        const one = loaded[index];
        if (one !== undefined) books.add(entry.state, one.wanted, one.events);
      }
    },
    checkIn(stream, entry, isPassing = false) {
      entry.isCurrent = false;
      if (isPassing && entry.cache === undefined) return;
      const size = sizeOf(stream, entry);
      if (size > bytesMax || (isPassing && entry.cache === shrunk)) cacheShrunk(stream, entry);
      else cache.set(stream, entry, { size });
    },
    evict(stream) {
      cache.delete(stream);
      shrunk.delete(stream);
    },
    async refresh(stream, entry) {
      const events = await store.readStream(stream, { from: nextRevision(entry.revision) });
      await evolve(entry, events);
      entry.isCurrent = true;
      return events.length > 0;
    },
  };
}

/** The revision of the next event of a stream. */
export function nextRevision(revision: ExpectedRevision): number {
  return revision === 'no-stream' ? 0 : revision + 1;
}
