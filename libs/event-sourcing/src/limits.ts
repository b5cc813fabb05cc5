/** What this library holds at most, each with its reason. */

/** Events or messages per batch, hence per transaction or publication: a few megabytes at most. */
export const BATCH_MAX = 1000;

/**
 * Bits of an offset in a view of the log that number the messages of one event; the others are its position. The largest
 * event, a run, has 340 million characters, so four million messages are more than any event makes.
 */
export const MESSAGE_NUMBER_BITS = 22;

/** Messages that one event may publish on a topic. */
export const MESSAGES_PER_EVENT_MAX = 2 ** MESSAGE_NUMBER_BITS - 1;

/**
 * Characters of an event up to which its messages fit without being measured. A message repeats at most the rest of its
 * event for every line of it, and a line has 20 characters or more: 4000²/4/20 characters, at most three bytes each, are
 * two thirds of the largest message.
 */
export const UNMEASURED_CHARACTERS_MAX = 4000;

/**
 * Open parked items per process and topic: more than a person can look through. Beyond it, the cause is not the
 * messages, and the partition waits with a visible error instead.
 */
export const PARKED_MAX = 1000;

/** Characters of a parked message: with JSON's escapes, it still fits into an event. */
export const PARKED_CHARACTERS_MAX = 128 * 1024;

/** Characters of the reason why something was parked. */
export const REASON_CHARACTERS_MAX = 2000;

/** Positions that steps wait for at the same time, of topics that are not views of the log. */
export const AWAITED_MAX = 1000;

/** Cached parked items: each is read once or twice. */
export const PARKED_BYTES_MAX = 1024 * 1024;

/** Prepared statements kept, by text: Kysely prepares every query anew. */
export const STATEMENTS_MAX = 200;

/** SQLite's page cache of the read models, for a process of usual size. Each thread has a connection. */
export const PAGE_CACHE_BYTES_MAX = 16 * 1024 * 1024;

/** Characters of events applied to a state at a stretch, some 20 ms: other requests of the thread run in between. */
export const SLICE_CHARACTERS = 512 * 1024;
