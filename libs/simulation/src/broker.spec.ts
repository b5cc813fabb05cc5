import { brokerContract } from '@tantieme/messaging/contract-suite';

import { SimulatedBroker, SimulatedTopics } from './broker.js';
import { Simulation } from './simulation.js';

brokerContract('the simulated broker', async () => {
  const simulation = new Simulation(1);
  const topics = new SimulatedTopics(4);
  let opened = 0;
  let isOver = false;
  void (async () => {
    while (!isOver) if (!(await simulation.step())) await new Promise((resolve) => setTimeout(resolve, 1));
  })();
  return {
    open: async () => new SimulatedBroker(simulation, simulation.machine(`server-${(opened += 1)}`), topics),
    destroy: async () => {
      isOver = true;
    },
  };
});
