/**
 * The newest events of the log, as this connection appended them: whoever follows the log at its head reads each event from here, all the
 * same object, and not each from the file. Of what other connections appended in between, only the kinds are known.
 */
import { categoryOf } from '../event-store.js';
import type { EventFilter, StoredEvent } from '../event-store.js';

/** What an event takes beside its texts, in bytes, roughly. */
const EVENT_BYTES = 500;

/** What a reader gets: matching events, and the position up to which the log was looked through. */
export interface RecentPage {
  readonly events: readonly StoredEvent[];
  readonly through: number;
}

/** What events of one kind have in common. */
export interface EventKind {
  readonly category: string;
  readonly type: string;
}

/** A stretch of the log that others wrote: after `from` and up to `to`. */
interface Foreign {
  readonly from: number;
  readonly to: number;
  readonly kinds: readonly EventKind[];
}

export class RecentEvents {
  /** In the order of the log; those before `#first` are dropped already. */
  #events: StoredEvent[] = [];
  #categories: string[] = [];
  #first = 0;
  #bytes = 0;
  #foreign: Foreign[] = [];
  /** What came after this position, and up to `#through`, is held or known to be of others. */
  #after: number;
  #through: number;

  /** @param position where the log ends: what comes after it may be told. */
  constructor(
    private readonly bytesMax: number,
    position: number,
  ) {
    this.#after = position;
    this.#through = position;
  }

  /** Forgets everything up to a position. */
  clear(position: number): void {
    this.#events = [];
    this.#categories = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#foreign = [];
    this.#after = position;
    this.#through = position;
  }

  /** @param events what follows the newest that is known, in the order of the log. */
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
      this.#first += 1;
      this.#after = Number(dropped.position);
    }
    this.#forgetDropped();
  }

  /** Others appended up to a position, events of these kinds. */
  addForeign(to: number, kinds: readonly EventKind[]): void {
    this.#foreign.push({ from: this.#through, to, kinds });
    this.#through = to;
    if (this.#first === this.#events.length) {
      // There is nothing of before that anybody could read here.
      this.#foreign = [];
      this.#after = to;
    }
  }

  /** @returns undefined where the log after the position is not held: it has to be read. */
  after(position: number, filter: EventFilter | undefined, limit: number): RecentPage | undefined {
    if (position < this.#after || position > this.#through) return undefined;
    const barrier = this.#foreign.find(
      ({ to, kinds }) => to > position && kinds.some(({ category, type }) => isWanted(category, type, filter)),
    );
    const until = barrier?.from ?? this.#through;
    if (barrier !== undefined && until <= position) return undefined;
    const events: StoredEvent[] = [];
    for (let index = this.#indexAfter(position); index < this.#events.length; index += 1) {
      const event = this.#events[index];
      const category = this.#categories[index];
      if (event === undefined || category === undefined || Number(event.position) > until) break;
      if (!isWanted(category, event.type, filter)) continue;
      events.push(event);
      if (events.length === limit) return { events, through: Number(event.position) };
    }
    return { events, through: until };
  }

  /** Of the first event after a position, by halving. */
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

  /** Not at every event: moving the rest to the front costs more than it frees. */
  #forgetDropped(): void {
    if (this.#first < 1000 && this.#first < this.#events.length) return;
    this.#events = this.#events.slice(this.#first);
    this.#categories = this.#categories.slice(this.#first);
    this.#first = 0;
    this.#foreign = this.#foreign.filter(({ to }) => to > this.#after);
  }
}

function isWanted(category: string, type: string, filter: EventFilter | undefined): boolean {
  return (filter?.categories?.includes(category) ?? true) && (filter?.types?.includes(type) ?? true);
}

/** Characters for bytes: nearly all are of one byte. */
function bytesOf({ dataText, metadataText }: StoredEvent): number {
  return dataText.length + metadataText.length + EVENT_BYTES;
}
