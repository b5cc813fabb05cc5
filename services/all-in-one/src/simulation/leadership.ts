/** Locks of the simulated world, by which machines elect the one that runs a process. */
import type { Leadership } from '@tantieme/event-sourcing/process/scheduler';

import type { Machine, Simulation } from '@tantieme/simulation/simulation';

/** What the lock server knows: the holder by name of the lock. */
export type SimulatedLocks = Map<string, Machine>;

export class SimulatedLeadership implements Leadership {
  constructor(
    private readonly simulation: Simulation,
    private readonly machine: Machine,
    private readonly locks: SimulatedLocks,
  ) {}

  async take(names: readonly string[]): Promise<readonly string[]> {
    const { simulation, machine, locks } = this;
    await simulation.turn(machine, 'elect');
    if (simulation.chance(simulation.faults.refused)) {
      this.release();
      throw new Error('the simulated lock server is unreachable');
    }
    const won = names.filter((name) => locks.get(name)?.isRunning !== true);
    for (const name of won) locks.set(name, machine);
    return won;
  }

  release(): void {
    for (const [name, holder] of this.locks) if (holder === this.machine) this.locks.delete(name);
  }
}
