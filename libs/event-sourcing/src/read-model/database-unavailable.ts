/** SQLSTATEs of a PostgreSQL that starts, stops, was lost or is out of connections (appendix A of its manual). */
const UNAVAILABLE_STATE = /^(08\w{3}|57P0[1-3]|53300)$/;

/** Node's error codes for a refused, broken or impossible connection. */
const NO_CONNECTION = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)$/;

/** Errors of `pg` that have no code. */
const PG_MESSAGE =
  /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

/** True if a query failed because the database is unreachable at the moment: the same query may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const code = 'code' in error ? String(error.code) : '';
  const message = 'message' in error ? String(error.message) : '';
  return UNAVAILABLE_STATE.test(code) || NO_CONNECTION.test(code) || PG_MESSAGE.test(message);
}

/** True if a write failed because the disk of the database is full: SQLite's codes, or PostgreSQL's `disk_full`. */
export function isStorageFull(error: unknown): boolean {
  if (!Error.isError(error)) return false;
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  return errcode === 13 || errcode === 4874 || code === '53100';
}

/** True if a query named a table that its process has not created yet: right after the first start. */
export function isTableMissing(error: unknown): boolean {
  return Error.isError(error) && (('code' in error && error.code === '42P01') || /^no such table/.test(error.message));
}
