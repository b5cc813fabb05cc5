/** The client's errors in the port's words. */
import { ErrorType, isCommandError, MaxAppendSizeExceededError } from '@eventstore/db-client';
import { EventStoreRefused, EventStoreUnavailable, EventTooLarge } from '../event-store.js';

/** Gone by itself, sooner or later: the server is down, is just starting or stopping, elects a leader, is too slow. */
const PASSING: ReadonlySet<string> = new Set([
  ErrorType.UNAVAILABLE,
  ErrorType.DEADLINE_EXCEEDED,
  ErrorType.TIMEOUT,
  ErrorType.CANCELLED,
  ErrorType.NOT_LEADER,
]);

/** Errors after which the client connects anew, to the leader where the server named it. */
const RECONNECTING: ReadonlySet<string> = new Set([ErrorType.UNAVAILABLE, ErrorType.CANCELLED, ErrorType.NOT_LEADER]);

const REFUSED: ReadonlySet<string> = new Set([
  ErrorType.ACCESS_DENIED,
  ErrorType.STREAM_DELETED,
  ErrorType.INVALID_ARGUMENT,
  ErrorType.INVALID_TRANSACTION,
  ErrorType.UNSUPPORTED,
]);

/** True where the same call may well succeed at once, over a new connection. */
export function isReconnecting(error: unknown): boolean {
  return error instanceof Error && isCommandError(error) && RECONNECTING.has(error.type);
}

/** True where a server has answered, over a connection that is still there. */
export function isAnswer(error: unknown): boolean {
  return !isReconnecting(error) && !isUndiscovered(error) && !(error instanceof EventStoreUnavailable);
}

/** The discovery of a cluster ends in an error without a type. */
function isUndiscovered(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Failed to discover');
}

/** @param of what was asked: `append to deal-1`. @returns what has no word of the port as it is. */
export function portErrorOf(error: unknown, of: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof MaxAppendSizeExceededError)
    return new EventTooLarge(of, error.maxAppendSize + 1, error.maxAppendSize);
  const reason = error.message;
  if (isUndiscovered(error)) return new EventStoreUnavailable(`${of}: ${reason}`, { cause: error });
  if (!isCommandError(error)) return error;
  if (PASSING.has(error.type)) return new EventStoreUnavailable(`${of}: ${reason}`, { cause: error });
  if (REFUSED.has(error.type)) return new EventStoreRefused(`${of}: ${reason || error.type}`, { cause: error });
  return error;
}
