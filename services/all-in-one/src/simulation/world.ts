/**
 * The real services over a simulated store, broker, database and clock: servers fail, die, freeze and come back while
 * facts, closings and approvals arrive; then the faults end, and everything must come to the statements of a run without
 * faults.
 */
import type { INestApplicationContext } from '@nestjs/common';
import { Background } from '@tantieme/service-kit/background/background';
import { NO_FAULTS, Simulation } from '@tantieme/simulation/simulation';
import type { Faults, Machine } from '@tantieme/simulation/simulation';
import { install } from '@sinonjs/fake-timers';

import { Client } from './client.js';
import { Invariants } from './invariants.js';
import { Disks, startMachine } from './machine.js';
import type { Messaging } from './machine.js';

const FAULTS: Faults = { refused: 0.02, lostAnswer: 0.02, repeated: 0.03 };

/** Shares of the turns after which the world does something to a server. */
const KILLED_SHARE = 0.0008;
const FROZEN_SHARE = 0.0008;
const JOINED_SHARE = 0.001;

/** Turns for which a server is frozen, at most. */
const FROZEN_STEPS_MAX = 400;

/** Servers at the same time. */
const SERVERS_MAX = 2;

/** Turns with faults; after them the world is quiet, and has to finish. */
const FAULTY_STEPS_MAX = 6_000;

/** A world that has not finished by then never will. */
const STEPS_MAX = 100_000;

export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly traceHash: string;
  readonly violations: readonly string[];
  /** The canonical statements of all periods. */
  readonly statements: string;
}

interface Server {
  readonly machine: Machine;
  /** Absent while it starts. */
  application?: INestApplicationContext;
}

/** @param expected statements of a run without faults */
export async function simulate(
  seed: number,
  messaging: Messaging,
  withFaults: boolean,
  expected?: string,
): Promise<Outcome> {
  const clock = install({ toFake: ['Date'] });
  const world = new World(new Simulation(seed), messaging, (nowMs) => clock.setSystemTime(nowMs));
  try {
    return await world.run(withFaults, expected);
  } finally {
    world.end();
    clock.uninstall();
  }
}

class World {
  private readonly disks = new Disks();
  private readonly invariants = new Invariants(this.disks.log);
  private readonly violations: string[] = [];
  private servers: Server[] = [];
  private started = 0;

  constructor(
    private readonly simulation: Simulation,
    private readonly messaging: Messaging,
    private readonly setTime: (nowMs: number) => void,
  ) {}

  async run(withFaults: boolean, expected: string | undefined): Promise<Outcome> {
    const { simulation, violations } = this;
    if (withFaults) simulation.faults = FAULTS;
    this.startServer();
    const client = new Client(simulation, () => this.anyServer());
    let statements: string | undefined;
    let failure: Error | undefined;
    const finished = (async () => {
      await client.play();
      await this.drained();
      statements = await client.statements();
    })().catch((error: unknown) => (failure = error instanceof Error ? error : new Error('the client failed')));
    while (statements === undefined && failure === undefined && violations.length === 0) {
      if (simulation.steps > STEPS_MAX) violations.push(`not finished after ${STEPS_MAX} steps: ${this.unfinished()}`);
      else await this.step();
    }
    if (violations.length === 0) await finished;
    if (failure !== undefined) violations.push(failure.message);
    if (violations.length === 0) violations.push(...this.invariants.atTheEnd());
    if (violations.length === 0 && expected !== undefined && statements !== expected)
      violations.push('the statements differ from those of a run without faults');
    const { seed, steps, traceHash } = simulation;
    return { seed, steps, traceHash, violations, statements: statements ?? '' };
  }

  end(): void {
    for (const { machine } of this.servers) this.simulation.kill(machine);
    this.disks.remove();
  }

  private async step(): Promise<void> {
    const { simulation } = this;
    this.setTime(simulation.nowMs);
    if (simulation.steps >= FAULTY_STEPS_MAX) simulation.faults = NO_FAULTS;
    if (simulation.faults !== NO_FAULTS) this.strike();
    if (this.servers.length === 0) this.startServer();
    if (!(await simulation.step())) this.violations.push(`nothing can happen any more: ${this.unfinished()}`);
    this.violations.push(...this.invariants.afterStep());
  }

  /** What happens to servers. */
  private strike(): void {
    const { simulation, servers } = this;
    const victim = servers[simulation.pick(Math.max(1, servers.length))];
    if (victim !== undefined && simulation.chance(KILLED_SHARE)) {
      simulation.kill(victim.machine);
      this.disks.disconnect(victim.machine);
      this.servers = servers.filter((server) => server !== victim);
    } else if (victim !== undefined && simulation.chance(FROZEN_SHARE))
      simulation.freeze(victim.machine, simulation.pick(FROZEN_STEPS_MAX));
    else if (this.messaging === 'kafka' && servers.length < SERVERS_MAX && simulation.chance(JOINED_SHARE))
      this.startServer();
  }

  private startServer(): void {
    this.started += 1;
    const server: Server = { machine: this.simulation.machine(`server-${this.started}`) };
    this.servers.push(server);
    startMachine(this.simulation, server.machine, this.disks, this.messaging).then(
      (application) => (server.application = application),
      (error: unknown) => {
        // A start that meets a fault ends the process; its supervisor starts another.
        this.simulation.kill(server.machine);
        this.disks.disconnect(server.machine);
        this.servers = this.servers.filter((one) => one !== server);
        if (this.simulation.faults === NO_FAULTS) this.violations.push(`a server does not start: ${String(error)}`);
      },
    );
  }

  private anyServer(): INestApplicationContext | undefined {
    const ready = this.servers.flatMap(({ application }) => application ?? []);
    return ready[this.simulation.pick(Math.max(1, ready.length))];
  }

  /** Waits until all processes have handled everything. */
  private async drained(): Promise<void> {
    const watcher = this.simulation.machine('watcher');
    this.simulation.faults = NO_FAULTS;
    while (this.unfinished() !== '') await this.simulation.wait(watcher, 500);
  }

  /** What processes have left, for a report; empty if nothing. */
  private unfinished(): string {
    const works = this.servers.map(({ application }) => application?.get(Background).status() ?? []);
    if (works.length === 0) return 'no server';
    const left: string[] = [];
    for (const [index] of (works[0] ?? []).entries()) {
      const everywhere = works.flatMap((items) => items[index] ?? []);
      const isDone = everywhere.some(
        ({ running, lag, lastError }) => running && lag === '0' && lastError === undefined,
      );
      const one = everywhere.find(({ running }) => running) ?? everywhere[0];
      if (!isDone && one !== undefined) left.push(`${one.name} ${one.lastError ?? `lag ${one.lag ?? '?'}`}`);
    }
    return works[0]?.length === 0 ? 'starting' : left.join('; ');
  }
}
