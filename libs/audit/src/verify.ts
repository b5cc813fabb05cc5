/**
 * Verification of a whole log (design.md, rules 1 and 8): every event is hashed again and held against its predecessor,
 * every decision is decided again from its journalled input, and the log is held against what the store remembers of its extent.
 *
 * It goes through the log once, in the global order, in bounded memory: ends of streams and states are kept in caches. A long
 * stream whose state did not stay in memory is put aside and decided again on its own at the end, so that the work stays linear.
 */
import { setImmediate } from 'node:timers/promises';
import { isCanonicalText } from '@tantieme/event-store/canonical-json';
import { FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { EventStore, Page, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { remembersTips } from '@tantieme/event-store/tip';
import type { LogTip } from '@tantieme/event-store/tip';
import { chainDifference } from './chain-check.js';
import { formatHead, HeadDigest, parseHead } from './log-head.js';
import type { LogHead } from './log-head.js';
import type { Replayable } from './replayable.js';
import { StreamEnds } from './stream-ends.js';
import type { StreamEnd } from './stream-ends.js';
import { StreamReplay } from './stream-replay.js';

export type { Replayable, ReplayedEvent } from './replayable.js';

/** Events read at a time. */
const PAGE_EVENTS = 1_000;
/** Ends of streams and states kept in memory, in bytes as deciders tell them, where the caller names no other limit. */
const CACHE_BYTES_MAX = 256 * 1024 * 1024;
/** A stream of up to so many events is read again where its state is gone; a longer one is put aside to the end. */
const RELOADED_EVENTS_MAX = 3;
/** Short streams are many and quickly read again: they get this part of the cache, and never drive out a long one. */
const PART_OF_SHORT_STREAMS = 1 / 4;
/** Differences that are named; all are counted. */
const DIFFERENCES_MAX = 1_000;
/** Streams compared at a time with what the store remembers. */
const TIPS_PAGE = 10_000;

export interface Difference {
  /** '(log)' where no stream can be named. */
  readonly stream: string;
  /** −1 where no event can be named. */
  readonly revision: number;
  readonly reason: string;
}

export interface VerifyOptions {
  readonly store: EventStore;
  /** Deciders, at most one a category. Events of other categories are hashed, but not decided again. */
  readonly replayables: readonly Replayable[];
  /** The head that an earlier verification gave: what it covers must still be there, unchanged. @see log-head.ts */
  readonly expect?: string;
  readonly cacheBytesMax?: number;
  readonly onProgress?: (progress: { readonly events: number }) => void;
  /** Ends the verification: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Verification {
  readonly events: number;
  readonly streams: number;
  readonly decisions: number;
  /** The first of them in the order they were found, up to a bound. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
  /** To be kept somewhere else and given as `expect` the next time. */
  readonly head: string;
}

/** Covers what the log held when the verification began. @throws {InvalidHead} for an `expect` that is none. */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  return new LogVerification(options).run();
}

class LogVerification {
  readonly #store: EventStore;
  readonly #replayables: ReadonlyMap<string, Replayable>;
  readonly #shortEnds: StreamEnds;
  readonly #longEnds: StreamEnds;
  /** Long streams whose state was dropped: the revision from which they still have to be decided again. */
  readonly #putAside = new Map<string, number>();
  readonly #expected: LogHead | undefined;
  readonly #digest: HeadDigest;
  readonly #differences: Difference[] = [];
  #differenceCount = 0;
  #events = 0;
  #streams = 0;
  #decisions = 0;
  /** The hash of the last event read. */
  #lastHash = FIRST_PREDECESSOR;

  constructor(private readonly options: VerifyOptions) {
    this.#store = options.store;
    this.#replayables = new Map(options.replayables.map((replayable) => [replayable.category, replayable]));
    const bytesMax = options.cacheBytesMax ?? CACHE_BYTES_MAX;
    this.#shortEnds = new StreamEnds(bytesMax * PART_OF_SHORT_STREAMS);
    this.#longEnds = new StreamEnds(bytesMax * (1 - PART_OF_SHORT_STREAMS));
    this.#expected = options.expect === undefined ? undefined : parseHead(options.expect);
    this.#digest = new HeadDigest(this.#expected?.events ?? -1);
  }

  async run(): Promise<Verification> {
    const tip = remembersTips(this.#store) ? await this.#store.logTip() : undefined;
    const until = tip?.position ?? (await this.#store.head());
    await this.#readLog(until);
    await this.#decideThosePutAside(until);
    if (tip !== undefined) await this.#compareExtent(tip);
    this.#compareExpectedHead();
    return {
      events: this.#events,
      streams: this.#streams,
      decisions: this.#decisions,
      differences: this.#differences,
      differenceCount: this.#differenceCount,
      head: formatHead(this.#digest.head()),
    };
  }

  async #readLog(until: Position): Promise<void> {
    for (let after = 0n; after < until;) {
      const page = await this.#page(after);
      if (page === undefined) return;
      for (const event of page.events) {
        if (event.position > until) break;
        const end = this.#endsOf(event).get(event.stream) ?? this.#endElsewhere(event);
        // Nearly every end is at hand: waiting for nothing would cost more than comparing.
        this.#compare(event, end ?? (await this.#endBefore(event)));
      }
      after = page.through;
      this.options.onProgress?.({ events: this.#events });
      if (page.end) return;
    }
  }

  /** Undefined where the log cannot be read any further. */
  async #page(after: Position): Promise<Page | undefined> {
    await this.#nextTurn();
    try {
      return await this.#store.readAll({ after, limit: PAGE_EVENTS });
    } catch (error) {
      this.#report(
        '(log)',
        -1,
        `cannot be read after position ${after}: ${error instanceof Error ? error.message : String(error)}`,
      );
      return undefined;
    }
  }

  /** Where the end of the event's stream is kept, if the revision is the one that was to come. */
  #endsOf({ revision }: StoredEvent): StreamEnds {
    return revision > RELOADED_EVENTS_MAX ? this.#longEnds : this.#shortEnds;
  }

  /** The end of a stream that begins, has just become long, or whose revision is not the one that was to come. */
  #endElsewhere(event: StoredEvent): StreamEnd | undefined {
    const { stream, revision } = event;
    const end = this.#shortEnds.get(stream) ?? this.#longEnds.get(stream);
    if (end === undefined) return revision === 0 ? this.#begin(event) : undefined;
    this.#shortEnds.delete(stream);
    this.#longEnds.delete(stream);
    this.#endsOf(event).set(stream, end);
    return end;
  }

  #begin(event: StoredEvent): StreamEnd {
    const { stream } = event;
    const replayable = this.#replayables.get(categoryOf(stream));
    const end = { revision: -1, hash: FIRST_PREDECESSOR, replay: replayable && new StreamReplay(replayable) };
    this.#endsOf(event).set(stream, end);
    return end;
  }

  /** The end of an event's stream before it, read again. */
  async #endBefore(event: StoredEvent): Promise<StreamEnd> {
    const { stream, revision, position } = event;
    const end = this.#begin(event);
    if (end.replay !== undefined && revision > RELOADED_EVENTS_MAX) {
      if (!this.#putAside.has(stream)) this.#putAside.set(stream, revision);
      end.replay = undefined;
    }
    const from = end.replay === undefined ? revision - 1 : 0;
    for (const before of await this.#store.readStream(stream, { from, limit: revision - from })) {
      if (before.position >= position) break;
      end.replay?.skip(before);
      end.revision = before.revision;
      end.hash = before.hash;
    }
    return end;
  }

  #compare(event: StoredEvent, end: StreamEnd): void {
    const { stream, revision, hash, dataText } = event;
    this.#events += 1;
    if (revision === 0) this.#streams += 1;
    this.#digest.add(hash);
    this.#lastHash = hash;
    const broken = chainDifference(event, end);
    if (broken !== undefined) this.#report(stream, revision, broken.reason);
    end.revision = broken?.revision ?? revision;
    end.hash = hash;
    if (!isPlainMetadata(event.metadataText) && !isCanonical(event.metadataText)) {
      this.#report(stream, revision, 'the metadata is not canonical JSON');
    }
    if (end.replay !== undefined) {
      const bytesBefore = end.replay.bytes;
      this.#compareDecision(end.replay, event);
      this.#endsOf(event).grow(end.replay.bytes - bytesBefore);
    } else if (!this.#putAside.has(stream) && !isCanonical(dataText)) {
      this.#report(stream, revision, 'the data is not canonical JSON');
    }
  }

  #compareDecision(replay: StreamReplay, event: StoredEvent): void {
    this.#decisions += 1;
    const reason = replay.compare(event);
    if (reason !== undefined) this.#report(event.stream, event.revision, reason);
  }

  async #decideThosePutAside(until: Position): Promise<void> {
    this.#shortEnds.clear();
    this.#longEnds.clear();
    let eventsOfTurn = 0;
    for (const [stream, compareFrom] of this.#putAside) {
      const replayable = this.#replayables.get(categoryOf(stream));
      if (replayable === undefined) continue;
      const replay = new StreamReplay(replayable);
      for (let from = 0; ;) {
        const events = await this.#store.readStream(stream, { from, limit: PAGE_EVENTS });
        for (const event of events) {
          if (event.position > until) break;
          if (event.revision < compareFrom) replay.skip(event);
          else this.#compareDecision(replay, event);
        }
        eventsOfTurn += events.length;
        if (eventsOfTurn >= PAGE_EVENTS) {
          eventsOfTurn = 0;
          await this.#nextTurn();
        }
        const last = events.at(-1);
        if (last === undefined || last.position >= until || events.length < PAGE_EVENTS) break;
        from = last.revision + 1;
      }
    }
  }

  /** The embedded store reads without leaving the turn of the event loop: others get theirs here. */
  async #nextTurn(): Promise<void> {
    await setImmediate();
    this.options.signal?.throwIfAborted();
  }

  /** What the chains cannot show: that something is missing at the end. */
  async #compareExtent(tip: LogTip): Promise<void> {
    if (!remembersTips(this.#store)) return;
    for (let after: number | undefined = 0; after !== undefined;) {
      await this.#nextTurn();
      const page = await this.#store.brokenTails({ after, limit: TIPS_PAGE });
      for (const { stream, remembered, found } of page.brokenTails) {
        const reason = found < remembered ? 'is missing, and everything after it' : 'is newer than the store remembers';
        this.#report(stream, Math.min(found, remembered) + 1, reason);
      }
      after = page.next;
    }
    if (tip.events !== this.#events) {
      this.#report('(log)', -1, `there are ${this.#events} events, but ${tip.events} were appended`);
    } else if (tip.hash !== this.#lastHash) {
      this.#report('(log)', -1, 'the newest event is not the one that was appended last');
    }
  }

  #compareExpectedHead(): void {
    if (this.#expected === undefined || this.#digest.watchedDigest === this.#expected.digest) return;
    const reason =
      this.#digest.watchedDigest === undefined
        ? `there are ${this.#events} events, but the expected head covers ${this.#expected.events}`
        : `the first ${this.#expected.events} events are not those of the expected head`;
    this.#report('(log)', -1, reason);
  }

  #report(stream: string, revision: number, reason: string): void {
    this.#differenceCount += 1;
    if (this.#differences.length < DIFFERENCES_MAX) this.#differences.push({ stream, revision, reason });
  }
}

/** Metadata of nothing but printable ASCII, which is nearly all: canonical by its form. */
const PLAIN_METADATA = /^\{"actor":"[ !#-[\]-~]*",(?:"causationId":"[ !#-[\]-~]*",)?"correlationId":"[ !#-[\]-~]*"\}$/;

function isPlainMetadata(text: string): boolean {
  return PLAIN_METADATA.test(text);
}

function isCanonical(text: string): boolean {
  try {
    return isCanonicalText(text, JSON.parse(text));
  } catch {
    return false;
  }
}
