/**
 * Verification of a whole log (design.md, rules 1 and 8): every event is hashed again and held against its predecessor,
 * every decision is decided again from its journalled input, and the log is held against what the store remembers of its extent.
 *
 * The streams are shared out: this thread verifies a share of them (all, where it has no helpers) and holds the log as a whole against
 * its extent and its expected head; each helper verifies another share. What is found does not depend on how many there are.
 */
import { setImmediate } from 'node:timers/promises';
import { FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { recordsExtent } from '@tantieme/event-store/truncation';
import type { LogExtent } from '@tantieme/event-store/truncation';
import { FirstDifferences } from './first-differences.js';
import type { Difference } from './first-differences.js';
import { formatHead, HeadDigest, parseHead } from './log-head.js';
import type { LogHead } from './log-head.js';
import type { Replayable } from './replayable.js';
import { verifyShare } from './share.js';
import type { ShareResult, ShareTask } from './share.js';

export type { Difference } from './first-differences.js';
export type { Replayable, ReplayedEvent } from './replayable.js';

/** Ends of streams and states kept in memory, in bytes as deciders tell them, by all shares together, where the caller names no other limit. */
const CACHE_BYTES_MAX = 256 * 1024 * 1024;
/** Differences that are named; all are counted. */
const DIFFERENCES_MAX = 1_000;
/** Streams compared at a time with what the store remembers. */
const TIPS_PAGE = 10_000;

/** Does `verifyShare` on the same log somewhere else: in a thread with a store and deciders of its own. */
export type Helper = (task: ShareTask, onProgress: (events: number) => void) => Promise<ShareResult>;

export interface VerifyOptions {
  readonly store: EventStore;
  /** Deciders, at most one a category. Events of other categories are hashed, but not decided again. */
  readonly replayables: readonly Replayable[];
  /** Each verifies a share of the streams. */
  readonly helpers?: readonly Helper[];
  /** The head that an earlier verification gave: what it covers must still be there, unchanged. @see log-head.ts */
  readonly expect?: string;
  readonly cacheBytesMax?: number;
  /** Told how many events are verified. */
  readonly onProgress?: (progress: { readonly events: number }) => void;
  /** Ends the verification: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Verification {
  readonly events: number;
  readonly streams: number;
  readonly decisions: number;
  /** The first of them in the order of the log, up to a bound; then what concerns the log as a whole. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
  /** To be kept somewhere else and given as `expect` the next time. */
  readonly head: string;
}

/** Covers what the log held when the verification began. @throws {InvalidHead} for an `expect` that is none. */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  const { store, expect } = options;
  const log = new WholeLog(expect === undefined ? undefined : parseHead(expect));
  const tip = recordsExtent(store) ? await store.logExtent() : undefined;
  const until = tip?.position ?? (await store.head());
  const results = await verifyShares(options, until, log);

  const differences = new FirstDifferences(DIFFERENCES_MAX);
  for (const result of results) differences.addAll(result.differenceCount, result.differences);
  const report = (stream: string, revision: number, reason: string): void =>
    differences.add({ stream, revision, reason, position: until });
  for (const reason of new Set(results.map(({ unreadable }) => unreadable)))
    if (reason !== undefined) report('(log)', -1, reason);
  if (tip !== undefined) await compareTails(options, report);
  for (const reason of log.contradictions(tip)) report('(log)', -1, reason);
  return {
    events: log.events,
    streams: sum(results.map(({ streams }) => streams)),
    decisions: sum(results.map(({ decisions }) => decisions)),
    differences: differences.list().map(({ stream, revision, reason }) => ({ stream, revision, reason })),
    differenceCount: differences.count,
    head: log.head,
  };
}

/** The first share here, where the log as a whole is looked at on the way, and one by each helper. */
function verifyShares(
  { store, replayables, helpers = [], cacheBytesMax = CACHE_BYTES_MAX, onProgress, signal }: VerifyOptions,
  until: Position,
  log: WholeLog,
): Promise<readonly ShareResult[]> {
  const shares = 1 + helpers.length;
  const taskOf = (share: number): ShareTask => ({
    shares,
    share,
    until,
    cacheBytesMax,
    differencesMax: DIFFERENCES_MAX,
  });
  const verified: number[] = [];
  const progressOf = (share: number) => (events: number) => {
    verified[share] = events;
    onProgress?.({ events: sum(verified) });
  };
  const own = verifyShare({
    store,
    replayables,
    task: taskOf(0),
    onEvent: (event) => log.add(event),
    onProgress: progressOf(0),
    ...(signal === undefined ? {} : { signal }),
  });
  return Promise.all([own, ...helpers.map((help, index) => help(taskOf(index + 1), progressOf(index + 1)))]);
}

/** What the chains cannot show: that something is missing at the end of a stream. */
async function compareTails(
  { store, signal }: VerifyOptions,
  report: (stream: string, revision: number, reason: string) => void,
): Promise<void> {
  if (!recordsExtent(store)) return;
  for (let after: number | undefined = 0; after !== undefined;) {
    await setImmediate();
    signal?.throwIfAborted();
    const page = await store.truncatedStreams({ after, limit: TIPS_PAGE });
    for (const { stream, recordedRevision, foundRevision } of page.truncatedStreams) {
      const reason =
        foundRevision < recordedRevision ? 'is missing, and everything after it' : 'is newer than the store remembers';
      report(stream, Math.min(foundRevision, recordedRevision) + 1, reason);
    }
    after = page.next;
  }
}

/** What is seen of the log as a whole while it is read. */
class WholeLog {
  #events = 0;
  /** The hash of the last event read. */
  #lastHash = FIRST_PREDECESSOR;
  readonly #digest: HeadDigest;

  constructor(private readonly expected: LogHead | undefined) {
    this.#digest = new HeadDigest(expected?.events ?? -1);
  }

  add({ hash }: StoredEvent): void {
    this.#events += 1;
    this.#lastHash = hash;
    this.#digest.add(hash);
  }

  get events(): number {
    return this.#events;
  }

  get head(): string {
    return formatHead(this.#digest.head());
  }

  /** Where it is not what the store remembers, or not what was expected. */
  contradictions(tip: LogExtent | undefined): readonly string[] {
    const found: string[] = [];
    if (tip !== undefined && tip.events !== this.#events)
      found.push(`there are ${this.#events} events, but ${tip.events} were appended`);
    else if (tip !== undefined && tip.hash !== this.#lastHash)
      found.push('the newest event is not the one that was appended last');
    const watched = this.#digest.watchedDigest;
    if (this.expected !== undefined && watched === undefined)
      found.push(`there are ${this.#events} events, but the expected head covers ${this.expected.events}`);
    else if (this.expected !== undefined && watched !== this.expected.digest)
      found.push(`the first ${this.expected.events} events are not those of the expected head`);
    return found;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
