/** Refuses to return a stream of which events are missing, for every adapter. */
import { IncompleteStream } from './event-store.js';
import type { ReadStreamOptions, StoredEvent } from './event-store.js';

/**
 * @param events the answer to a read of `stream` with these options.
 * @throws {IncompleteStream} if it does not begin where the read began, has a gap, or ends before the stream does.
 */
export function mustBeComplete(
  stream: string,
  events: readonly StoredEvent[],
  { direction, from, limit }: ReadStreamOptions,
): void {
  const first = events[0];
  if (first === undefined) return;
  const step = direction === 'backwards' ? -1 : 1;
  let expected = step === 1 ? (from ?? 0) : first.revision;
  for (const { revision } of events) {
    if (revision !== expected) throw missing(stream, expected, revision);
    expected += step;
  }
  if (step === -1 && expected >= 0 && events.length < (limit ?? Number.POSITIVE_INFINITY))
    throw missing(stream, expected, expected + 1);
}

function missing(stream: string, expected: number, found: number): IncompleteStream {
  return new IncompleteStream(stream, `revision ${expected} is missing, the next one found is ${found}`);
}
