/**
 * Verifies one part of the streams: every event is hashed again and compared with its predecessor, and every decision
 * is decided again.
 *
 * Events arrive in the global order. Memory is bounded: ends of streams and states are in caches. A long stream, or one
 * whose state was evicted, is postponed and decided again on its own at the end, so that the work stays linear.
 */
import { isCanonicalText } from '@tantieme/event-store/canonical-json';
import { FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import { categoryOf, IncompleteStream } from '@tantieme/event-store/event-store';
import type { EventStore, Position, ReadStreamOptions, StoredEvent } from '@tantieme/event-store/event-store';
import { isLastPart, isPart } from '@tantieme/event-store/run';
import { chainDifference } from './chain-check.js';
import type { FirstDifferences } from './first-differences.js';
import type { Replayable } from './replayable.js';
import { StreamEnds } from './stream-ends.js';
import type { StreamEnd } from './stream-ends.js';
import { StreamReplay } from './stream-replay.js';
import { PAGE_EVENTS, RELOADED_EVENTS_MAX, DECIDED_AT_ONCE_MAX } from './limits.js';

/** Share of the cache for short streams. They are many and quickly read again, and must not evict long ones. */
const SHORT_STREAMS_SHARE = 1 / 4;

export interface PartOptions {
  readonly store: EventStore;
  /** By category. */
  readonly replayables: ReadonlyMap<string, Replayable>;
  readonly cacheBytesMax: number;
  readonly differences: FirstDifferences;
}

export class Part {
  readonly #store: EventStore;
  readonly #replayables: ReadonlyMap<string, Replayable>;
  readonly #shortEnds: StreamEnds;
  readonly #longEnds: StreamEnds;
  /** Postponed streams, with the revision from which they still have to be decided again. */
  readonly #postponed = new Map<string, number>();
  readonly #differences: FirstDifferences;
  #streams = 0;
  #decisions = 0;
  #verified = 0;

  constructor({ store, replayables, cacheBytesMax, differences }: PartOptions) {
    this.#store = store;
    this.#replayables = replayables;
    this.#shortEnds = new StreamEnds(cacheBytesMax * SHORT_STREAMS_SHARE);
    this.#longEnds = new StreamEnds(cacheBytesMax * (1 - SHORT_STREAMS_SHARE));
    this.#differences = differences;
  }

  get streams(): number {
    return this.#streams;
  }

  get decisions(): number {
    return this.#decisions;
  }

  /** Events that need no more work. */
  get verified(): number {
    return this.#verified;
  }

  /**
   * Returns a promise only if something has to be read again. Nearly every end is in memory, and awaiting nothing would
   * cost more than the comparison.
   */
  add(event: StoredEvent): Promise<void> | undefined {
    const end = this.#endsOf(event).get(event.stream) ?? this.#endElsewhere(event);
    if (end === undefined) return this.#endBefore(event).then((read) => this.#compare(event, read));
    this.#compare(event, end);
    return undefined;
  }

  /** Decides the postponed streams again. Yields the number of events after each page. */
  async *decidePostponed(until: Position): AsyncGenerator<number, void, undefined> {
    this.#shortEnds.clear();
    this.#longEnds.clear();
    for (const [stream, compareFrom] of this.#postponed) {
      const replayable = this.#replayables.get(categoryOf(stream));
      if (replayable === undefined) continue;
      const replay = new StreamReplay(replayable);
      for (let from = 0; ;) {
        const events = await this.#readStream(stream, { from, limit: PAGE_EVENTS }, (reason) =>
          this.#report({ stream, revision: from, position: until }, reason),
        );
        for (const event of events) {
          if (event.position > until) break;
          if (event.revision < compareFrom) replay.skip(event);
          else this.#compareDecision(replay, event);
        }
        yield events.length;
        const last = events.at(-1);
        if (last === undefined || last.position >= until || events.length < PAGE_EVENTS) break;
        from = last.revision + 1;
      }
    }
  }

  /** The cache that has the end of the event's stream, provided that the event has the expected revision. */
  #endsOf({ revision }: StoredEvent): StreamEnds {
    return revision > RELOADED_EVENTS_MAX ? this.#longEnds : this.#shortEnds;
  }

  /** The end of a stream that begins, has just become long, or has an unexpected revision. */
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

  /** The end of a stream just before an event, read from the store. */
  async #endBefore(event: StoredEvent): Promise<StreamEnd> {
    const { stream, revision, position } = event;
    const end = this.#begin(event);
    if (end.replay !== undefined && revision > RELOADED_EVENTS_MAX) this.#postponeFrom(event, end);
    const read = await this.#readStream(
      stream,
      end.replay === undefined ? { direction: 'backwards', from: revision - 1, limit: 1 } : { limit: revision },
      (reason) => this.#report(event, reason),
    );
    for (const before of read) {
      if (before.position >= position) break;
      end.replay?.skip(before);
      end.revision = before.revision;
      end.hash = before.hash;
    }
    return end;
  }

  /** Nothing of an incomplete stream, which is reported. */
  async #readStream(
    stream: string,
    options: ReadStreamOptions,
    report: (reason: string) => void,
  ): Promise<readonly StoredEvent[]> {
    try {
      return await this.#store.readStream(stream, options);
    } catch (error) {
      if (!(error instanceof IncompleteStream)) throw error;
      report(error.message);
      return [];
    }
  }

  #postponeFrom({ stream, revision }: StoredEvent, end: StreamEnd): void {
    if (!this.#postponed.has(stream)) this.#postponed.set(stream, revision);
    end.replay = undefined;
  }

  #compare(event: StoredEvent, end: StreamEnd): void {
    const { stream, revision, hash, dataText } = event;
    if (revision === 0) this.#streams += 1;
    const broken = chainDifference(event, end);
    if (broken !== undefined) this.#report(event, broken.reason);
    end.revision = broken?.revision ?? revision;
    end.hash = hash;
    if (!isPlainMetadata(event.metadataText) && !isCanonicalText(event.metadataText)) {
      this.#report(event, 'the metadata is not canonical JSON');
    }
    if (revision >= DECIDED_AT_ONCE_MAX && end.replay !== undefined) this.#postponeFrom(event, end);
    if (end.replay !== undefined) {
      const bytesBefore = end.replay.bytes;
      this.#compareDecision(end.replay, event);
      this.#endsOf(event).grow(end.replay.bytes - bytesBefore);
    } else if (!this.#postponed.has(stream)) {
      this.#verified += 1;
      if (!isCanonicalText(dataText)) this.#report(event, 'the data is not canonical JSON');
      const category = categoryOf(stream);
      if (!this.#replayables.has(category))
        this.#report(event, `this build knows no streams of the category ${category}, so it was not decided again`);
    }
  }

  #compareDecision(replay: StreamReplay, event: StoredEvent): void {
    if (!isPart(event) || isLastPart(event)) this.#decisions += 1;
    this.#verified += 1;
    const reason = replay.compare(event);
    if (reason !== undefined) this.#report(event, reason);
  }

  #report({ stream, revision, position }: Pick<StoredEvent, 'stream' | 'revision' | 'position'>, reason: string): void {
    this.#differences.add({ stream, revision, reason, position });
  }
}

/** Metadata of printable ASCII only, which is nearly all of it, is canonical by its form. */
const PLAIN_METADATA =
  /^\{(?:"actor":"[ !#-[\]-~]*",)?(?:"causationId":"[ !#-[\]-~]*",)?"correlationId":"[ !#-[\]-~]*"\}$/;

function isPlainMetadata(text: string): boolean {
  return PLAIN_METADATA.test(text);
}
