import type { StreamReplay } from './stream-replay.js';

/** Where a stream stands while the log is read. */
export interface StreamEnd {
  revision: number;
  hash: string;
  /** Undefined for streams that nobody decides, and where the state was dropped. */
  replay: StreamReplay | undefined;
}

/** What an end takes in memory besides its state: entry, name, hash, objects. */
const END_BYTES = 500;

/**
 * The ends of the streams met last, limited in bytes. Two generations instead of a list of uses: what was used since the last turn
 * is in the young one; when that has half of the bytes, the old one is dropped whole. No bookkeeping on a hit.
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

  /** Says that a state in here has grown. */
  grow(bytes: number): void {
    this.#youngBytes += bytes;
    if (this.#youngBytes * 2 < this.bytesMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}
