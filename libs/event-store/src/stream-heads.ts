/**
 * The newest event of each recently used stream: what a writer chains the next event to. Limited in number, with two
 * generations instead of a list of uses: entries used since the last switch are in the young one, and the old one is
 * dropped as a whole when the young one is full. A hit costs no bookkeeping.
 */
export class StreamHeads<Head> {
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
