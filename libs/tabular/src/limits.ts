/** What this library holds at most, each with its reason. */

/** Largest row, in bytes. A quote that is never closed would otherwise swallow the rest of the file. */
export const ROW_BYTES_MAX = 1024 * 1024;

/** Most broken rows in succession: a file of nothing else is another kind of file. */
export const BROKEN_MAX = 10_000;

/** Largest line, in bytes: an event cannot hold more. */
export const LINE_BYTES_MAX = 1024 * 1024;

/** Bytes of a line that is too long which its refusal shows: enough to find it in the file. */
export const RAW_SHOWN_BYTES = 4096;

/** Characters of a cell that a fault repeats: enough to find it in a spreadsheet. */
export const CELL_LENGTH_MAX = 200;
