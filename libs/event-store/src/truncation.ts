/**
 * What a store remembers of its own extent besides the events, so that a deleted tail is noticed: a chain alone accepts
 * a log that ends too early. Not every engine can tell; `remembersTips` asks.
 */
import type { EventStore, Position } from './event-store.js';

/** The newest event of the whole log, as remembered when it was appended. */
export interface LogExtent {
  /** 0n for an empty log. */
  readonly position: Position;
  /** How many events were ever appended. */
  readonly events: number;
  /** Hash of the newest event; 64 zeros for an empty log. */
  readonly hash: string;
}

/** A stream that does not end where it ended when it was last appended to. */
export interface TruncatedStream {
  readonly stream: string;
  /** Revision of the newest event that was ever appended. */
  readonly recordedRevision: number;
  /** Revision of the newest event that is there; -1 where there is none. */
  readonly foundRevision: number;
}

export interface TruncatedStreamsPage {
  readonly truncatedStreams: readonly TruncatedStream[];
  readonly streamsChecked: number;
  /** Where to go on; undefined at the end. */
  readonly next?: number;
}

export interface RecordsExtent {
  logExtent(): Promise<LogExtent>;
  /** Compares up to `limit` streams, from the key after `after` on (from the start if left out). */
  truncatedStreams(options: { readonly after?: number; readonly limit: number }): Promise<TruncatedStreamsPage>;
}

export function recordsExtent(store: EventStore): store is EventStore & RecordsExtent {
  return 'logTip' in store && 'brokenTails' in store;
}
