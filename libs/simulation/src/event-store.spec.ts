import { afterEach } from '@jest/globals';
import { eventStoreContract } from '@tantieme/event-store/contract-suite';

import { SimulatedEventStore, SimulatedLog } from './event-store.js';
import { Simulation } from './simulation.js';

let isOver = false;

/** Takes turns as fast as they come. */
async function run(simulation: Simulation): Promise<void> {
  while (!isOver) if (!(await simulation.step())) await new Promise((resolve) => setTimeout(resolve, 1));
}

afterEach(() => {
  isOver = true;
});

eventStoreContract('the simulated event store', async () => {
  isOver = false;
  const simulation = new Simulation(1);
  const log = new SimulatedLog();
  void run(simulation);
  const open = (name: string): SimulatedEventStore =>
    new SimulatedEventStore(simulation, simulation.machine(name), log);
  return { store: open('one'), reopen: async () => open('other'), dispose: async () => undefined };
});
