/** Limits of this service, each with its reason. Whatever can grow has one. */

/** Cached deals: facts of a deal come close together. */
export const DEALS_BYTES_MAX = 24 * 1024 * 1024;

/** Cached refusals: each is written once or twice. */
export const REFUSALS_BYTES_MAX = 1024 * 1024;

/** Cached imports: one runs at a time. */
export const IMPORTS_BYTES_MAX = 64 * 1024;

/** Deals looked up in one statement. */
export const DEALS_IN_STATEMENT_MAX = 1000;

/** Facts in a batch: enough for one transaction to carry its cost, few enough that health and pages answer in between. */
export const BATCH_FACTS = 250;

/** Characters after which a batch of an import ends: what is checked, decided and stored in some 50 ms. */
export const BATCH_CHARACTERS = 512 * 1024;

/** Most reasons that a refusal keeps. */
export const ERRORS_MAX = 100;

/** Most rows of one fact that are read: more than a deal may have, so that their number is refused. */
export const ROWS_OF_FACT_MAX = 20_000;

/** Distinct dates of a file that are kept: parsing one takes longer than looking it up. */
export const MOMENTS_CACHED_MAX = 20_000;

/** Contradictory values that a refusal quotes at most. */
export const NAMED_MAX = 3;

/** Refusals read in one query. */
export const REFUSALS_IN_PAGE = 200;

/** Most lines of a fact: a whole deal has to fit into an event of less than 1 MiB. */
export const LINES_MAX = 2000;

/** Most facts of a deal: each of its events and messages holds the whole deal. */
export const FACTS_MAX = 1000;

/** Differing fields that a refusal names. More help nobody, and each is a text to store. */
export const DIFFERENCES_MAX = 20;

/** Deals in one condition of a statement: SQLite bounds the depth of an expression. */
export const DEALS_IN_CONDITION_MAX = 400;

/** Events read at once when an import is undone. */
export const UNDO_PAGE_EVENTS = 1000;

/**
 * Silence after which an import counts as interrupted where other replicas may run it: the staging of a large file takes
 * minutes before its first batch.
 */
export const IMPORT_SILENCE_MS_MAX = 15 * 60_000;

/** Over-returns of a deal that are listed: the first ones name what is wrong, and each list repeats them. */
export const OVER_RETURNS_MAX = 100;
