/**
 * Reads some events of a stream, named by their revisions. Everything else reads a stream whole, from revision 0:
 * whoever leaves events out must know from elsewhere that it needs no others.
 */
import { IncompleteStream } from './event-store.js';
import type { EventStore, Position, StoredEvent } from './event-store.js';
import { runStart, wholeEvents } from './run.js';

/** Events between two wanted ones that are cheaper to read along than a further read. */
const GAP_MAX = 8;

/** Reads in flight at a time, each a round trip on a server. */
const READS_MAX = 32;

interface Range {
  readonly from: number;
  through: number;
}

/**
 * Exactly these events, in order, each run as the event that it makes.
 * @param revisions in ascending order; of a run, that of its last part.
 * @throws {IncompleteStream} if one is missing.
 */
export async function readRevisions(
  store: EventStore,
  stream: string,
  revisions: readonly number[],
): Promise<readonly StoredEvent[]> {
  const ranges = rangesOf(revisions);
  const wanted = new Set(revisions);
  const events: StoredEvent[] = [];
  for (let at = 0; at < ranges.length; at += READS_MAX) {
    const reads = ranges
      .slice(at, at + READS_MAX)
      .map(({ from, through }) => store.readStream(stream, { from, limit: through - from + 1 }));
    for (const read of await Promise.all(reads))
      for (const event of read) if (wanted.has(event.revision)) events.push(event);
  }
  events.forEach(({ stream: of, revision }, index) => {
    if (of !== stream || revision !== revisions[index]) throw missing(stream, revisions[index]);
  });
  if (events.length !== revisions.length) throw missing(stream, revisions[events.length]);
  return wholeEvents(store, events);
}

function missing(stream: string, revision: number | undefined): IncompleteStream {
  return new IncompleteStream(stream, `revision ${revision ?? '?'} is missing`);
}

function rangesOf(revisions: readonly number[]): readonly Range[] {
  const ranges: Range[] = [];
  for (const revision of revisions) {
    const last = ranges.at(-1);
    if (last !== undefined && revision - last.through <= GAP_MAX + 1) last.through = revision;
    else ranges.push({ from: revision, through: revision });
  }
  return ranges;
}

/** Events per backwards read: the first finds out whether there are any. */
const TAIL_EVENTS_MAX = 512;

/**
 * The events of a stream after a position, and its newest event in any case. Begins with the first part of a run. Empty
 * for a stream that does not exist.
 */
export async function readTail(store: EventStore, stream: string, after: Position): Promise<readonly StoredEvent[]> {
  const newestFirst: StoredEvent[] = [];
  for (let limit = 1; ; limit = Math.min(TAIL_EVENTS_MAX, limit * 8)) {
    const oldest = newestFirst.at(-1);
    if (oldest !== undefined && (oldest.revision === 0 || oldest.position <= after)) break;
    const from = oldest === undefined ? undefined : oldest.revision - 1;
    const page = await store.readStream(stream, { direction: 'backwards', from, limit });
    newestFirst.push(...page);
    if (page.length < limit) break;
  }
  const tail = newestFirst.filter(({ position }, index) => index === 0 || position > after).toReversed();
  const [first] = tail;
  if (first === undefined) return tail;
  const from = runStart(first);
  if (from === first.revision) return tail;
  return [...(await store.readStream(stream, { from, limit: first.revision - from })), ...tail];
}
