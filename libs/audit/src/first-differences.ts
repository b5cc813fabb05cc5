import type { Position } from '@tantieme/event-store/event-store';

export interface Difference {
  /** '(log)' where no stream can be named. */
  readonly stream: string;
  /** −1 where no event can be named. */
  readonly revision: number;
  readonly reason: string;
}

/** A difference with the position of its event. */
export interface PlacedDifference extends Difference {
  readonly position: Position;
}

/** Counts all differences and keeps the first of them in the order of the log, in whatever order they are found. */
export class FirstDifferences {
  #kept: PlacedDifference[] = [];
  #count = 0;

  constructor(private readonly keptMax: number) {}

  get count(): number {
    return this.#count;
  }

  add(difference: PlacedDifference): void {
    this.#count += 1;
    this.#keep(difference);
  }

  /** Adds what others counted and kept. */
  addAll(count: number, kept: readonly PlacedDifference[]): void {
    this.#count += count;
    for (const difference of kept) this.#keep(difference);
  }

  /** In order of position; what was found at the same one in the order in which it was found. */
  list(): readonly PlacedDifference[] {
    this.#kept.sort(byPosition);
    this.#kept.length = Math.min(this.#kept.length, this.keptMax);
    return this.#kept;
  }

  #keep(difference: PlacedDifference): void {
    this.#kept.push(difference);
    if (this.#kept.length >= 2 * this.keptMax) this.list();
  }
}

function byPosition(left: PlacedDifference, right: PlacedDifference): -1 | 0 | 1 {
  return left.position < right.position ? -1 : left.position > right.position ? 1 : 0;
}
