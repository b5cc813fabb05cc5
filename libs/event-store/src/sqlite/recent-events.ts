/**
 * The newest events of the log as this connection appended them. Readers at the head of the log share these objects
 * instead of reading the file. Of what other connections appended in between, only the kinds are known.
 */
import { categoryOf, matchesFilter } from '../event-store.js';
import type { EventFilter, StoredEvent } from '../event-store.js';

/** Approximate bytes that an event takes besides its texts. */
const EVENT_BYTES = 500;

/** A text with the data that readers have parsed from it takes so many times its characters. */
const PARSED_FACTOR = 3;

export interface RecentPage {
  /** The matching events. */
  readonly events: readonly StoredEvent[];
  /** The position up to which the log was scanned. */
  readonly through: number;
}

export interface EventKind {
  readonly category: string;
  readonly type: string;
}

/** A stretch of the log that other connections wrote: after `from`, up to `to`. */
interface ForeignStretch {
  readonly from: number;
  readonly to: number;
  readonly kinds: readonly EventKind[];
}

export class RecentEvents {
  /** In log order; those before `#first` have been dropped, and are undefined. */
  #events: (StoredEvent | undefined)[] = [];
  #categories: string[] = [];
  #first = 0;
  #bytes = 0;
  #foreign: ForeignStretch[] = [];
  /** Everything after this position, up to `#through`, is held here or in a foreign stretch. */
  #after: number;
  #through: number;

  /** @param position the end of the log: only later events are held. */
  constructor(
    private readonly bytesMax: number,
    position: number,
  ) {
    this.#after = position;
    this.#through = position;
  }

  /** Drops everything, and starts again at a position. */
  clear(position: number): void {
    this.#events = [];
    this.#categories = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#foreign = [];
    this.#after = position;
    this.#through = position;
  }

  /** @param events the next events of the log, in order. */
  add(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#categories.push(categoryOf(event.stream));
      this.#bytes += bytesOf(event);
    }
    this.#through += events.length;
    while (this.#bytes > this.bytesMax) {
      const dropped = this.#events[this.#first];
      if (dropped === undefined) break;
      this.#bytes -= bytesOf(dropped);
      this.#events[this.#first] = undefined;
      this.#first += 1;
      this.#after = Number(dropped.position);
    }
    this.#compact();
  }

  /** Other connections appended events of these kinds, up to a position. */
  addForeign(to: number, kinds: readonly EventKind[]): void {
    this.#foreign.push({ from: this.#through, to, kinds });
    this.#through = to;
    if (this.#first === this.#events.length) {
      // No earlier event is held.
      this.#foreign = [];
      this.#after = to;
    }
  }

  /** @returns undefined if the events after the position are not held: read them from the file. */
  after(position: number, filter: EventFilter | undefined, limit: number): RecentPage | undefined {
    if (position < this.#after || position > this.#through) return undefined;
    const barrier = this.#foreign.find(
      ({ to, kinds }) => to > position && kinds.some(({ category, type }) => matchesFilter(filter, category, type)),
    );
    const until = barrier?.from ?? this.#through;
    if (barrier !== undefined && until <= position) return undefined;
    const events: StoredEvent[] = [];
    for (let index = this.#indexAfter(position); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      const category = this.#categories[index];
      if (event === undefined || category === undefined || Number(event.position) > until) break;
      if (!matchesFilter(filter, category, event.type)) continue;
      events.push(event);
      if (events.length === limit) return { events, through: Number(event.position) };
    }
    return { events, through: until };
  }

  /** Binary search for the first event after a position. */
  #indexAfter(position: number): number {
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Number(this.#events[middle]?.position ?? 0n) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Removes the places of dropped events, but not one by one: moving the others to the front costs more than it frees. */
  #compact(): void {
    if (this.#first < 1000 && this.#first < this.#events.length) return;
    this.#events = this.#events.slice(this.#first);
    this.#categories = this.#categories.slice(this.#first);
    this.#first = 0;
    this.#foreign = this.#foreign.filter(({ to }) => to > this.#after);
  }
}

/** Counts characters as bytes: nearly all take one byte. */
function bytesOf({ dataText, metadataText }: StoredEvent): number {
  return PARSED_FACTOR * dataText.length + metadataText.length + EVENT_BYTES;
}
