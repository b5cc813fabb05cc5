/** Limits of this service, each with its reason. Whatever can grow has one. */

/** Memory for earning states: the same payees come again and again. */
export const EARNINGS_BYTES_MAX = 128 * 1024 * 1024;

/** Memory for earning states that were shrunk to their newest lines: ten thousand payees of 25 KB. */
export const EARNINGS_SHRUNK_BYTES_MAX = 256 * 1024 * 1024;

/** Limit on the remembered rows of `commission_streams`. */
export const WRITTEN_STREAMS_MAX = 100_000;

/** Lines of a shrunk state: enough for credits that arrive a few batches out of order. */
export const SHRUNK_LINES = 8;

/** Shorter earning streams are read whole: that takes a few milliseconds, and then everything is in memory. */
export const WHOLE_STREAM_EVENTS = 200;

/** Cached plan streams: only people change plans. */
export const PLANS_BYTES_MAX = 8 * 1024 * 1024;

/** Limit on the ids remembered as missing, so that an agreement to a plan that does not exist yet costs no reading. */
export const MISSING_PLANS_MAX = 10_000;

/** Limit on the versions of one plan: all of them are in memory wherever deals are credited. */
export const PLAN_VERSIONS_MAX = 500;

/** Cached credit streams. Small: unlike payees, most deals come only once. */
export const CREDITS_BYTES_MAX = 24 * 1024 * 1024;

/**
 * Limit on the credit of one deal to one payee under one plan, in bytes with its posted lines, which are events of
 * their own.
 */
export const CREDIT_BYTES_MAX = 700_000;

/** Deals per batch of recrediting. */
export const RECREDIT_DEALS = 1000;

/** The longest period is a fiscal year of 53 weeks. */
export const AVERAGED_DAYS_MAX = 371;

/** Cached budgets: few streams, each with all claims of its component. */
export const BUDGETS_BYTES_MAX = 32 * 1024 * 1024;

/** `source|id` of a deal. */
export const DEAL_LENGTH_MAX = 500;

/** `occurrence|line` of a deal, and free text. */
export const TEXT_LENGTH_MAX = 1000;

/** Limit on the facts of one pair: two centuries of days from a handful of sources stay far below it. */
export const RATES_MAX = 500_000;

/** Limit on the facts of one payee and plan: each of their events and messages holds all quotas in force. */
export const QUOTAS_MAX = 1000;

/** Facts per append. */
export const BATCH_FACTS = 1000;

/** Limit on the unknown names that one page compares with, far under the parameters that a statement may have. */
export const UNKNOWN_NAMES_MAX = 2000;

/** Cached reference streams. Decisions look up their own caches; this one serves commands. */
export const REFERENCES_BYTES_MAX = 16 * 1024 * 1024;

/** Limit on the messages of a batch, which takes one read and one append. */
export const BATCH_MESSAGES = 1000;

/**
 * Entries per page of the manifest: usually 250 bytes each, but 2,050 where the payee's id has its full length, in
 * characters of four bytes. A page then still fits into a message.
 */
export const MANIFEST_ENTRIES_MAX = 400;

/** Cached periods: a few are being closed at a time. */
export const PERIODS_BYTES_MAX = 8 * 1024 * 1024;

/** Cached calendars: there are a few, and each is small. */
export const CALENDARS_BYTES_MAX = 8 * 1024 * 1024;

/** Postings that a preview of a closing sums up at a time: a few milliseconds, in which nobody else gets an answer. */
export const POSTINGS_PER_READ = 2000;

/** What a deal may wait for at once: partners, plans, exchange rates and quotas, of which it names few. */
export const WAIVED_MAX = 200;

/** Cached partners, about 2 kB each. */
export const PARTNERS_MAX = 50_000;
