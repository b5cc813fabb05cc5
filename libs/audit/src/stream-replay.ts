/** One stream, decided again event by event. */
import { canonicalJson } from '@tantieme/event-store/canonical-json';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import { firstDifference } from './first-difference.js';
import type { Replayable, ReplayedEvent } from './replayable.js';

export class StreamReplay {
  /** Bytes of the events so far: what the state takes in memory, roughly, where the decider cannot say. */
  #bytes = 0;
  #state: unknown;
  /** Revision whose event could not be applied: from there on nothing can be decided again. */
  #brokenAt: number | undefined;

  constructor(private readonly replayable: Replayable) {
    this.#state = replayable.initialState();
  }

  get bytes(): number {
    return this.replayable.sizeOf === undefined || this.#brokenAt !== undefined
      ? this.#bytes
      : this.replayable.sizeOf(this.#state);
  }

  /** Applies an event that was compared before. */
  skip(event: StoredEvent): void {
    this.#bytes += event.dataText.length;
    if (this.#brokenAt !== undefined) return;
    const read = this.#read(event);
    if (typeof read === 'string' || this.#evolve(read) !== undefined) this.#brokenAt = event.revision;
  }

  /** Decides the event again and applies it. Gives what is wrong with it, undefined where nothing is. */
  compare(event: StoredEvent): string | undefined {
    this.#bytes += event.dataText.length;
    if (this.#brokenAt !== undefined) return `not decided again: the state is unknown since revision ${this.#brokenAt}`;
    const read = this.#read(event);
    if (typeof read === 'string') {
      this.#brokenAt = event.revision;
      return read;
    }
    const difference = this.#decideAgain(event, read);
    const failure = this.#evolve(read);
    if (failure !== undefined) this.#brokenAt = event.revision;
    return difference ?? failure;
  }

  #read({ type, version, occurredAt, dataText }: StoredEvent): ReplayedEvent | string {
    try {
      const data: unknown = JSON.parse(dataText);
      if (typeof data !== 'object' || data === null) return 'the data is not an object';
      return this.replayable.upcast === undefined
        ? { type, version, occurredAt, data }
        : upcast(this.replayable.upcast, { type, version, occurredAt, data });
    } catch (error) {
      return `the data cannot be read: ${messageOf(error)}`;
    }
  }

  #decideAgain(event: StoredEvent, read: ReplayedEvent): string | undefined {
    try {
      const decided = this.replayable.decide(this.replayable.commandOf(read), this.#state);
      const [again] = decided;
      if (again === undefined || decided.length !== 1)
        return `decided again, there are ${decided.length} events, not one`;
      if (again.type !== read.type) return `decided again, the type is ${again.type}`;
      if (again.version !== read.version) return `decided again, the version is ${again.version}`;
      if (again.occurredAt !== read.occurredAt) return `decided again, it happened at ${again.occurredAt}`;
      const text = canonicalJson(again.data);
      if (text === event.dataText) return undefined;
      // An event of an older version is compared with what it says in the newest one.
      const expected = canonicalJson(read.data);
      if (text !== expected) return `decided again, ${firstDifference(read.data, again.data)}`;
      return read.version === event.version ? 'the stored text is not canonical' : undefined;
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

function upcast(steps: NonNullable<Replayable['upcast']>, event: ReplayedEvent): ReplayedEvent {
  const ofType = steps[event.type];
  let { version, data } = event;
  for (let step = ofType?.[version]; step !== undefined; step = ofType?.[version]) {
    data = step(data);
    version += 1;
  }
  return { ...event, version, data };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
