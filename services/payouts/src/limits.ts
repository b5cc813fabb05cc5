/** Limits of this service, each with its reason. Whatever can grow has one. */

/** Memory for accounts with their open lines. Every earning of every payee goes through its account. */
export const FULL_ACCOUNTS_BYTES_MAX = 96 * 1024 * 1024;

/** Memory for accounts whose lines were evicted, and what one of them takes. */
export const PARTIAL_ACCOUNTS_BYTES_MAX = 96 * 1024 * 1024;

/** Approximate bytes of one account whose lines were evicted. */
export const PARTIAL_ACCOUNT_BYTES = 2500;

/** Accounts whose approvals are appended together. */
export const APPROVED_ACCOUNTS_PER_BATCH = 500;

/** Events per read. */
export const STATEMENT_EVENTS_PER_READ = 2000;

/** Rows that an export reads at a time: the whole export is never in memory. */
export const EXPORT_PAGE_ROWS = 200;

/** Statements in memory while people page through them: each page is of the whole statement, which is read again. */
export const STATEMENTS_READ_BYTES_MAX = 32 * 1024 * 1024;

/** Approximate bytes of a statement's line in memory. */
export const STATEMENT_LINE_BYTES = 300;
