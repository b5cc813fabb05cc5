/**
 * A world in one thread whose every choice comes from a seed: which of the pending operations happens next, which of
 * them fails, and when the clock moves. The same seed gives the same run, so a failure is repeated by its number.
 *
 * Everything that leaves a machine (a call of the store, of the broker, a wait) is a *turn*: it suspends its caller
 * until the simulation chooses it. Between two turns code runs without interruption, as in Node.js.
 */
import { hash } from 'node:crypto';

import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Timers } from '@tantieme/time/timers';

/** The simulated clock starts here: after the periods of its scenarios, and at the same time in every run. */
const BEGIN_MS = Date.UTC(2026, 3, 1);

/** Rounds of the event loop without a new turn after which a machine has come to its next turns. */
const QUIET_ROUNDS = 2;

/** What the world does to its machines, each as a share of the turns that could suffer it. */
export interface Faults {
  /** An operation fails before it has an effect. */
  readonly refused: number;
  /** An operation takes effect, and its answer is lost. */
  readonly lostAnswer: number;
  /** A message is delivered again. */
  readonly repeated: number;
  /** An operation takes place only later. */
  readonly delayed: number;
}

export const NO_FAULTS: Faults = { refused: 0, lostAnswer: 0, repeated: 0, delayed: 0 };

/** The longest delay of an operation. */
const DELAY_MS_MAX = 3000;

/** In each run, one of so many kinds of operations is slow: half of them are delayed. */
const SLOW_EVERY = 12;
const SLOW_SHARE = 0.5;

/** An operating system process. What it keeps in memory is gone when it is killed. */
export interface Machine {
  readonly name: string;
  readonly isRunning: boolean;
}

interface Turn {
  readonly machine: Machine;
  readonly label: string;
  readonly resume: () => void;
}

interface Wait extends Turn {
  readonly untilMs: number;
}

export class Simulation {
  private readonly generator;
  private readonly machines = new Set<{ name: string; isRunning: boolean }>();
  private ready: Turn[] = [];
  private waits: Wait[] = [];
  private now = BEGIN_MS;
  private digest = '';
  private taken = 0;
  /** Turns and waits that were asked for. */
  private asked = 0;
  /** Machines that get no turns before these times. */
  private readonly frozen = new Map<Machine, number>();
  faults: Faults = NO_FAULTS;
  /** How often what happened. */
  readonly counts = new Map<string, number>();

  /** @param seed a whole number from 0 */
  constructor(readonly seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  get nowMs(): number {
    return this.now;
  }

  /** How many turns were taken. */
  get steps(): number {
    return this.taken;
  }

  /** Covers every turn so far: equal for two runs that made the same choices. */
  get traceHash(): string {
    return this.digest;
  }

  /** A whole number from 0 to `count` − 1. */
  pick(count: number): number {
    return uniformInt(this.generator, 0, count - 1);
  }

  /** True for this share of the calls. */
  chance(share: number): boolean {
    return share > 0 && this.pick(1_000_000) < share * 1_000_000;
  }

  /** True if an operation suffers this fault. */
  suffers(fault: keyof Faults): boolean {
    const suffers = this.chance(this.faults[fault]);
    if (suffers) this.count(fault);
    return suffers;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  machine(name: string): Machine {
    const machine = { name, isRunning: true };
    this.machines.add(machine);
    return machine;
  }

  /** Ends a machine between two turns: its pending turns never happen, and what it holds in memory is lost. */
  kill(machine: Machine): void {
    for (const one of this.machines) if (one === machine) one.isRunning = false;
    this.ready = this.ready.filter((turn) => turn.machine !== machine);
    this.waits = this.waits.filter((wait) => wait.machine !== machine);
    this.frozen.delete(machine);
  }

  /** Gives a machine no turns for a while, as if its host was suspended: it wakes up with what it knew before. */
  freeze(machine: Machine, ms: number): void {
    this.frozen.set(machine, this.now + ms);
  }

  /** Suspends the caller until the simulation chooses it; for ever if its machine is killed before. */
  async turn(machine: Machine, label: string): Promise<void> {
    if (this.suffers('delayed') || (this.isSlow(label) && this.chance(SLOW_SHARE)))
      await this.wait(machine, this.pick(DELAY_MS_MAX));
    await new Promise<void>((resume) => {
      this.asked += 1;
      if (machine.isRunning) this.ready.push({ machine, label, resume });
    });
  }

  /** A kind of operation is its label without the name of a stream. */
  private isSlow(label: string): boolean {
    if (this.faults.delayed === 0) return false;
    const kind = /^\w+( [^-|:]+)?/.exec(label)?.[0] ?? label;
    return hash('sha1', `${this.seed} ${kind}`, 'buffer').readUInt8() % SLOW_EVERY === 0;
  }

  /** Suspends the caller until the simulated clock has passed, or the signal is aborted. */
  wait(machine: Machine, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resume) => {
      if (signal?.aborted === true) {
        resume();
        return;
      }
      const wait: Wait = { machine, label: 'wake', resume, untilMs: this.now + Math.max(0, ms) };
      this.asked += 1;
      if (machine.isRunning) this.waits.push(wait);
      signal?.addEventListener(
        'abort',
        () => {
          this.waits = this.waits.filter((one) => one !== wait);
          resume();
        },
        { once: true },
      );
    });
  }

  /** Clock, waiting and randomness of a machine. */
  timersOf(machine: Machine): Timers {
    return {
      nowMs: () => this.now,
      wait: (ms, signal) => this.wait(machine, ms, signal),
      random: () => this.pick(1_000_000) / 1_000_000,
    };
  }

  /**
   * Takes one turn, and lets its machine run up to its next turns. Without a pending turn the clock moves on to the
   * next wait. @returns false if nothing is pending at all.
   */
  async step(): Promise<boolean> {
    let candidates = this.awake();
    while (candidates.length === 0) {
      if (!this.moveClock()) return false;
      candidates = this.awake();
    }
    const chosen = this.pick(candidates.length);
    if (chosen > 0) this.count('reordered');
    const turn = candidates[chosen];
    if (turn === undefined) return false;
    this.ready.splice(this.ready.indexOf(turn), 1);
    this.taken += 1;
    this.digest = hash('sha256', `${this.digest}\n${turn.machine.name} ${turn.label} ${this.now}`, 'hex');
    turn.resume();
    await this.settled();
    return true;
  }

  /** What can happen next. */
  private awake(): readonly Turn[] {
    if (this.frozen.size === 0) return this.ready;
    return this.ready.filter(({ machine }) => !this.frozen.has(machine));
  }

  /** Moves on to the next end of a wait or of a frost. @returns false without any. */
  private moveClock(): boolean {
    const next = Math.min(...this.waits.map(({ untilMs }) => untilMs), ...this.frozen.values());
    if (next === Number.POSITIVE_INFINITY) return false;
    this.now = Math.max(this.now, next);
    for (const wait of this.waits) if (wait.untilMs <= this.now) this.ready.push(wait);
    this.waits = this.waits.filter(({ untilMs }) => untilMs > this.now);
    for (const [machine, untilMs] of this.frozen) if (untilMs <= this.now) this.frozen.delete(machine);
    return true;
  }

  /** Resolves when everything that can run without a turn has run: promises, and what Node.js defers. */
  private async settled(): Promise<void> {
    for (let quiet = 0, before = -1; quiet < QUIET_ROUNDS;) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      quiet = this.asked === before ? quiet + 1 : 0;
      before = this.asked;
    }
  }
}
