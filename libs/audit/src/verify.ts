/**
 * Verification of a whole log (design.md, rules 1 and 8): every event is hashed again and compared with its
 * predecessor, every decision is decided again from its recorded input, and the log is compared with the extent that
 * the store remembers.
 *
 * The streams are divided into shares. This thread verifies one share (all streams if there are no helpers) and
 * compares the log as a whole with its extent and its expected head; each helper verifies another share. The result
 * does not depend on the number of helpers.
 */
import { setImmediate } from 'node:timers/promises';
import { FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { hidesStreams, recordsExtent } from '@tantieme/event-store/truncation';
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
import { CACHE_BYTES_MAX, DIFFERENCES_MAX } from './limits.js';

/** Streams compared at a time with the extent that the store remembers. */
const TIPS_PAGE = 10_000;

/** Runs `verifyShare` on the same log somewhere else, for example in a thread with its own store and deciders. */
export type Helper = (task: ShareTask, onProgress: (events: number) => void) => Promise<ShareResult>;

export interface VerifyOptions {
  readonly store: EventStore;
  /** Deciders, at most one for each category. Events of other categories are hashed but not decided again. */
  readonly replayables: readonly Replayable[];
  /** Each verifies a share of the streams. */
  readonly helpers?: readonly Helper[] | undefined;
  /**
   * The head from an earlier verification: everything that it covers must still be there, unchanged. See `log-head.ts`.
   */
  readonly expect?: string | undefined;
  readonly cacheBytesMax?: number | undefined;
  /** Called with the number of verified events. */
  readonly onProgress?: ((progress: { readonly events: number }) => void) | undefined;
  /** Stops the verification, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Verification {
  readonly events: number;
  readonly streams: number;
  readonly decisions: number;
  /** The first ones in the order of the log, at most `DIFFERENCES_MAX`, then those of the log as a whole. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
  /** Store it somewhere else and pass it as `expect` the next time. */
  readonly head: string;
}

/**
 * Covers the log as it was when the verification began.
 * @throws {InvalidHead} if `expect` is not a head
 */
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
  if (hidesStreams(store))
    for (const stream of await store.hiddenStreams())
      report(stream, 0, 'is truncated or deleted at the server, which hides events that its log may still have');
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

/** The first share runs here and reads the log as a whole; each helper runs another one. */
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
    signal,
  });
  return Promise.all([own, ...helpers.map((help, index) => help(taskOf(index + 1), progressOf(index + 1)))]);
}

/** Finds what chains cannot show: events missing at the end of a stream. */
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

/** Facts about the log as a whole, collected while it is read. */
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

  /** How the log differs from the extent that the store remembers, or from the expected head. */
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
