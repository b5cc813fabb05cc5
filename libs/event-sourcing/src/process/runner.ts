/** Runs one process: pulls its batches, steps, moves its checkpoint, and retries after failures. */
import type { Position } from '@tantieme/event-store/event-store';
import type { Message } from '@tantieme/messaging/broker';
import { backoffMs } from '@tantieme/time/backoff';

import { parkedMessageOf } from '../parking/parking.js';
import type { Parking } from '../parking/parking.js';
import { correlationContext } from './correlation-context.js';
import { errorMessage } from './errors.js';
import type { ProcessKnowledge } from './knowledge.js';
import { LOG } from './log-source.js';
import type { OpenSource, Ports, Process, SourceBatch, StepContext } from './process.js';

/** Pauses after failures: they spare a system that is down, yet recover soon. */
const BACKOFF = { firstMs: 50, maxMs: 10_000 };

/** How long an open step waits at most if nothing makes progress. */
const OPEN_PAUSE_MS = 500;

/** The pause of an open step is as long as the step took, within these bounds: the rest gets as much of the machine. */
const OPEN_PAUSE_MS_MIN = 10;
const OPEN_PAUSE_MS_MAX = 5000;

/** Given as the reason so that no error with a stack is made for each of the many waits that end. */
const WOKEN = 'woken';

/** The source as a whole, as opposed to one of its lanes. */
const SOURCE = '';

/** What a runner needs from its scheduler. */
export interface RunnerHost extends Ports {
  readonly parking: Parking;
  /** Logs a failure. */
  readonly onError: (process: string, error: unknown) => void;
  /** Wraps the step of a batch of messages, for metrics and traces. */
  readonly observe: ObserveStep;
  /** The runner has made progress, or its state has changed. */
  readonly changed: () => void;
  readonly ends: (lane: string, position: Position) => void;
  readonly endOf: (lane: string) => Position | undefined;
  readonly hasReached: (process: string, position: Position) => Promise<boolean>;
  /** Waits, not for long, while the readers of the log in this thread are far behind. */
  readonly paced: (signal: AbortSignal) => Promise<void>;
}

export type ObserveStep = <Result>(
  group: string,
  messages: readonly Message[],
  step: () => Promise<Result>,
) => Promise<Result>;

interface Failure {
  readonly count: number;
  readonly untilMs: number;
}

export class Runner<Item> {
  readonly lanes = new Map<string, Position>();
  private readonly failures = new Map<string, Failure>();
  private readonly errors = new Map<string, string>();
  /** Keys of the last step's attempts. */
  private attempted = new Set<string>();
  private session: AbortController | undefined;
  private running: Promise<void> | undefined;
  private wake: (() => void) | undefined;
  /** An open step is called again: not before, and not later than, these times. */
  private again: { readonly afterMs: number; byMs: number } | undefined;
  private isStandby = false;
  /** Its source was opened since it was started: before that nothing is known of what is left. */
  private isOpen = false;
  private isStopped = false;

  constructor(
    readonly process: Process<Item>,
    private readonly host: RunnerHost,
  ) {}

  get name(): string {
    return this.process.name;
  }

  get followsLog(): boolean {
    return this.process.source.consumes === undefined;
  }

  /** Runs until it is stopped; may be called again afterwards. */
  start(): void {
    if (this.running !== undefined || this.isStopped) return;
    this.isStandby = false;
    this.isOpen = false;
    this.session = new AbortController();
    this.running = this.run(this.session.signal);
    this.host.changed();
  }

  /** Another replica runs it. */
  standBy(position: Position | undefined): void {
    // It may have been started since somebody asked for the position.
    if (this.running !== undefined) return;
    this.isStandby = true;
    this.errors.delete(SOURCE);
    if (position !== undefined && this.followsLog) this.lanes.set(LOG, position);
    this.host.changed();
  }

  /** Finishes the current step, saves the checkpoint, and ends. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.end();
  }

  /** Ends for a reason that passes: `start` follows. */
  async resign(reason: string): Promise<void> {
    await this.end();
    this.isStandby = false;
    this.errors.set(SOURCE, reason);
    this.host.changed();
  }

  /** Calls an open step again soon. */
  progressed(): void {
    if (this.again === undefined || this.again.byMs <= this.again.afterMs) return;
    this.again.byMs = this.again.afterMs;
    this.wake?.();
  }

  knowledge(): ProcessKnowledge {
    const { name, isStandby: standby, lanes } = this;
    return {
      name,
      running: this.running !== undefined,
      isOpen: this.isOpen,
      standby,
      lanes: new Map(lanes),
      lastError: this.errors.values().next().value,
    };
  }

  private async end(): Promise<void> {
    this.session?.abort();
    this.wake?.();
    await this.running;
    this.running = undefined;
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { host, process } = this;
    while (!signal.aborted) {
      let source: OpenSource<Item> | undefined;
      try {
        await process.prepare?.();
        source = await process.source.open(host, process.name, {
          reached: (lane, position) => {
            // A lower position was reset for a rebuild: callers wait for that.
            this.lanes.set(lane, position);
            host.changed();
          },
          ends: host.ends,
          assigned: () => this.forgive(),
        });
        // With nothing left to do, the next batch that could clear an old error may be a long time off.
        if (!this.followsLog || (this.lanes.get(LOG) ?? 0n) >= (host.endOf(LOG) ?? 0n)) this.forgive();
        this.isOpen = true;
        host.changed();
        await this.drive(source, signal);
        await source.close();
      } catch (error) {
        await source?.close().catch(() => undefined);
        if (signal.aborted) return;
        const pauseMs = this.fail(SOURCE, error);
        await host.timers.wait(pauseMs, signal);
      }
    }
  }

  private async drive(source: OpenSource<Item>, signal: AbortSignal): Promise<void> {
    const { host } = this;
    /** The newest batch of an open step: its checkpoint moves when the step is done. */
    let open: SourceBatch<Item> | undefined;
    this.again = undefined;
    while (!signal.aborted) {
      if (!this.followsLog) await host.paced(signal);
      const batch = await this.nextBatch(source, signal);
      if (signal.aborted && batch === undefined) break;
      if (batch === undefined && (open === undefined || !this.isDue())) continue;
      const items = batch?.items ?? [];
      const current = batch ?? open;
      if (current === undefined) continue;
      if (batch !== undefined && items.length === 0 && batch.unreadable.length === 0 && open === undefined) {
        await source.commit(batch, false);
        this.succeed(batch.lane);
        continue;
      }
      open = await this.step(source, current, items, signal);
    }
    this.again = undefined;
  }

  /** @returns the batch if the step is open. @throws if the source has to be opened again */
  private async step(
    source: OpenSource<Item>,
    batch: SourceBatch<Item>,
    items: readonly Item[],
    signal: AbortSignal,
  ): Promise<SourceBatch<Item> | undefined> {
    const { host, process } = this;
    const beganMs = host.timers.nowMs();
    let isSaved = false;
    const attemptedBefore = this.attempted;
    this.attempted = new Set();
    const context: StepContext = {
      signal,
      timers: host.timers,
      hasReached: host.hasReached,
      attempt: (key, work) => this.attempt(key, work, signal),
      saveIn: async (trx) => {
        if (source.saveIn === undefined) throw new TypeError(`${process.name} does not follow the log`);
        await source.saveIn(trx, batch);
        isSaved = true;
      },
    };
    return correlationContext.run(batch.correlationIds, async () => {
      try {
        const run = async (): Promise<'open' | void> => {
          const result =
            items.length > 0 || batch.messages === undefined ? await process.step(items, context) : undefined;
          // What is not attempted any more is done: the answer to the last attempt may have been lost.
          for (const key of attemptedBefore) if (!this.attempted.has(key)) this.forget(key);
          if (result === 'open') return 'open';
          const refused = [...batch.unreadable, ...(result ?? [])];
          await host.parking.park(process.name, refused[0]?.message.topic ?? '', refused.map(parkedMessageOf));
        };
        const { consumes } = process.source;
        const outcome =
          consumes === undefined || batch.messages === undefined
            ? await run()
            : await host.observe(consumes.group, batch.messages, run);
        if (outcome === 'open') {
          const nowMs = host.timers.nowMs();
          const pauseMs = Math.min(Math.max(OPEN_PAUSE_MS_MIN, nowMs - beganMs), OPEN_PAUSE_MS_MAX);
          this.again = { afterMs: nowMs + pauseMs, byMs: nowMs + Math.max(OPEN_PAUSE_MS, pauseMs) };
          this.forget(batch.lane);
          return batch;
        }
        this.again = undefined;
        await source.commit(batch, isSaved);
        this.succeed(batch.lane);
        return undefined;
      } catch (error) {
        if (source.release === undefined) throw error;
        this.fail(batch.lane, error);
        source.release(batch);
        return undefined;
      }
    });
  }

  /** Undefined if an open step, or the end of a partition's pause, may be due. */
  private async nextBatch(source: OpenSource<Item>, signal: AbortSignal): Promise<SourceBatch<Item> | undefined> {
    const { timers } = this.host;
    const waiting = new AbortController();
    const end = (): void => waiting.abort(WOKEN);
    this.wake = end;
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const nowMs = timers.nowMs();
    let untilMs = this.again?.byMs ?? Number.POSITIVE_INFINITY;
    for (const { untilMs: pausedUntilMs } of this.failures.values())
      if (pausedUntilMs > nowMs) untilMs = Math.min(untilMs, pausedUntilMs);
    if (untilMs < Number.POSITIVE_INFINITY) void timers.wait(Math.max(0, untilMs - nowMs), waiting.signal).then(end);
    const batch = await source.next(waiting.signal, (lane) => (this.failures.get(lane)?.untilMs ?? 0) > timers.nowMs());
    signal.removeEventListener('abort', end);
    this.wake = undefined;
    end();
    return batch;
  }

  private isDue(): boolean {
    return this.again !== undefined && this.host.timers.nowMs() >= this.again.byMs;
  }

  private async attempt(key: string, work: () => Promise<'open' | void>, signal: AbortSignal): Promise<'open' | void> {
    this.attempted.add(key);
    if ((this.failures.get(key)?.untilMs ?? 0) > this.host.timers.nowMs()) return 'open';
    try {
      const result = await work();
      this.forget(key);
      return result;
    } catch (error) {
      if (signal.aborted) throw error;
      this.fail(key, error);
      return 'open';
    }
  }

  private fail(place: string, error: unknown): number {
    const { timers, onError } = this.host;
    const count = (this.failures.get(place)?.count ?? 0) + 1;
    const pauseMs = backoffMs(BACKOFF, count);
    this.failures.set(place, { count, untilMs: timers.nowMs() + pauseMs });
    this.errors.set(place, errorMessage(error));
    onError(this.process.name, error);
    this.host.changed();
    return pauseMs;
  }

  private succeed(lane: string): void {
    for (const place of [SOURCE, lane]) this.forget(place);
    this.host.changed();
  }

  private forget(place: string): void {
    this.failures.delete(place);
    this.errors.delete(place);
  }

  /** Earlier failures no longer apply. */
  private forgive(): void {
    this.failures.clear();
    this.errors.clear();
  }
}
