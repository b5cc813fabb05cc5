/** What this library holds at most, each with its reason. */

/** Longest reason of a person: a paragraph. */
export const REASON_LENGTH_MAX = 1000;

/** Longest name of an action. */
export const ACTION_LENGTH_MAX = 100;

/** Longest text of a value in the reason why a proposal changed. */
export const VALUE_LENGTH_MAX = 200;

/** Cached proposals of a service: the states of thousands of them. */
export const PROPOSALS_BYTES_MAX = 8 * 1024 * 1024;

/** Longest name of a process by which parked items are filtered. */
export const PROCESS_LENGTH_MAX = 200;

/** Most rows per page of a list: an answer stays below a megabyte. */
export const PAGE_LIMIT_MAX = 200;

/** Largest length of a path parameter: `source|id` of a deal, percent-encoded. */
export const PARAMETER_LENGTH_MAX = 500;

/** Free disk space below which a service is not ready: a few of the largest appends, and the growth of the write-ahead logs' indexes. */
export const FREE_BYTES_MIN = 8 * 1024 * 1024;

/** Smallest `TANTIEME_MEMORY_MB`: below it the caches are too small to hold the streams of one batch. */
export const MEMORY_MB_MIN = 256;

/** Largest heap of a thread. Below 2 GiB V8 collects garbage before the heap has grown to four times the live data. */
export const HEAP_MIB_MAX = 2000;

/** Smallest heap of a thread: a single large decision cannot exceed it, however little memory the process has. */
export const HEAP_MIB_MIN = 512;
