/** SQLSTATE of a PostgreSQL that is starting, stopping, lost, or has no connection left (appendix A of its manual). */
const AWAY = /^(08\w{3}|57P0[1-3]|53300)$/;

/** Of Node, where nobody listens, the host is not known or does not answer, or the connection breaks off. */
const NO_CONNECTION = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)$/;

/** What `pg` says without a code. */
const SAID =
  /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

/** True for a failed query of a database that cannot be reached, or not now: the same query may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const code = 'code' in error ? String(error.code) : '';
  const message = 'message' in error ? String(error.message) : '';
  return AWAY.test(code) || NO_CONNECTION.test(code) || SAID.test(message);
}
