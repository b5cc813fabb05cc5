import type { EventStore, Position } from '@tantieme/event-store/event-store';

import type { StepContext } from './process.js';

/** What an open step waits for, remembered from one call to the next: a restart waits again, for a later position. */
export class Waits {
  private readonly goals = new Map<string, Position | 'reached'>();

  constructor(private readonly store: EventStore) {}

  /**
   * True once each of the processes, one after the other, has handled the log as it was when its turn came.
   * @param place what waits, and at which of its steps: `monthly@Europe/Paris sealed`
   */
  async reached(place: string, processes: readonly string[], context: StepContext): Promise<boolean> {
    for (const [turn, name] of processes.entries()) {
      const key = `${place} ${turn}`;
      let goal = this.goals.get(key);
      if (goal === 'reached') continue;
      if (goal === undefined) this.goals.set(key, (goal = await this.store.head()));
      if (!(await context.hasReached(name, goal))) return false;
      this.goals.set(key, 'reached');
    }
    return true;
  }

  /** Forgets the places that begin so, when what waited is done. */
  forget(place: string): void {
    for (const key of this.goals.keys()) if (key.startsWith(place)) this.goals.delete(key);
  }
}
