/**
 * A set of names at a few bytes each: it stores 32-bit hashes (FNV-1a) with open addressing. `has` may return true for
 * a name that was never added, so a false positive must only cost time. Partial states use it to remember what was
 * evicted from them.
 */
export class NameSet {
  /** 0 marks an empty place. */
  private places = new Uint32Array(64);
  private used = 0;

  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.places.byteLength;
  }

  add(name: string): void {
    if (this.used * 2 >= this.places.length) this.grow();
    this.put(hashOf(name));
  }

  has(name: string): boolean {
    const hash = hashOf(name);
    return this.places[this.placeOf(hash)] === hash;
  }

  private put(hash: number): void {
    const place = this.placeOf(hash);
    if (this.places[place] === hash) return;
    this.places[place] = hash;
    this.used += 1;
  }

  /** The place of the hash, or the empty place where it would go. At most half of the places are used. */
  private placeOf(hash: number): number {
    const mask = this.places.length - 1;
    let place = hash & mask;
    for (let found = this.places[place]; found !== 0 && found !== hash; found = this.places[place])
      place = (place + 1) & mask;
    return place;
  }

  private grow(): void {
    const before = this.places;
    this.places = new Uint32Array(before.length * 2);
    this.used = 0;
    for (const hash of before) if (hash !== 0) this.put(hash);
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  // The low bits choose the place, so they must depend on the whole text.
  hash ^= hash >>> 15;
  return hash >>> 0 || 1;
}
