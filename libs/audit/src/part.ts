/**
 * A part of a log's streams, verified: every event hashed again and held against its predecessor, every decision decided again.
 *
 * It is told of its events in the global order, and works in bounded memory: ends of streams and states are kept in caches. A long
 * stream, and one whose state did not stay in memory, is put aside and decided again on its own at the end, so that the work stays
 * linear.
 */
import { isCanonicalText } from '@tantieme/event-store/canonical-json';
import { FIRST_PREDECESSOR } from '@tantieme/event-store/chain';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { EventStore, Position, StoredEvent } from '@tantieme/event-store/event-store';
import { chainDifference } from './chain-check.js';
import type { FirstDifferences } from './first-differences.js';
import type { Replayable } from './replayable.js';
import { StreamEnds } from './stream-ends.js';
import type { StreamEnd } from './stream-ends.js';
import { StreamReplay } from './stream-replay.js';

/** Events of a stream read at a time. */
const PAGE_EVENTS = 1_000;
/** A stream of up to so many events is read again where its state is gone; a longer one is put aside to the end. */
const RELOADED_EVENTS_MAX = 3;
/** A stream of more events is put aside at once: to read it again costs little beside deciding it, and its state may take much memory. */
const DECIDED_ON_THE_WAY_MAX = 16;
/** Short streams are many and quickly read again: they get this part of the cache, and never drive out a long one. */
const PART_OF_SHORT_STREAMS = 1 / 4;

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
  /** Long streams: the revision from which they still have to be decided again. */
  readonly #putAside = new Map<string, number>();
  readonly #differences: FirstDifferences;
  #streams = 0;
  #decisions = 0;
  #verified = 0;

  constructor({ store, replayables, cacheBytesMax, differences }: PartOptions) {
    this.#store = store;
    this.#replayables = replayables;
    this.#shortEnds = new StreamEnds(cacheBytesMax * PART_OF_SHORT_STREAMS);
    this.#longEnds = new StreamEnds(cacheBytesMax * (1 - PART_OF_SHORT_STREAMS));
    this.#differences = differences;
  }

  get streams(): number {
    return this.#streams;
  }

  get decisions(): number {
    return this.#decisions;
  }

  /** Events that need nothing more. */
  get verified(): number {
    return this.#verified;
  }

  /** A promise only where something has to be read again: nearly every end is at hand, and waiting for nothing would cost more than comparing. */
  take(event: StoredEvent): Promise<void> | undefined {
    const end = this.#endsOf(event).get(event.stream) ?? this.#endElsewhere(event);
    if (end === undefined) return this.#endBefore(event).then((read) => this.#compare(event, read));
    this.#compare(event, end);
    return undefined;
  }

  /** Decides the streams that were put aside; gives control back after each page, with the number of its events. */
  async *decideThosePutAside(until: Position): AsyncGenerator<number, void, undefined> {
    this.#shortEnds.clear();
    this.#longEnds.clear();
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
        yield events.length;
        const last = events.at(-1);
        if (last === undefined || last.position >= until || events.length < PAGE_EVENTS) break;
        from = last.revision + 1;
      }
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
    const read =
      end.replay === undefined
        ? await this.#store.readStream(stream, { direction: 'backwards', from: revision - 1, limit: 1 })
        : await this.#store.readStream(stream, { limit: revision });
    for (const before of read) {
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
    if (revision >= DECIDED_ON_THE_WAY_MAX && end.replay !== undefined) this.#putAsideFrom(event, end);
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
