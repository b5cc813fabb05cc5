/** Translates the client's errors into those of the port. */
import { ErrorType, isCommandError } from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { EventStoreRefused, EventStoreUnavailable } from '../event-store.js';

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

/** Codes of errors without a type of their own that say nothing about the request. */
const FAILED_CODES: ReadonlySet<number> = new Set([status.UNKNOWN, status.INTERNAL, status.RESOURCE_EXHAUSTED]);

/** Servers up to 24.2 call a position between two events an unknown error, later ones an invalid argument. */
const INVALID_POSITION = /ReadAllResult: (Error|InvalidPosition)|invalid position/i;

/** What 22.x and 23.x answer to a live subscription that is 32 events behind. Later ones read on. */
const TOO_SLOW = 'Consumer too slow';

/** True if the same call may succeed when it is sent again: perhaps over a new connection, or to another leader. */
export function isRepeatable(error: unknown): boolean {
  return (
    isReconnecting(error) ||
    // The server's cluster is busy, or the same append was under way: it expects the append again.
    isOfType(error, ErrorType.TIMEOUT) ||
    isOfType(error, ErrorType.DEADLINE_EXCEEDED) ||
    isChangingLeader(error)
  );
}

/** True if the server answered with this error, so the connection still works. */
export function isAnswer(error: unknown): boolean {
  return !isReconnecting(error) && !isDiscoveryFailure(error) && !(error instanceof EventStoreUnavailable);
}

/** True if the server ended a live subscription that fell behind. */
export function isTooSlow(error: unknown): boolean {
  return isOfType(error, ErrorType.TIMEOUT) && error.message.includes(TOO_SLOW);
}

/** True if there is no event at the position of a read. */
export function isInvalidPosition(error: unknown): boolean {
  return error instanceof Error && INVALID_POSITION.test(error.message);
}

function isReconnecting(error: unknown): boolean {
  return error instanceof Error && isCommandError(error) && RECONNECTING.has(error.type);
}

function isOfType(error: unknown, type: ErrorType): error is Error {
  return error instanceof Error && isCommandError(error) && error.type === type;
}

/** What a server says that starts or does not know the leader yet, in errors that have no type of their own. */
const LEADER_CHANGE = /No leader info available|Server Is Not Ready|Server Is (Too )?Busy/;

function isChangingLeader(error: unknown): boolean {
  return error instanceof Error && isCommandError(error) && LEADER_CHANGE.test(error.message);
}

/** A failed discovery of a cluster throws an error without a type. */
function isDiscoveryFailure(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Failed to discover');
}

/** @param action the failed call: `append to deal-1`. @returns errors that are not of the client unchanged. */
export function portErrorOf(error: unknown, action: string): unknown {
  if (!(error instanceof Error)) return error;
  if (isDiscoveryFailure(error)) return new EventStoreUnavailable(`${action}: ${error.message}`, { cause: error });
  if (!isCommandError(error)) return error;
  const isTemporary =
    TEMPORARY.has(error.type) ||
    (error.type === ErrorType.UNKNOWN && (error.code === undefined || FAILED_CODES.has(error.code)));
  const PortError = isTemporary ? EventStoreUnavailable : EventStoreRefused;
  return new PortError(`${action}: ${error.message || error.type}`, { cause: error });
}
