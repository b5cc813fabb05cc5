/**
 * What a store remembers of its own extent besides the events, so that a deleted tail is noticed: a chain alone accepts
 * a log that ends too early. Not every engine can tell; `remembersTips` asks.
 */
import type { EventStore, Position } from './event-store.js';

/** The newest event of the whole log, as remembered when it was appended. */
export interface LogTip {
  /** 0n for an empty log. */
  readonly position: Position;
  /** How many events were ever appended. */
  readonly events: number;
  /** Hash of the newest event; 64 zeros for an empty log. */
  readonly hash: string;
}

/** A stream that does not end where it ended when it was last appended to. */
export interface BrokenTail {
  readonly stream: string;
  /** Revision of the newest event that was ever appended. */
  readonly remembered: number;
  /** Revision of the newest event that is there; -1 where there is none. */
  readonly found: number;
}

export interface BrokenTailsPage {
  readonly brokenTails: readonly BrokenTail[];
  readonly streams: number;
  /** Where to go on; undefined at the end. */
  readonly next?: number;
}

export interface RemembersTips {
  logTip(): Promise<LogTip>;
  /** Compares up to `limit` streams, from the key after `after` on (from the start if left out). */
  brokenTails(options: { readonly after?: number; readonly limit: number }): Promise<BrokenTailsPage>;
}

export function remembersTips(store: EventStore): store is EventStore & RemembersTips {
  return 'logTip' in store && 'brokenTails' in store;
}
