import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';

import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { EventStore } from '@tantieme/event-store/event-store';
import { backoffMs } from '@tantieme/time/backoff';

import type { BackgroundWork, MetricsJson, WorkStatus } from './background-work.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { acquireLock } from '../runtime/directory-lock.js';
import type { Lock } from '../runtime/directory-lock.js';
import { CONFIG, EVENT_STORE, RUNS, LEADER_ELECTION } from '../runtime/runtime-tokens.js';
import type { LeaderElection } from './leader-election.js';

/**
 * Who does a work where several replicas share a database: one of them at a time, or each its own share of it, as the members
 * of a consumer group do.
 */
export type Replicas = 'one-replica' | 'every-replica';

/** Whether the work of this name runs here; the works of one data directory may be shared out among threads. */
export type Runs = (work: string) => boolean;

/** What threads ask each other: how far a work has come. */
type Said =
  | { readonly ask: string }
  /** In the global order of the event store. */
  | { readonly work: string; readonly position: bigint };

/** The pause between two looks at the position of a work that is waited for, in milliseconds: from the first, doubling to the last. */
const LOOK = { firstMs: 1, maxMs: 50 };

interface Entry {
  readonly name: string;
  readonly start: () => BackgroundWork | Promise<BackgroundWork>;
  readonly replicas: Replicas;
  work?: BackgroundWork;
  lock?: Lock;
}

/**
 * The background work of all service modules in this process. A module adds its own in its constructor or
 * `onModuleInit`; all is started at application bootstrap, in the order in which it was added, and stopped in reverse
 * at shutdown before the stores close. With the embedded database, one work runs once a data directory: a lock holds it, and
 * who finds it held does not start. Where replicas share a database, they take turns.
 */
@Injectable()
export class Background implements OnApplicationBootstrap {
  private readonly logger = new Logger(Background.name);
  private readonly entries: Entry[] = [];
  private phase: 'new' | 'started' | 'stopped' = 'new';
  private readonly threads: BroadcastChannel;
  /** Positions of works in other threads, as they were last said. */
  private readonly elsewhere = new Map<string, bigint>();

  constructor(
    @Inject(CONFIG) private readonly config: RuntimeConfig,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(RUNS) private readonly runs: Runs,
    @Inject(LEADER_ELECTION) private readonly turns: LeaderElection | null = null,
  ) {
    this.threads = new BroadcastChannel(`background ${resolve(config.dataDirectory)}`);
    this.threads.unref();
    this.threads.onmessage = ({ data }: { readonly data: unknown }) => this.hear(data as Said);
  }

  /**
   * What runs in another thread is passed over.
   * @param name unique in the data directory, the service first: `payouts-relay`.
   * @param start also once more, where it has lost its turn and has it again.
   * @throws {Error} where the name is taken, or bootstrap is over.
   */
  add(name: string, start: Entry['start'], replicas: Replicas = 'one-replica'): void {
    if (this.phase !== 'new') throw new Error(`background work ${name} was added after the application had started`);
    if (this.entries.some((entry) => entry.name === name)) throw new Error(`two background works are named ${name}`);
    if (this.runs(name)) this.entries.push({ name, start, replicas });
  }

  /** @throws {DirectoryLocked} where another process does this work on this data directory. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.phase !== 'new') return;
    this.phase = 'started';
    // All locks first: a process that may not do one work starts none.
    if (this.turns === null)
      for (const entry of this.entries) entry.lock = acquireLock(this.config.dataDirectory, entry.name);
    for (const entry of this.entries) {
      const { name, start, replicas } = entry;
      entry.work = this.turns === null || replicas === 'every-replica' ? await start() : this.turns.queue(name, start);
      this.logger.debug(`${name} started`);
    }
    this.turns?.begin();
  }

  /** Stops all work, last added first, and gives the locks back. One that fails to stop does not hold up the rest. */
  async stop(): Promise<void> {
    if (this.phase === 'stopped') return;
    this.phase = 'stopped';
    this.threads.close();
    await this.turns?.stopLooking();
    for (const entry of this.entries.toReversed()) {
      try {
        await entry.work?.stop();
      } catch (error) {
        this.logger.error(`${entry.name} did not stop: ${String(error)}`);
      }
      delete entry.work;
      entry.lock?.release();
    }
    this.turns?.end();
  }

  /**
   * Waits until a work, in whichever thread or replica it runs, has come to a position in the log.
   * @throws the signal's reason where it is aborted.
   */
  async reached(name: string, position: bigint, signal: AbortSignal): Promise<void> {
    const own = this.entries.find((entry) => entry.name === name);
    for (let looks = 1; ; looks += 1) {
      signal.throwIfAborted();
      const at = own === undefined ? this.elsewhere.get(name) : await positionOf(own);
      if (at !== undefined && at >= position) return;
      if (own === undefined) this.threads.postMessage({ ask: name } satisfies Said);
      // A signal that is aborted is looked at above.
      await pause(backoffMs(LOOK, looks), undefined, { signal }).catch(() => undefined);
    }
  }

  private hear(said: Said): void {
    if ('position' in said) {
      this.elsewhere.set(said.work, said.position);
      return;
    }
    const own = this.entries.find(({ name }) => name === said.ask);
    if (own === undefined) return;
    void positionOf(own).then((position) => {
      if (this.phase === 'started' && position !== undefined)
        this.threads.postMessage({ work: said.ask, position } satisfies Said);
    });
  }

  /** Why there is no background work: nothing from the end of bootstrap to the beginning of the stop. */
  missing(): readonly string[] {
    if (this.phase === 'stopped') return ['the background work is being stopped'];
    return this.entries.flatMap(({ name, work }) => (work === undefined ? [`${name} has not started`] : []));
  }

  /** Names of work that does not get on at the moment. */
  async failing(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const { name, work } of this.entries)
      if (work?.failingParts !== undefined) names.push(...(await work.failingParts()));
      else if (work?.lastError?.() !== undefined) names.push(name);
    return names;
  }

  /**
   * One after the other, in the order in which they were added: where those upstream have nothing left to do, what they have
   * passed on shows in those after them.
   */
  async status(): Promise<readonly WorkStatus[]> {
    const items: WorkStatus[] = [];
    const ofStore = untilOneFails();
    const ofBroker = untilOneFails();
    const headOf = (): Promise<bigint> => ofStore(() => this.store.head());
    for (const entry of this.entries)
      items.push(...((await entry.work?.parts?.()) ?? [await statusOf(entry, headOf, ofBroker)]));
    return items;
  }

  /** What the threads of this process have counted. */
  async metricsOfThreads(): Promise<readonly MetricsJson[]> {
    const all = await Promise.all(this.entries.map(({ work }) => work?.metrics?.()));
    return all.filter((metrics) => metrics !== undefined);
  }
}

/** Undefined also where it cannot be had at the moment: whoever waits for it looks again. */
async function positionOf({ work }: Entry): Promise<bigint | undefined> {
  return work?.position?.().catch(() => undefined);
}

/** Asks until one has failed; the others fail at once, for the same reason: what cannot be reached is waited for once, and not for every work. */
type Ask = <Result>(ask: () => Promise<Result>) => Promise<Result>;

function untilOneFails(): Ask {
  let failed: Promise<never> | undefined;
  return (ask) =>
    failed ??
    ask().catch((error: unknown) => {
      failed = Promise.reject(error);
      return failed;
    });
}

async function statusOf({ name, work }: Entry, headOf: () => Promise<bigint>, ofBroker: Ask): Promise<WorkStatus> {
  const standsBy = work?.standsBy?.() ?? false;
  return {
    name,
    running: work !== undefined && !standsBy,
    ...(standsBy ? { standby: true } : {}),
    ...(work === undefined ? {} : await progressOf(work, headOf, ofBroker)),
  };
}

/** A broker or store that is not to be reached is a line in the answer, not the end of it. */
async function progressOf(
  work: BackgroundWork,
  headOf: () => Promise<bigint>,
  ofBroker: Ask,
): Promise<Pick<WorkStatus, 'position' | 'lag' | 'lastError'>> {
  const lastError = work.lastError?.();
  try {
    const head = work.lag === undefined && work.position !== undefined ? await headOf() : undefined;
    const position = await work.position?.();
    let lag: bigint | undefined;
    if (work.lag !== undefined) lag = await ofBroker(async () => work.lag?.());
    else if (head !== undefined && position !== undefined) lag = head - position;
    return {
      ...(position === undefined ? {} : { position: String(position) }),
      ...(lag === undefined ? {} : { lag: String(lag < 0n ? 0n : lag) }),
      ...(lastError === undefined ? {} : { lastError }),
    };
  } catch (error) {
    return { lastError: lastError ?? (error instanceof Error ? error.message : String(error)) };
  }
}
