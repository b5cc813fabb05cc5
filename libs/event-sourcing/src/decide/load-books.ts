/** Reads the books of streams: what the index lists, and what was appended since, so that the index may lag. */
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { readRevisions, readTail } from '@tantieme/event-store/read-revisions';
import { joinRuns } from '@tantieme/event-store/run';
import { HEAD, NEWEST, isInRange } from './books.js';
import type { BookEntry, Books, IndexedEvent, WantedBooks } from './books.js';
import type { DomainEvent } from './decider.js';
import { parseDomainEvent } from './upcasting.js';
import type { Decider } from './decider.js';

/** A stream of which books are wanted. */
export interface BooksOf {
  readonly stream: string;
  readonly wanted: WantedBooks;
  /** True for a book that is loaded already. */
  readonly has: (book: string) => boolean;
  /** Of the state to which they are added. */
  readonly revision: number;
  /** No later event changes a book that the state does not have. */
  readonly unloadedThrough: Position;
}

export interface LoadedBooks<Event> {
  readonly wanted: WantedBooks;
  readonly events: readonly Event[];
}

/**
 * The wanted books, and those in wanted groups: all their events in order, but for books that are loaded already. One
 * result for each stream.
 */
export async function loadBooks<State, Command, Event extends DomainEvent>(
  store: EventStore,
  { events: types }: Pick<Decider<State, Command, Event>, 'events'>,
  { index, entriesOf }: Books<State, Command, Event>,
  streams: readonly BooksOf[],
): Promise<readonly LoadedBooks<Event>[]> {
  const parse = (stored: StoredEvent): Event => parseDomainEvent<Event>(stored, types);
  // Before the search: what is found then is at least up to here.
  const through = await index.through();
  const withTails = await Promise.all(
    streams.map(async (of) => {
      const tail = of.unloadedThrough > through ? await readTail(store, of.stream, through) : [];
      const events = joinRuns(tail).whole.filter(({ revision }) => revision <= of.revision);
      const entries = events.map((stored) => ({ stored, entries: entriesOf(parse(stored)) }));
      const books = new Set(of.wanted.books);
      for (const { book, groups } of entries.flatMap((one) => one.entries))
        if (groups.some((group) => of.wanted.groups.some((range) => isInRange(group, range)))) books.add(book);
      return { ...of, entries, books };
    }),
  );
  const found = await index.find(
    new Map(withTails.map(({ stream, wanted, books }) => [stream, { ...wanted, books: [...books] }])),
  );
  return Promise.all(
    withTails.map(async ({ stream, wanted, has, revision, entries, books }) => {
      const indexed = (found.get(stream) ?? []).filter((one) => one.revision <= revision && !has(one.book));
      for (const { book } of indexed) books.add(book);
      const isOfTail = ({ book }: BookEntry): boolean => books.has(book) && !has(book);
      const tail = entries.filter((one) => one.entries.some(isOfTail)).map(({ stored }) => stored);
      const read = await readRevisions(store, stream, revisionsBefore(indexed, tail));
      return { wanted: { ...wanted, books: [...books] }, events: [...read, ...tail].map(parse) };
    }),
  );
}

export interface LoadedHead {
  readonly events: readonly StoredEvent[];
  /** True where these are all events of the stream. */
  readonly isWhole: boolean;
}

/** What a state without books is made from: the events about the stream as a whole, and everything after the index. */
export async function loadHead(
  store: EventStore,
  { index }: Pick<Books<never, never, never>, 'index'>,
  streams: readonly string[],
): Promise<ReadonlyMap<string, LoadedHead>> {
  const through = await index.through();
  const found = await index.find(new Map(streams.map((stream) => [stream, { books: [HEAD, NEWEST], groups: [] }])));
  const read = await Promise.all(
    streams.map(async (stream) => {
      const tail = await readTail(store, stream, through);
      const indexed = found.get(stream) ?? [];
      const newest = Math.max(...indexed.filter(({ book }) => book === NEWEST).map(({ revision }) => revision));
      const head = indexed.filter(({ book, revision }) => book === HEAD || revision === newest);
      const before = await readRevisions(store, stream, revisionsBefore(head, tail));
      return [stream, { events: [...before, ...tail], isWhole: tail[0]?.revision === 0 }] as const;
    }),
  );
  return new Map(read);
}

function revisionsBefore(indexed: readonly IndexedEvent[], tail: readonly StoredEvent[]): readonly number[] {
  const before = tail[0]?.revision ?? Number.POSITIVE_INFINITY;
  const revisions = new Set(indexed.map(({ revision }) => revision).filter((revision) => revision < before));
  return [...revisions].sort((left, right) => left - right);
}
