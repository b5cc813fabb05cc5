import type { Position } from '@tantieme/event-store/event-store';

export interface Difference {
  /** '(log)' if no stream can be named. */
  readonly stream: string;
  /** −1 if no event can be named. */
  readonly revision: number;
  readonly reason: string;
}

/** A difference with the position of its event. */
export interface PlacedDifference extends Difference {
  readonly position: Position;
}

/**
 * Counts all differences and stores the first ones in the order of the log, whatever the order in which they are found.
 */
export class FirstDifferences {
  #first: PlacedDifference[] = [];
  #count = 0;

  constructor(private readonly listedMax: number) {}

  get count(): number {
    return this.#count;
  }

  add(difference: PlacedDifference): void {
    this.#count += 1;
    this.#store(difference);
  }

  /** Adds the count and the first differences of another share. */
  addAll(count: number, first: readonly PlacedDifference[]): void {
    this.#count += count;
    for (const difference of first) this.#store(difference);
  }

  /** In order of position, and in the order of finding for the same position. */
  list(): readonly PlacedDifference[] {
    this.#first.sort(byPosition);
    this.#first.length = Math.min(this.#first.length, this.listedMax);
    return this.#first;
  }

  #store(difference: PlacedDifference): void {
    this.#first.push(difference);
    if (this.#first.length >= 2 * this.listedMax) this.list();
  }
}

function byPosition(left: PlacedDifference, right: PlacedDifference): -1 | 0 | 1 {
  return left.position < right.position ? -1 : left.position > right.position ? 1 : 0;
}
