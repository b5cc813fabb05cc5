/**
 * A share of a log's streams, verified: every event hashed again and held against its predecessor, every decision decided again.
 * Several threads may take a share each; together they say of every event what one alone would say.
 *
 * A share goes through the log once, in the global order, in bounded memory: ends of streams and states are kept in caches. A long
 * stream whose state did not stay in memory is put aside and decided again on its own at the end, so that the work stays linear.
 */
import { setImmediate } from 'node:timers/promises';
import { isCanonicalText } from '@tantieme/event-store/canonical-json';
import { FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { EventStore, Page, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { chainDifference } from './chain-check.js';
import { FirstDifferences } from './first-differences.js';
import type { PlacedDifference } from './first-differences.js';
import type { Replayable } from './replayable.js';
import { StreamEnds } from './stream-ends.js';
import type { StreamEnd } from './stream-ends.js';
import { StreamReplay } from './stream-replay.js';

/** Events read at a time. */
const PAGE_EVENTS = 1_000;
/** A stream of up to so many events is read again where its state is gone; a longer one is put aside to the end. */
const RELOADED_EVENTS_MAX = 3;
/** A stream of more events is put aside at once: to read it again costs little beside deciding it, and its state may take much memory. */
const DECIDED_ON_THE_WAY_MAX = 32;
/** Short streams are many and quickly read again: they get this part of the cache, and never drive out a long one. */
const PART_OF_SHORT_STREAMS = 1 / 4;

/** What a share is told. Plain values, so that it can be sent to a thread. */
export interface ShareTask {
  /** Of so many shares … */
  readonly shares: number;
  /** … this one, from 0. */
  readonly share: number;
  /** Position of the last event that is verified. */
  readonly until: Position;
  /** Ends of streams and states kept in memory, in bytes as deciders tell them. */
  readonly cacheBytesMax: number;
  readonly differencesMax: number;
}

/** What a share found. Plain values as well. */
export interface ShareResult {
  readonly streams: number;
  readonly decisions: number;
  /** The first of them in the order of the log. */
  readonly differences: readonly PlacedDifference[];
  readonly differenceCount: number;
  /** Why the log could not be read to the end, if it could not. */
  readonly unreadable?: string;
}

export interface ShareOptions {
  readonly store: EventStore;
  readonly replayables: readonly Replayable[];
  readonly task: ShareTask;
  /** Told of every event of the log, of whatever share, in the global order. */
  readonly onEvent?: (event: StoredEvent) => void;
  /** Told how many events of the share are verified. */
  readonly onProgress?: (events: number) => void;
  /** Ends the verification: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export async function verifyShare(options: ShareOptions): Promise<ShareResult> {
  return new ShareVerification(options).run();
}

/** The share that a stream belongs to: by its name alone (FNV-1a), so that every thread says the same. */
function shareOf(stream: string, shares: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < stream.length; index++) hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % shares;
}

class ShareVerification {
  readonly #store: EventStore;
  readonly #task: ShareTask;
  readonly #replayables: ReadonlyMap<string, Replayable>;
  readonly #shortEnds: StreamEnds;
  readonly #longEnds: StreamEnds;
  /** Long streams whose state was dropped: the revision from which they still have to be decided again. */
  readonly #putAside = new Map<string, number>();
  readonly #differences: FirstDifferences;
  #streams = 0;
  #decisions = 0;
  /** Events that need nothing more. */
  #verified = 0;
  #unreadable: string | undefined;

  constructor(private readonly options: ShareOptions) {
    this.#store = options.store;
    this.#task = options.task;
    this.#replayables = new Map(options.replayables.map((replayable) => [replayable.category, replayable]));
    const { cacheBytesMax, differencesMax } = options.task;
    this.#shortEnds = new StreamEnds(cacheBytesMax * PART_OF_SHORT_STREAMS);
    this.#longEnds = new StreamEnds(cacheBytesMax * (1 - PART_OF_SHORT_STREAMS));
    this.#differences = new FirstDifferences(differencesMax);
  }

  async run(): Promise<ShareResult> {
    await this.#readLog();
    await this.#decideThosePutAside();
    return {
      streams: this.#streams,
      decisions: this.#decisions,
      differences: this.#differences.list(),
      differenceCount: this.#differences.count,
      ...(this.#unreadable === undefined ? {} : { unreadable: this.#unreadable }),
    };
  }

  async #readLog(): Promise<void> {
    const { until, share, shares } = this.#task;
    const { onEvent } = this.options;
    for (let after = 0n; after < until;) {
      const page = await this.#page(after);
      if (page === undefined) return;
      for (const event of page.events) {
        if (event.position > until) break;
        onEvent?.(event);
        if (shares > 1 && shareOf(event.stream, shares) !== share) continue;
        const end = this.#endsOf(event).get(event.stream) ?? this.#endElsewhere(event);
        // Nearly every end is at hand: waiting for nothing would cost more than comparing.
        this.#compare(event, end ?? (await this.#endBefore(event)));
      }
      after = page.through;
      this.options.onProgress?.(this.#verified);
      if (page.end) return;
    }
  }

  /** Undefined where the log cannot be read any further. */
  async #page(after: Position): Promise<Page | undefined> {
    await this.#nextTurn();
    try {
      return await this.#store.readAll({ after, limit: PAGE_EVENTS });
    } catch (error) {
      this.#unreadable = `cannot be read after position ${after}: ${error instanceof Error ? error.message : String(error)}`;
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
    if (end.replay !== undefined && revision > RELOADED_EVENTS_MAX) this.#putAsideFrom(event, end);
    const from = end.replay === undefined ? revision - 1 : 0;
    for (const before of await this.#store.readStream(stream, { from, limit: revision - from })) {
      if (before.position >= position) break;
      end.replay?.skip(before);
      end.revision = before.revision;
      end.hash = before.hash;
    }
    return end;
  }

  #putAsideFrom({ stream, revision }: StoredEvent, end: StreamEnd): void {
    if (!this.#putAside.has(stream)) this.#putAside.set(stream, revision);
    end.replay = undefined;
  }

  #compare(event: StoredEvent, end: StreamEnd): void {
    const { stream, revision, hash, dataText } = event;
    if (revision === 0) this.#streams += 1;
    const broken = chainDifference(event, end);
    if (broken !== undefined) this.#report(event, broken.reason);
    end.revision = broken?.revision ?? revision;
    end.hash = hash;
    if (!isPlainMetadata(event.metadataText) && !isCanonical(event.metadataText)) {
      this.#report(event, 'the metadata is not canonical JSON');
    }
    if (revision === DECIDED_ON_THE_WAY_MAX && end.replay !== undefined) this.#putAsideFrom(event, end);
    if (end.replay !== undefined) {
      const bytesBefore = end.replay.bytes;
      this.#compareDecision(end.replay, event);
      this.#endsOf(event).grow(end.replay.bytes - bytesBefore);
    } else if (!this.#putAside.has(stream)) {
      this.#verified += 1;
      if (!isCanonical(dataText)) this.#report(event, 'the data is not canonical JSON');
    }
  }

  #compareDecision(replay: StreamReplay, event: StoredEvent): void {
    this.#decisions += 1;
    this.#verified += 1;
    const reason = replay.compare(event);
    if (reason !== undefined) this.#report(event, reason);
  }

  async #decideThosePutAside(): Promise<void> {
    const { until } = this.#task;
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
          this.options.onProgress?.(this.#verified);
          await this.#nextTurn();
        }
        const last = events.at(-1);
        if (last === undefined || last.position >= until || events.length < PAGE_EVENTS) break;
        from = last.revision + 1;
      }
    }
    this.options.onProgress?.(this.#verified);
  }

  /** The embedded store reads without leaving the turn of the event loop: others get theirs here. */
  async #nextTurn(): Promise<void> {
    await setImmediate();
    this.options.signal?.throwIfAborted();
  }

  #report({ stream, revision, position }: StoredEvent, reason: string): void {
    this.#differences.add({ stream, revision, reason, position });
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
