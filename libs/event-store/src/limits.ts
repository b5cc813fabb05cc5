/** What this library holds at most, each with its reason. */

/** The largest append on every engine: the bytes of its texts plus {@link EVENT_OVERHEAD_BYTES} per event. */
export const APPEND_BYTES_MAX = 1024 * 1024;

/**
 * Data of a page of the log: it ends with the event that reaches this, however many more were asked for. Readers hold
 * some pages at a time, and a thousand of the largest events would be a gigabyte.
 */
export const PAGE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * What an event counts besides its texts. EventStoreDB limits an append to 1 MiB including hash, time, version and
 * type; this is twice what they take with names of usual length.
 */
export const EVENT_OVERHEAD_BYTES = 512;

/**
 * Characters of the event's text in one part. Within a JSON text a character takes at most 3 bytes in UTF-8, so a part
 * stays below 1 MiB.
 */
export const PART_CHARACTERS_MAX = 340_000;

/** Parts of a run: 340 million characters. V8 limits a text to 536 million, and a decision is read in one piece. */
export const RUN_PARTS_MAX = 1_001;

/** Levels of an event's data. Deeper data is a bug, and would end in a stack overflow. */
export const DEPTH_MAX = 128;

/**
 * Shapes of objects remembered for canonical JSON. Names may come from outside; when the cache is full, it starts again:
 * slower, same result.
 */
export const SHAPES_MAX = 8192;

/** Cached stream heads: about 250 bytes each. */
export const STREAM_HEADS_MAX = 50_000;

/** SQLite: cached events for live readers, enough for one that is some thousands of events behind. */
export const RECENT_BYTES_MAX = 16 * 1024 * 1024;

/** EventStoreDB: events kept for live readers, enough for one that is some thousands of events behind. */
export const TAIL_BYTES_MAX = 16 * 1024 * 1024;

/** A transaction takes whole calls until it has this many events: a limit on how long the lock is held. */
export const EVENTS_PER_TRANSACTION = 4_000;

/** Events of other processes at once. Beyond this, finding out which streams another process wrote costs more than reading the heads again. */
export const FOREIGN_EVENTS_MAX = 20_000;

/**
 * The most positions that one page of a filtered read scans: a filter that matches almost nothing must not block the
 * process for the length of the log. The page's `through` tells how far it got.
 */
export const SCAN_POSITIONS_MAX = 50_000;

/** Page size for skipping the events of other systems. */
export const FOREIGN_EVENTS_PER_PAGE = 1000;

/** Positions known to be of this log: each reader uses its own last one, and there are a few dozen readers. */
export const POSITIONS_MAX = 1000;

/**
 * SQLite's page cache of a connection, for a process of usual size: memory does not grow with the log. Each thread has
 * a connection, and what its cache does not hold is mostly in the cache of the operating system.
 */
export const PAGE_CACHE_BYTES_MAX = 16 * 1024 * 1024;
