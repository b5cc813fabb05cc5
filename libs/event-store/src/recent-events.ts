/**
 * The newest events of the log, as this process appended them: whoever follows the log at its head reads each event from here, all the
 * same object, and not each from the file. True only as long as nobody else writes to the file: its owner clears it then.
 */
import { categoryOf } from './event-store.js';
import type { EventFilter, StoredEvent } from './event-store.js';

/** What an event takes beside its texts, in bytes, roughly. */
const EVENT_BYTES = 500;

/** What a reader gets: matching events, and the position up to which the log was looked through. */
export interface RecentPage {
  readonly events: readonly StoredEvent[];
  readonly through: number;
}

export class RecentEvents {
  /** Without gaps in their positions; those before `#first` are dropped already. */
  #events: StoredEvent[] = [];
  #categories: string[] = [];
  #first = 0;
  #bytes = 0;

  constructor(private readonly bytesMax: number) {}

  clear(): void {
    this.#events = [];
    this.#categories = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  /** @param events what follows the newest that is held, in the order of the log. */
  add(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#categories.push(categoryOf(event.stream));
      this.#bytes += bytesOf(event);
    }
    while (this.#bytes > this.bytesMax) {
      const dropped = this.#events[this.#first];
      if (dropped === undefined) break;
      this.#bytes -= bytesOf(dropped);
      this.#first += 1;
    }
    this.#forgetDropped();
  }

  /** @returns undefined where the log after the position is not held whole. */
  after(position: number, filter: EventFilter | undefined, limit: number): RecentPage | undefined {
    const oldest = this.#events[this.#first];
    const newest = this.#events.at(-1);
    if (oldest === undefined || newest === undefined) return undefined;
    const from = position + 1 - Number(oldest.position);
    if (from < 0) return undefined;
    const events: StoredEvent[] = [];
    for (let index = this.#first + from; index < this.#events.length; index += 1) {
      const event = this.#events[index];
      const category = this.#categories[index];
      if (event === undefined || category === undefined || !isWanted(event, category, filter)) continue;
      events.push(event);
      if (events.length === limit) return { events, through: Number(event.position) };
    }
    return { events, through: Math.max(position, Number(newest.position)) };
  }

  /** Not at every event: moving the rest to the front costs more than it frees. */
  #forgetDropped(): void {
    if (this.#first < 1000 && this.#first < this.#events.length) return;
    this.#events = this.#events.slice(this.#first);
    this.#categories = this.#categories.slice(this.#first);
    this.#first = 0;
  }
}

function isWanted(event: StoredEvent, category: string, filter: EventFilter | undefined): boolean {
  return (filter?.categories?.includes(category) ?? true) && (filter?.types?.includes(event.type) ?? true);
}

/** Characters for bytes: nearly all are of one byte. */
function bytesOf({ dataText, metadataText }: StoredEvent): number {
  return dataText.length + metadataText.length + EVENT_BYTES;
}
