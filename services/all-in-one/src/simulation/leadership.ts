/** Locks of the simulated world, by which machines elect the one that runs a process. */
import type { Leadership } from '@tantieme/event-sourcing/process/scheduler';

import type { Machine, Simulation } from '@tantieme/simulation/simulation';

/** What the lock server knows: the holder by name of the lock. */
export type SimulatedLocks = Map<string, Machine>;

export class SimulatedLeadership implements Leadership {
  private readonly held = new Set<string>();

  constructor(
    private readonly simulation: Simulation,
    private readonly machine: Machine,
    private readonly locks: SimulatedLocks,
  ) {}

  async take(names: readonly string[]): Promise<readonly string[]> {
    const { simulation, machine, locks, held } = this;
    await simulation.turn(machine, 'elect');
    if (simulation.suffers('refused') || [...held].some((name) => locks.get(name) !== machine)) {
      this.release();
      throw new Error('the simulated lock server has lost the connection');
    }
    const won = names.filter((name) => locks.get(name)?.isRunning !== true);
    for (const name of won) {
      locks.set(name, machine);
      held.add(name);
    }
    return won;
  }

  release(): void {
    for (const name of this.held) if (this.locks.get(name) === this.machine) this.locks.delete(name);
    this.held.clear();
  }
}
