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
import { Disks, startMachine, unpaid } from './machine.js';
import type { Messaging } from './machine.js';
import { factCount } from './scenario.js';
import type { Scenario } from './scenario.js';

const FAULTS: Faults = { refused: 0.02, lostAnswer: 0.02, repeated: 0.03, delayed: 0.01 };

/** Shares of the turns after which the world does something to a server. */
const KILLED_SHARE = 0.0012;
const FROZEN_SHARE = 0.0012;
const JOINED_SHARE = 0.002;

/** How often there are two servers from the beginning. */
const JOINED_AT_ONCE_SHARE = 0.5;

/** The longest time for which a server is frozen, and the time after which others take its work over. */
const FROZEN_MS_MAX = 40_000;
const SESSION_MS = 10_000;

/** Servers at the same time. */
const SERVERS_MAX = 2;

/** After this time every server knows the ends of the log and of all topics. */
const KNOWN_MS = 2500;

/** Turns with faults; after them the world is quiet, and has to finish. */
const FAULTY_STEPS_MAX = 4_000;

/** A world that has not finished by then never will. */
const STEPS_MAX = 60_000;

export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly traceHash: string;
  readonly violations: readonly string[];
  /** What the world answers at the end. */
  readonly answers: string;
  /** How often each fault happened. */
  readonly faults: ReadonlyMap<string, number>;
}

interface Server {
  readonly machine: Machine;
  /** Absent while it starts. */
  application?: INestApplicationContext;
}

/** What a seed plays. */
export interface Play {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly messaging: Messaging;
}

/** @param expected the answers of a run without faults */
export async function simulate(play: Play, withFaults: boolean, expected?: string): Promise<Outcome> {
  const clock = install({ toFake: ['Date'] });
  const world = new World(new Simulation(play.seed), play, (nowMs) => clock.setSystemTime(nowMs));
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
    private readonly play: Play,
    private readonly setTime: (nowMs: number) => void,
  ) {}

  async run(withFaults: boolean, expected: string | undefined): Promise<Outcome> {
    const { simulation, violations } = this;
    if (withFaults) simulation.faults = FAULTS;
    this.startServer();
    if (withFaults && this.play.messaging === 'kafka' && simulation.chance(JOINED_AT_ONCE_SHARE)) this.startServer();
    const client = new Client(simulation, this.play.scenario, () => this.anyServer());
    let answers: string | undefined;
    let failure: Error | undefined;
    const finished = (async () => {
      await client.play();
      await this.drained();
      answers = await client.answers();
    })().catch((error: unknown) => (failure = error instanceof Error ? error : new Error('the client failed')));
    while (answers === undefined && failure === undefined && violations.length === 0) {
      if (simulation.steps > STEPS_MAX) violations.push(`not finished after ${STEPS_MAX} steps: ${this.unfinished()}`);
      else await this.step();
    }
    if (violations.length === 0) await finished;
    if (failure !== undefined) violations.push(failure.message);
    if (violations.length === 0) violations.push(...this.invariants.atTheEnd(factCount(this.play.scenario)));
    if (violations.length === 0) violations.push(...unpaid(this.disks));
    if (violations.length === 0 && expected !== undefined && answers !== expected)
      violations.push(`the answers differ from those of a run without faults: ${difference(answers ?? '', expected)}`);
    const { seed, steps, traceHash, counts } = simulation;
    return { seed, steps, traceHash, violations, answers: answers ?? '', faults: counts };
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
      simulation.count('killed');
      this.lose(victim);
    } else if (victim !== undefined && simulation.chance(FROZEN_SHARE)) this.freeze(victim.machine);
    else if (this.play.messaging === 'kafka' && servers.length < SERVERS_MAX && simulation.chance(JOINED_SHARE)) {
      simulation.count('joined');
      this.startServer();
    }
  }

  /** Its database ends an open transaction only when the machine is lost. */
  private freeze(machine: Machine): void {
    if (this.disks.writer === machine) return;
    const ms = this.simulation.pick(FROZEN_MS_MAX);
    this.simulation.freeze(machine, ms);
    const isMissed = ms > SESSION_MS && this.play.messaging === 'kafka';
    this.simulation.count(isMissed ? 'woke up late' : 'frozen');
    if (isMissed) this.disks.disconnect(machine);
  }

  private lose(server: Server): void {
    this.simulation.kill(server.machine);
    this.disks.disconnect(server.machine);
    this.servers = this.servers.filter((one) => one !== server);
  }

  private startServer(): void {
    this.started += 1;
    const server: Server = { machine: this.simulation.machine(`server-${this.started}`) };
    this.servers.push(server);
    startMachine(this.simulation, server.machine, this.disks, this.play.messaging).then(
      (application) => (server.application = application),
      (error: unknown) => {
        // A start that meets a fault ends the process; its supervisor starts another.
        this.lose(server);
        if (this.simulation.faults === NO_FAULTS) this.violations.push(`a server does not start: ${String(error)}`);
      },
    );
  }

  private anyServer(): INestApplicationContext | undefined {
    const ready = this.servers.flatMap(({ application }) => application ?? []);
    return ready[this.simulation.pick(Math.max(1, ready.length))];
  }

  /** Waits until all processes have handled everything, and know it. */
  private async drained(): Promise<void> {
    const watcher = this.simulation.machine('watcher');
    this.simulation.faults = NO_FAULTS;
    const { events } = this.disks.log;
    for (let length = -1; length < events.length || this.unfinished() !== '';) {
      length = events.length;
      await this.simulation.wait(watcher, KNOWN_MS);
    }
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

/** The first lines that differ. */
function difference(left: string, right: string): string {
  const others = right.split('\n');
  const at = left.split('\n').findIndex((line, index) => line !== others[index]);
  return `${left.split('\n')[at]?.slice(0, 1500)}\ninstead of ${others[at]?.slice(0, 1500)}`;
}
