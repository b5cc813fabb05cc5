/**
 * Closing the books (ADR 24): the state of a long stream consists of books, and only those that a decision needs are
 * read. A book is everything about one key, for example a deal; books stand in groups, for example the deals with a
 * line in a period. An index outside the log lists the events that change a book; it can be deleted and built again.
 */
import type { Position } from '@tantieme/event-store/event-store';
import type { DomainEvent } from './decider.js';

/** What concerns the stream as a whole: every event of it is read. */
export const HEAD = '';

/** What concerns the stream as a whole: only its newest event is read. */
export const NEWEST = '*';

/** That an event changes a book, and the groups in which the book stands then. */
export interface BookEntry {
  readonly book: string;
  readonly groups: readonly string[];
}

/** All groups with a name from `from` through `through`, in text order. */
export interface GroupRange {
  readonly from: string;
  readonly through: string;
}

export interface WantedBooks {
  readonly books: readonly string[];
  /** All books that stand, or have stood, in one of these groups. */
  readonly groups: readonly GroupRange[];
}

/** What a decision needs and the state does not have; `all` for the whole stream. */
export type NeededBooks = WantedBooks | 'all';

/** Thrown by `decide`. The runtime loads the books and decides again; callers never see it. */
export class BooksRequired extends Error {
  constructor(readonly needed: NeededBooks) {
    super('the command needs books that are not in memory');
  }
}

export interface BookIndex {
  /** The position up to which it lists the events of the log. */
  through(): Promise<Position>;
  /** The events that change the wanted books, by stream, in any order; an event may be listed more than once. */
  find(wanted: ReadonlyMap<string, WantedBooks>): Promise<ReadonlyMap<string, readonly IndexedEvent[]>>;
}

export interface IndexedEvent {
  readonly book: string;
  readonly revision: number;
}

/** How the states of a decider consist of books. */
export interface Books<State, Command, Event extends DomainEvent> {
  readonly index: BookIndex;
  /** Streams with fewer events are read whole. */
  readonly wholeStreamEvents: number;
  readonly entriesOf: (event: Event) => readonly BookEntry[];
  /** True for a state that has all books: `initialState` of the decider, until it is shrunk. */
  readonly isWhole: (state: State) => boolean;
  /** A state without books. `evolve` then changes what concerns the stream as a whole, and the books that are added. */
  readonly initialState: () => State;
  readonly has: (state: State, book: string) => boolean;
  /** The book that the command certainly needs, so that those of a batch are loaded at once. */
  readonly bookOf: (command: Command) => string | undefined;
  /** Adds books, also empty ones, in place. `events` are all events that change books of `wanted` that it lacks. */
  readonly add: (state: State, wanted: WantedBooks, events: readonly Event[]) => void;
  /** Removes all but the newest books, in place. @returns how many; undefined where the state needs all of them. */
  readonly shrink: (state: State) => number | undefined;
}

export function isInRange(group: string, { from, through }: GroupRange): boolean {
  return group >= from && group <= through;
}
