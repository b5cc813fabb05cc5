/**
 * Finds out whether a log is still the one that its readers have read: a checkpoint beyond its end, or with another
 * event at its place, means that an older copy was restored, that its newest part was lost, or that it is another log.
 * Readers would skip the events below their checkpoints for ever.
 */
import type { EventStore, Position } from './event-store.js';

/** How far something has read a log. */
export interface ReaderCheckpoint {
  readonly name: string;
  readonly position: Position;
  /** An event that was there at or before the position. */
  readonly event?: { readonly position: Position; readonly hash: string };
}

/** The log does not belong to the other files, or to the database of the read models. */
export class LogMismatch extends Error {
  readonly code = 'LogMismatch';
  constructor(
    readonly checkpoint: string,
    /** What is wrong with the log, without the way out. */
    readonly reason: string,
  ) {
    super(
      `${reason}. Nothing was started, since events would be skipped. ` +
        'Restore a backup in which all files belong together (tantieme restore), or keep this log and compute ' +
        'everything else from it (tantieme rebuild)',
    );
  }
}

/** The first contradiction between a log and its readers; undefined where there is none. */
export async function findMismatch(
  store: Pick<EventStore, 'head' | 'hashAt'>,
  readers: readonly ReaderCheckpoint[],
): Promise<LogMismatch | undefined> {
  const head = await store.head();
  for (const { name, position, event } of readers) {
    if (position > head)
      return new LogMismatch(
        name,
        head === 0n
          ? `the event log is empty, but ${name} has read one up to position ${position}`
          : `the event log ends at position ${head}, but ${name} has read it up to ${position}: it is an older copy, or its newest events were lost`,
      );
    if (event !== undefined && (await store.hashAt(event.position)) !== event.hash)
      return new LogMismatch(
        name,
        `the event log has another event at position ${event.position} than ${name} has read there: it is another log, or another copy of it was continued`,
      );
  }
  return undefined;
}

/** @throws {LogMismatch} */
export async function requireSameLog(
  store: Pick<EventStore, 'head' | 'hashAt'>,
  readers: readonly ReaderCheckpoint[],
): Promise<void> {
  const mismatch = await findMismatch(store, readers);
  if (mismatch !== undefined) throw mismatch;
}
