/** Limits of this service, each with its reason. Whatever can grow has one. */

/** Cached partners: only people and files change them. */
export const PARTNERS_BYTES_MAX = 8 * 1024 * 1024;

/** Largest file, in bytes: some hundred thousand partners. Its hierarchy is checked as a whole. */
export const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Most partners above one at any time: a real hierarchy has a handful of levels. */
export const ABOVE_MAX = 500;

/** Changes in one append. */
export const BATCH_CHANGES = 1000;
