/** What this library holds at most, each with its reason. */

/** Published messages between two deletions of old ones, and the most that one deletes: no publish waits long. */
export const PRUNED_MESSAGES_MAX = 10_000;

/** What one fetch from Kafka returns: the memory of a reader, which fetches no more until this is handled. */
export const FETCH_BYTES_MAX = 10 * 1024 * 1024;
export const FETCH_PARTITION_BYTES_MAX = 1024 * 1024;

/** A message on Kafka: an event is below 1 MiB on every engine, and its message adds an envelope. */
export const MESSAGE_BYTES_MAX = 2 * 1024 * 1024;

/** SQLite's page cache of the stored topics, for a process of usual size. Each thread has a connection. */
export const PAGE_CACHE_BYTES_MAX = 16 * 1024 * 1024;
