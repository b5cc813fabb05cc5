import type { StreamReplay } from './stream-replay.js';

/** The end of a stream in the part of the log read so far. */
export interface StreamEnd {
  revision: number;
  hash: string;
  /** Undefined for streams without a decider, and when the state was dropped. */
  replay: StreamReplay | undefined;
}

/** Memory of an end besides its state: entry, name, hash, objects. */
const END_BYTES = 500;

/**
 * The ends of the most recently read streams, limited in bytes. Instead of a list of uses there are two generations:
 * ends used recently are in the young one. When the young one has half of the bytes, the old one is dropped and
 * replaced by it. A hit needs no bookkeeping.
 */
export class StreamEnds {
  #young = new Map<string, StreamEnd>();
  #old = new Map<string, StreamEnd>();
  #youngBytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(stream: string): StreamEnd | undefined {
    const young = this.#young.get(stream);
    if (young !== undefined) return young;
    const old = this.#old.get(stream);
    if (old !== undefined) this.set(stream, old);
    return old;
  }

  set(stream: string, end: StreamEnd): void {
    this.#young.set(stream, end);
    this.grow(END_BYTES + (end.replay?.bytes ?? 0));
  }

  delete(stream: string): void {
    this.#young.delete(stream);
    this.#old.delete(stream);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
  }

  /** Records that a state in this cache has grown. */
  grow(bytes: number): void {
    this.#youngBytes += bytes;
    if (this.#youngBytes * 2 < this.bytesMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}
