/** The newest event of a stream, as a writer needs it: what the next one is chained to. */
export interface StreamHead {
  /** The stream's integer key. */
  readonly key: number;
  readonly revision: number;
  readonly hash: string;
}

/**
 * Heads of the streams written or loaded last, limited in number. Two generations instead of a list of uses: what was used since
 * the last turn is in the young one, the old one is dropped whole when the young one is full. No bookkeeping on a hit.
 */
export class StreamHeads<Head = StreamHead> {
  #young = new Map<string, Head>();
  #old = new Map<string, Head>();

  constructor(private readonly headsMax: number) {}

  get(stream: string): Head | undefined {
    const young = this.#young.get(stream);
    if (young !== undefined) return young;
    const old = this.#old.get(stream);
    if (old !== undefined) this.set(stream, old);
    return old;
  }

  set(stream: string, head: Head): void {
    if (this.#young.size >= this.headsMax / 2 && !this.#young.has(stream)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(stream, head);
  }

  delete(stream: string): void {
    this.#young.delete(stream);
    this.#old.delete(stream);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
