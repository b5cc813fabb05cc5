import { describe, expect, it } from '@jest/globals';

import { Simulation } from './simulation.js';

/** Three machines that count turns; the second one pauses in between. */
async function count(seed: number): Promise<{ readonly trace: string; readonly order: string }> {
  const simulation = new Simulation(seed);
  let order = '';
  for (const name of ['a', 'b', 'c']) {
    const machine = simulation.machine(name);
    void (async () => {
      for (let turn = 0; turn < 5; turn += 1) {
        await simulation.turn(machine, String(turn));
        order += name;
        if (name === 'b') await simulation.wait(machine, 10);
      }
    })();
  }
  while (await simulation.step());
  return { trace: simulation.traceHash, order };
}

describe('a simulation', () => {
  it('makes the same choices for the same seed', async () => {
    expect(await count(7)).toEqual(await count(7));
  });

  it('makes other choices for another seed', async () => {
    expect((await count(7)).order).not.toBe((await count(8)).order);
  });

  it('takes every turn once', async () => {
    expect([...(await count(7)).order].toSorted().join('')).toBe('aaaaabbbbbccccc');
  });

  it('moves the clock only while nothing else is pending', async () => {
    const simulation = new Simulation(1);
    const machine = simulation.machine('a');
    const seen: number[] = [];
    const begun = simulation.nowMs;
    void simulation.wait(machine, 50).then(() => seen.push(simulation.nowMs - begun));
    void simulation.turn(machine, 'now').then(() => seen.push(simulation.nowMs - begun));
    while (await simulation.step());
    expect(seen).toEqual([0, 50]);
  });

  it('never resumes a machine that was killed', async () => {
    const simulation = new Simulation(1);
    const machine = simulation.machine('a');
    let resumed = false;
    void simulation.turn(machine, 'x').then(() => (resumed = true));
    simulation.kill(machine);
    void simulation.turn(machine, 'y').then(() => (resumed = true));
    expect(await simulation.step()).toBe(false);
    expect(resumed).toBe(false);
  });

  it('ends a wait whose signal is aborted', async () => {
    const simulation = new Simulation(1);
    const stopping = new AbortController();
    let ended = false;
    void simulation.wait(simulation.machine('a'), 1000, stopping.signal).then(() => (ended = true));
    stopping.abort();
    await Promise.resolve();
    expect(ended).toBe(true);
    expect(await simulation.step()).toBe(false);
  });
});
