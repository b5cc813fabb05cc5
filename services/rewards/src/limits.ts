/** Limits of this service, each with its reason. Whatever can grow has one. */

/** Cached participants: small streams. */
export const PARTICIPANTS_BYTES_MAX = 16 * 1024 * 1024;

/** Small, because a stream of the ledger is written once, and perhaps again after a crash. */
export const LEDGER_BYTES_MAX = 1024 * 1024;

/** A partial state with more bytes of deals is reduced again when memory is short. */
export const PARTIAL_DEAL_BYTES_MAX = 5000;

/** Events of programmes and participants that are read at a time. */
export const REFERENCE_EVENTS_PER_READ = 1000;

/** Limits of one event of the ledger, which keep it far below the 1 MiB of an append. */
export const ENTRIES_PER_EVENT = 500;

/** Measured sums in one event, about 100 bytes each: an append stays under 1 MiB. */
export const MEASURED_PER_EVENT = 2000;

/** Memory for bonuses with the deals of their participants. */
export const FULL_BONUSES_BYTES_MAX = 64 * 1024 * 1024;

/** Memory for bonuses that have only their sums, and what one of them takes. */
export const PARTIAL_BONUSES_BYTES_MAX = 64 * 1024 * 1024;

/** Approximate bytes of one bonus that was cut down. */
export const PARTIAL_BONUS_BYTES = 5000;

/** Limit for the tiers, plans, components and channels of one programme: far more than a person writes. */
export const ITEMS_MAX = 200;

/** Longest text of an amount: 18 digits, a sign and decimals. */
export const AMOUNT_LENGTH_MAX = 40;

/** Cached programmes: only people change them. */
export const PROGRAMMES_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Entries per page of the manifest: usually 300 bytes each, but 2,050 where the payee's id has its full length, in
 * characters of four bytes. A page then still fits into a message.
 */
export const MANIFEST_PAGE_ENTRIES = 400;

/** Cached calendars and periods: a few are being closed at a time. */
export const PERIODS_BYTES_MAX = 16 * 1024 * 1024;
