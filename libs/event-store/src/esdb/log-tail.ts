/**
 * The tail of the log in memory: all events after a certain position. Readers at the end of the log share these
 * objects.
 */
import { categoryOf, matchesFilter } from '../event-store.js';
import type { EventFilter, Page, Position, StoredEvent } from '../event-store.js';

/** Approximate bytes that an event takes besides its texts. */
const EVENT_BYTES = 500;

export class LogTail {
  #events: StoredEvent[] = [];
  /** Events before this index have been dropped. */
  #first = 0;
  #bytes = 0;

  /** @param from all events after this position are held. */
  constructor(
    private from: Position,
    private readonly bytesMax: number,
  ) {}

  /** Position of the newest event, or the position after which there is none. */
  get through(): Position {
    return this.#events.at(-1)?.position ?? this.from;
  }

  add(event: StoredEvent): void {
    this.#events.push(event);
    this.#bytes += bytesOf(event);
    while (this.#bytes > this.bytesMax) {
      const dropped = this.#events[this.#first];
      if (dropped === undefined) break;
      this.#bytes -= bytesOf(dropped);
      this.from = dropped.position;
      this.#first += 1;
    }
    this.#compact();
  }

  /** @returns undefined if some events after the position are not held. */
  after(position: Position, filter: EventFilter | undefined, limit: number): Omit<Page, 'end'> | undefined {
    if (position < this.from) return undefined;
    const events: StoredEvent[] = [];
    for (let index = this.#indexAfter(position); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      if (event === undefined || !matchesFilter(filter, categoryOf(event.stream), event.type)) continue;
      events.push(event);
      if (events.length === limit) return { events, through: event.position };
    }
    return { events, through: position > this.through ? position : this.through };
  }

  /** Binary search for the first event after a position. */
  #indexAfter(position: Position): number {
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.position ?? 0n) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Frees dropped entries, but not one by one: moving the others to the front costs more than it frees. */
  #compact(): void {
    if (this.#first < 1000 && this.#first < this.#events.length) return;
    // After an event larger than the limit, nothing is left.
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }
}

/** Counts characters as bytes: nearly all take one byte. */
function bytesOf({ dataText, metadataText }: StoredEvent): number {
  return dataText.length + metadataText.length + EVENT_BYTES;
}
