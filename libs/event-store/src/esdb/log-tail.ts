/**
 * The end of the log in memory: the newest events, and from which position on they are all there. Whoever follows the
 * log at its end reads each event from here, all the same object.
 */
import { categoryOf } from '../event-store.js';
import type { EventFilter, Page, Position, StoredEvent } from '../event-store.js';

/** What an event takes beside its texts, in bytes, roughly. */
const EVENT_BYTES = 500;

export function isWanted(event: StoredEvent, filter: EventFilter | undefined): boolean {
  return (
    (filter?.categories?.includes(categoryOf(event.stream)) ?? true) && (filter?.types?.includes(event.type) ?? true)
  );
}

export class LogTail {
  #events: StoredEvent[] = [];
  /** Those before it are dropped already. */
  #first = 0;
  #bytes = 0;

  /** @param from all events after it are held. */
  constructor(
    private from: Position,
    private readonly bytesMax: number,
  ) {}

  /** Position of the newest event, or the one from which on there is none. */
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
    this.#forgetDropped();
  }

  /** @returns undefined where not all that comes after the position is held. */
  after(position: Position, filter: EventFilter | undefined, limit: number): Omit<Page, 'end'> | undefined {
    if (position < this.from) return undefined;
    const events: StoredEvent[] = [];
    for (let index = this.#indexAfter(position); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      if (event === undefined || !isWanted(event, filter)) continue;
      events.push(event);
      if (events.length === limit) return { events, through: event.position };
    }
    return { events, through: position > this.through ? position : this.through };
  }

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

  /** Not at every event: moving the rest to the front costs more than it frees. */
  #forgetDropped(): void {
    if (this.#first < 1000 && this.#first < this.#events.length) return;
    // One that is larger than all that may be held: the tail is empty, and begins after it.
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }
}

/** Characters for bytes: nearly all are of one byte. */
function bytesOf({ dataText, metadataText }: StoredEvent): number {
  return dataText.length + metadataText.length + EVENT_BYTES;
}
