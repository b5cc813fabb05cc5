/** What this library holds at most, each with its reason. */

/** Events read at a time. */
export const PAGE_EVENTS = 1_000;

/** Characters of a value that the message of a difference shows. */
export const SHOWN_MAX = 80;

/** Memory for ends of streams and states of all shares together, in bytes as deciders estimate them. */
export const CACHE_BYTES_MAX = 256 * 1024 * 1024;

/** Differences that are listed; all are counted. */
export const DIFFERENCES_MAX = 1_000;

/** A stream of up to this many events is read again if its state was evicted; a longer one is postponed. */
export const RELOADED_EVENTS_MAX = 3;

/**
 * A longer stream is postponed at once: reading it again costs little compared with deciding it, and its state may be
 * large.
 */
export const DECIDED_AT_ONCE_MAX = 16;
