/**
 * What a store records of its own extent, apart from the events, so that a deleted tail is noticed: a hash chain alone
 * accepts a log that ends too early. Not every engine can do this; see {@link recordsExtent}.
 */
import type { EventStore, Position } from './event-store.js';

/** The extent of the whole log, as recorded by the last append. */
export interface LogExtent {
  /** Position of the newest event; 0n for an empty log. */
  readonly position: Position;
  /** Number of events ever appended. */
  readonly events: number;
  /** Hash of the newest event; 64 zeros for an empty log. */
  readonly hash: string;
}

/** A stream that does not end at the revision that its last append recorded. */
export interface TruncatedStream {
  readonly stream: string;
  /** Revision of the last event ever appended. */
  readonly recordedRevision: number;
  /** Revision of the newest event found; -1 if there is none. */
  readonly foundRevision: number;
}

export interface TruncatedStreamsPage {
  readonly truncatedStreams: readonly TruncatedStream[];
  readonly streamsChecked: number;
  /** The `after` of the next page; undefined at the end. */
  readonly next: number | undefined;
}

export interface RecordsExtent {
  logExtent(): Promise<LogExtent>;
  /** Checks up to `limit` streams, starting after the key `after` (default: from the first). */
  truncatedStreams(options: {
    readonly after?: number | undefined;
    readonly limit: number;
  }): Promise<TruncatedStreamsPage>;
}

/** A server can hide events of a stream that its log still has: the whole log then looks complete. */
export interface HidesStreams {
  /** Streams that were truncated or deleted at the server. */
  hiddenStreams(): Promise<readonly string[]>;
}

export function hidesStreams(store: EventStore): store is EventStore & HidesStreams {
  return 'hiddenStreams' in store;
}

export function recordsExtent(store: EventStore): store is EventStore & RecordsExtent {
  return 'logExtent' in store && 'truncatedStreams' in store;
}
