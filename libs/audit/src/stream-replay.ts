/** Decides one stream again, event by event. */
import { canonicalJson, isCanonicalText } from '@tantieme/event-store/canonical-json';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { eventOfRun, isLastPart, isPart, isRunOf } from '@tantieme/event-store/run';
import { firstDifference } from './first-difference.js';
import type { Replayable, ReplayedEvent } from './replayable.js';
import { isSameJson } from './same-json.js';

/** Memory of parsed JSON for each character of its text. */
const BYTES_PER_CHARACTER = 2;

export class StreamReplay {
  /** Estimated memory of the state: the decider's own estimate, or the text of its events as objects. */
  #bytes = 0;
  /** The part of it added since the decider's last estimate. From a quarter on, the decider estimates again. */
  #bytesSinceEstimate = 0;
  #state: unknown;
  /** Revision of an event that could not be applied: nothing after it can be decided again. */
  #brokenAt: number | undefined;
  /** Parts of a run, until its last part arrives. */
  #parts: StoredEvent[] = [];

  constructor(private readonly replayable: Replayable) {
    this.#state = replayable.initialState();
  }

  /** Applies an event that was compared earlier. */
  skip(stored: StoredEvent): void {
    const { event } = this.#whole(stored);
    if (event === undefined) return;
    this.#grow(event);
    if (this.#brokenAt !== undefined) return;
    const read = this.#read(event);
    if (typeof read === 'string' || this.#evolve(read) !== undefined) this.#brokenAt = event.revision;
  }

  /**
   * Decides the event again and applies it; a run, when its last part arrives. Returns what is wrong with it, undefined
   * if nothing is.
   */
  compare(stored: StoredEvent): string | undefined {
    const { event, difference: broken } = this.#whole(stored);
    if (event === undefined) return broken;
    this.#grow(event);
    if (this.#brokenAt !== undefined) return `not decided again: the state is unknown since revision ${this.#brokenAt}`;
    const read = this.#read(event);
    if (typeof read === 'string') {
      this.#brokenAt = event.revision;
      return read;
    }
    const difference = this.#decideAgain(event, read);
    const failure = this.#evolve(read);
    if (failure !== undefined) this.#brokenAt = event.revision;
    return broken ?? difference ?? failure;
  }

  /** The event as one, if it is complete. A run that the end of the stream cuts off is no difference. */
  #whole(stored: StoredEvent): { readonly event?: StoredEvent; readonly difference?: string } {
    if (!isPart(stored) && this.#parts.length === 0) return { event: stored };
    const parts = [...this.#parts, stored];
    this.#parts = [];
    try {
      if (!isPart(stored)) return { event: stored, difference: 'an event stands between the parts of a run' };
      if (!isLastPart(stored)) {
        this.#parts = parts;
        return {};
      }
      const event = eventOfRun(parts);
      return {
        event,
        ...(!isRunOf(event, parts) && { difference: 'the parts of the run are not those of its event' }),
      };
    } catch (error) {
      this.#brokenAt ??= stored.revision;
      return { difference: `the run cannot be read: ${messageOf(error)}` };
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  #grow({ dataText }: StoredEvent): void {
    const grown = BYTES_PER_CHARACTER * dataText.length;
    this.#bytes += grown;
    this.#bytesSinceEstimate += grown;
    if (this.replayable.sizeOf === undefined || this.#bytesSinceEstimate * 4 < this.#bytes) return;
    this.#bytesSinceEstimate = 0;
    this.#bytes = this.#brokenAt === undefined ? this.replayable.sizeOf(this.#state) + grown : 0;
  }

  #read(event: StoredEvent): ReplayedEvent | string {
    try {
      return this.replayable.read(event);
    } catch (error) {
      return `cannot be read: ${messageOf(error)}`;
    }
  }

  #decideAgain(event: StoredEvent, read: ReplayedEvent): string | undefined {
    try {
      const decided = this.replayable.decide(this.replayable.commandOf(read), this.#state);
      const [again] = decided;
      if (again === undefined || decided.length !== 1)
        return `decided again, there are ${decided.length} events instead of one`;
      if (again.type !== read.type) return `decided again, the type is ${again.type}`;
      if (again.version !== read.version) return `decided again, the version is ${again.version}`;
      if (again.occurredAt !== read.occurredAt) return `decided again, it occurred at ${again.occurredAt}`;
      // The decider passes parts of its input on as the same objects, so comparing values is faster than comparing
      // texts.
      if (!isSameJson(again.data, read.data)) {
        const text = canonicalJson(again.data);
        if (text !== canonicalJson(read.data)) return `decided again, ${firstDifference(read.data, again.data)}`;
      }
      const parsed = read.version === event.version ? read.data : undefined;
      return isCanonicalText(event.dataText, parsed) ? undefined : 'the stored text is not canonical';
    } catch (error) {
      return `cannot be decided again: ${messageOf(error)}`;
    }
  }

  #evolve(event: ReplayedEvent): string | undefined {
    try {
      this.#state = this.replayable.evolve(this.#state, event);
      return undefined;
    } catch (error) {
      return `cannot be applied: ${messageOf(error)}`;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
