/**
 * Runs all processes of one thread: who leads among replicas, wake-ups, back-off, what is known of every process, and
 * the shutdown. Nothing else starts a loop or sets a timer (ADR 19).
 */
import type { EventStore, Position } from '@tantieme/event-store/event-store';
import { hasReached } from '@tantieme/messaging/broker';
import type { Broker, Positions } from '@tantieme/messaging/broker';
import type { TopicViews } from '@tantieme/messaging/embedded/topic-view';
import type { Timers } from '@tantieme/time/timers';

import { AWAITED_MAX } from '../limits.js';
import { Parking } from '../parking/parking.js';
import { findCheckpoint } from '../read-model/checkpoints.js';
import type { AnyDatabase } from '../read-model/migrations.js';
import { errorMessage } from './errors.js';
import { positionOf, statusOf } from './knowledge.js';
import type { Knowledge, ProcessKnowledge, ProcessStatus } from './knowledge.js';
import { LOG } from './log-source.js';
import type { Consumes, Process } from './process.js';
import { retriesOf } from './retries.js';
import { Runner } from './runner.js';
import type { ObserveStep, RunnerHost } from './runner.js';
import { topicLane } from './topic-source.js';

/** How often replicas try to become leader, and leaders check that they still are. */
const LEADERSHIP_MS = 1000;

/** How often ends of lanes are read again that others write: other replicas, and publishers. */
const REFRESH_MS = 1000;

/** How often threads tell each other what they know; the shorter pause while one of them waits for another. */
const TELL_MS = 250;
const TELL_WAITING_MS = 5;
const WAITING_MS = 2000;

/** Events that a reader of the log in this thread may lag before consumers of topics wait for it, and how long. */
const LAG_EVENTS_MAX = 4000n;
const LAG_WAIT_MS_MAX = 500;

/** Locks that replicas share: `PostgresLocks`, or those of a data directory. */
export interface Leadership {
  /** Takes all of the locks before anything runs, where this machine may not have two applications that need them. */
  claim?(names: readonly string[]): void;
  /** Takes those of the locks that are free. @throws if all locks are lost. */
  take(names: readonly string[]): Promise<readonly string[]>;
  release(): void;
}

export interface SchedulerOptions {
  readonly store: EventStore;
  readonly broker: Broker;
  readonly db: AnyDatabase;
  readonly timers: Timers;
  readonly views: TopicViews;
  /** Absent: there is one replica. */
  readonly leadership?: Leadership | undefined;
  readonly onError: (process: string, error: unknown) => void;
  readonly observe?: ObserveStep | undefined;
  /** Tells the other threads of this process what this one knows. */
  readonly tell?: ((message: ThreadMessage) => void) | undefined;
}

/** What threads tell each other; `awaited` asks for quick answers. */
export type ThreadMessage = { readonly knowledge: Knowledge } | { readonly awaited: true };

/** What a consumer reads. */
type Topics = Pick<Consumes<never>, 'group' | 'topics'>;

export class Scheduler {
  readonly parking: Parking;
  private readonly runners: Runner<never>[] = [];
  private readonly declared = new Map<string, Topics | undefined>();
  /** Relays by topic. */
  private readonly relays = new Map<string, string>();
  private readonly ends = new Map<string, Position>();
  private readonly others = new Map<string, ProcessKnowledge>();
  private readonly led = new Set<string>();
  /** Ends of topics at the first question about a position, by process, position and topic. */
  private readonly awaited = new Map<string, Positions>();
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private readonly host: RunnerHost;
  private isStarted = false;
  /** Ends the pause of a consumer that waits for the readers of the log. */
  private readonly paced = new Set<() => void>();
  private hasNews = false;
  private newsArrived: (() => void) | undefined;
  private awaitedUntilMs = 0;

  constructor(private readonly options: SchedulerOptions) {
    const { store, broker, db, timers, views, onError, observe = (_group, _messages, step) => step() } = options;
    this.parking = new Parking({ store, db, timers });
    this.host = {
      store,
      broker,
      db,
      timers,
      views,
      parking: this.parking,
      onError,
      observe,
      changed: () => this.changed(),
      ends: (lane, position) => this.noteEnd(lane, position),
      endOf: (lane) => this.ends.get(lane),
      hasReached: (process, position) => this.hasReached(process, position),
      paced: (signal) => this.waitForReaders(signal),
    };
  }

  /**
   * @param runsHere false for a process of another thread, which steps here may wait for.
   * @throws {Error} if the name is in use.
   */
  add<Item>(process: Process<Item>, runsHere = true): void {
    if (this.declared.has(process.name)) throw new Error(`two processes are named ${process.name}`);
    const { consumes } = process.source;
    this.declared.set(process.name, consumes);
    if (runsHere) this.runners.push(new Runner(process, this.host) as unknown as Runner<never>);
    if (consumes !== undefined) this.add(retriesOf(process, consumes, this.parking), runsHere);
  }

  /** A relay publishes the topic: what is on the topic depends on how far the relay is. */
  addRelay(topic: string, relay: string): void {
    this.relays.set(topic, relay);
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    const { leadership, tell } = this.options;
    const elected = this.runners.filter(({ process: { replicas } }) => leadership && replicas === 'one-replica');
    for (const runner of this.runners) if (!elected.includes(runner)) runner.start();
    this.loops.push(this.every(REFRESH_MS, () => this.refresh()));
    if (leadership !== undefined) this.loops.push(this.every(LEADERSHIP_MS, () => this.elect(leadership, elected)));
    if (tell !== undefined) this.loops.push(this.tellNews(tell));
  }

  /** Ends all processes; each finishes its current step. */
  async stop(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    this.newsArrived?.();
    await Promise.all(this.loops);
    await Promise.all(
      this.runners.map((runner) => runner.stop().catch((error: unknown) => this.options.onError(runner.name, error))),
    );
    this.options.leadership?.release();
  }

  /** Something was appended to the log, or published. */
  noteEnd(lane: string, position: Position): void {
    if (position <= (this.ends.get(lane) ?? 0n)) return;
    this.ends.set(lane, position);
    this.tellSoon();
  }

  /** From another thread. */
  receive(message: ThreadMessage): void {
    if ('awaited' in message) {
      this.awaitedUntilMs = this.options.timers.nowMs() + WAITING_MS;
      this.tellSoon();
      this.newsArrived?.();
      return;
    }
    const { ends, processes } = message.knowledge;
    for (const [lane, end] of ends) if (end > (this.ends.get(lane) ?? 0n)) this.ends.set(lane, end);
    for (const process of processes) this.others.set(process.name, process);
    this.wakeOpenSteps();
  }

  /** All processes that are known, in the order in which they were added. */
  status(): readonly ProcessStatus[] {
    const own = new Map(this.runners.map((runner) => [runner.name, runner]));
    return [...this.declared].flatMap(([name, consumes]) => {
      const known = own.get(name)?.knowledge() ?? this.others.get(name);
      if (known !== undefined) return [statusOf(known, this.storedTopics(consumes), this.ends)];
      return [notStarted(name)];
    });
  }

  private async hasReached(name: string, position: Position): Promise<boolean> {
    if (!this.declared.has(name)) throw new Error(`no process is named ${name}`);
    const consumes = this.declared.get(name);
    const { broker } = this.options;
    const stored = this.storedTopics(consumes);
    if ((consumes === undefined || stored.length < consumes.topics.length) && !(await this.logReached(name, position)))
      return false;
    for (const topic of stored) {
      const relay = this.relays.get(topic);
      if (relay !== undefined && !(await this.hasReached(relay, position))) return false;
      const key = `${name} ${position} ${topic}`;
      let end = this.awaited.get(key);
      if (end === undefined) this.awaited.set(key, (end = await broker.endPositions(topic)));
      if (!hasReached(await broker.committedPositions(consumes?.group ?? '', topic), end)) return false;
    }
    while (this.awaited.size > AWAITED_MAX) this.awaited.delete(this.awaited.keys().next().value ?? '');
    return true;
  }

  /** True once a process has handled the log, or all of its views of the log, up to a position. */
  private async logReached(name: string, position: Position): Promise<boolean> {
    const { db, leadership, tell } = this.options;
    const own = this.runners.find((runner) => runner.name === name);
    const at = positionOf(own?.lanes ?? this.others.get(name)?.lanes ?? new Map());
    if (at !== undefined && at >= position) return true;
    if (own === undefined) tell?.({ awaited: true });
    // Another replica may run it.
    return leadership !== undefined && ((await findCheckpoint(db, name)) ?? -1n) >= position;
  }

  private storedTopics(consumes: Topics | undefined): readonly string[] {
    return consumes?.topics.filter((topic) => !this.options.views.has(topic)) ?? [];
  }

  private changed(): void {
    for (const resume of this.paced) resume();
    this.wakeOpenSteps();
    this.tellSoon();
  }

  private wakeOpenSteps(): void {
    for (const runner of this.runners) runner.progressed();
  }

  /**
   * Slows consumers down to the pace of those who read the log in this thread. Events that are read shortly after their
   * append are still in memory and parsed once for all readers; a backlog is read, parsed and collected again.
   */
  private async waitForReaders(signal: AbortSignal): Promise<void> {
    const { timers } = this.options;
    const goal = (this.ends.get(LOG) ?? 0n) - LAG_EVENTS_MAX;
    const isBehind = (): boolean =>
      this.runners.some((runner) => runner.followsLog && (runner.lanes.get(LOG) ?? goal) < goal);
    const untilMs = timers.nowMs() + LAG_WAIT_MS_MAX;
    while (goal > 0n && !signal.aborted && isBehind() && timers.nowMs() < untilMs) {
      const waiting = new AbortController();
      const resume = (): void => waiting.abort();
      this.paced.add(resume);
      await timers.wait(untilMs - timers.nowMs(), waiting.signal);
      this.paced.delete(resume);
    }
  }

  private async refresh(): Promise<void> {
    const { store, broker, db } = this.options;
    try {
      this.noteEnd(LOG, await store.head());
      const read = this.runners.flatMap((runner) => {
        const consumes = this.declared.get(runner.name);
        return this.storedTopics(consumes).map((topic) => ({ runner, group: consumes?.group ?? '', topic }));
      });
      // All at once: until the answers are here, the lag does not show what others have published.
      await Promise.all(
        [...new Set(read.map(({ topic }) => topic))].map(async (topic) => {
          for (const [partition, end] of await broker.endPositions(topic))
            this.noteEnd(topicLane(topic, partition), end);
        }),
      );
      await Promise.all(
        read.map(async ({ runner, group, topic }) => {
          for (const [partition, next] of await broker.committedPositions(group, topic)) {
            const lane = topicLane(topic, partition);
            if (next > (runner.lanes.get(lane) ?? 0n)) runner.lanes.set(lane, next);
          }
        }),
      );
      for (const runner of this.runners)
        if (runner.knowledge().standby && runner.followsLog) runner.standBy(await findCheckpoint(db, runner.name));
    } catch {
      // What is known stays as it is; readiness shows what cannot be reached.
    }
  }

  /** For a moment two replicas may both consider themselves leader: checkpoints are compared and set. */
  private async elect(leadership: Leadership, candidates: readonly Runner<never>[]): Promise<void> {
    try {
      const won = await leadership.take(candidates.map(({ name }) => name).filter((name) => !this.led.has(name)));
      for (const name of won) this.led.add(name);
      for (const runner of candidates)
        if (this.led.has(runner.name)) runner.start();
        else runner.standBy(undefined);
    } catch (error) {
      this.led.clear();
      await Promise.all(candidates.map((runner) => runner.resign(errorMessage(error))));
    }
  }

  private tellSoon(): void {
    this.hasNews = true;
    this.newsArrived?.();
  }

  private async tellNews(tell: (message: ThreadMessage) => void): Promise<void> {
    const { timers } = this.options;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      if (!this.hasNews) {
        await new Promise<void>((resolve) => (this.newsArrived = resolve));
        continue;
      }
      this.hasNews = false;
      tell({ knowledge: { ends: new Map(this.ends), processes: this.runners.map((runner) => runner.knowledge()) } });
      const isAwaited = timers.nowMs() < this.awaitedUntilMs;
      const waiting = new AbortController();
      // Somebody who begins to wait gets an answer at once.
      this.newsArrived = () => {
        if (timers.nowMs() < this.awaitedUntilMs && !isAwaited) waiting.abort();
        if (signal.aborted) waiting.abort();
      };
      await timers.wait(isAwaited ? TELL_WAITING_MS : TELL_MS, waiting.signal);
    }
  }

  private async every(ms: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await work();
      await this.options.timers.wait(ms, signal);
    }
  }
}

function notStarted(name: string): ProcessStatus {
  return { name, running: false, standby: false, position: undefined, lag: undefined, lastError: undefined };
}
