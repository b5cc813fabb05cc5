/** Translates the client's errors into those of the port. */
import { ErrorType, isCommandError, MaxAppendSizeExceededError } from '@eventstore/db-client';
import { EventStoreRefused, EventStoreUnavailable, EventTooLarge } from '../event-store.js';

/** Temporary: the server is down, starting, stopping, electing a leader, or too slow. */
const TEMPORARY: ReadonlySet<string> = new Set([
  ErrorType.UNAVAILABLE,
  ErrorType.DEADLINE_EXCEEDED,
  ErrorType.TIMEOUT,
  ErrorType.CANCELLED,
  ErrorType.NOT_LEADER,
]);

/** Errors after which the client reconnects, to the leader if the server named it. */
const RECONNECTING: ReadonlySet<string> = new Set([ErrorType.UNAVAILABLE, ErrorType.CANCELLED, ErrorType.NOT_LEADER]);

const REFUSED: ReadonlySet<string> = new Set([
  ErrorType.ACCESS_DENIED,
  ErrorType.STREAM_DELETED,
  ErrorType.INVALID_ARGUMENT,
  ErrorType.INVALID_TRANSACTION,
  ErrorType.UNSUPPORTED,
]);

/** True if the same call may succeed at once, over a new connection. */
export function isReconnecting(error: unknown): boolean {
  return error instanceof Error && isCommandError(error) && RECONNECTING.has(error.type);
}

/** True if the server answered with this error, so the connection still works. */
export function isAnswer(error: unknown): boolean {
  return !isReconnecting(error) && !isDiscoveryFailure(error) && !(error instanceof EventStoreUnavailable);
}

/** A failed discovery of a cluster throws an error without a type. */
function isDiscoveryFailure(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Failed to discover');
}

/** @param action the failed call: `append to deal-1`. @returns other errors unchanged. */
export function portErrorOf(error: unknown, action: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof MaxAppendSizeExceededError)
    return new EventTooLarge(action, error.maxAppendSize + 1, error.maxAppendSize);
  const reason = error.message;
  if (isDiscoveryFailure(error)) return new EventStoreUnavailable(`${action}: ${reason}`, { cause: error });
  if (!isCommandError(error)) return error;
  if (TEMPORARY.has(error.type)) return new EventStoreUnavailable(`${action}: ${reason}`, { cause: error });
  if (REFUSED.has(error.type)) return new EventStoreRefused(`${action}: ${reason || error.type}`, { cause: error });
  return error;
}
