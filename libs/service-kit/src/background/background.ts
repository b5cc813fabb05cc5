import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';

import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { EventStore } from '@tantieme/event-store/event-store';
import { backoffMs } from '@tantieme/time/backoff';

import type { BackgroundWork, MetricsJson, WorkStatus } from './background-work.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { acquireLock } from '../runtime/directory-lock.js';
import type { Lock } from '../runtime/directory-lock.js';
import { CONFIG, EVENT_STORE, WORK_FILTER, LEADER_ELECTION } from '../runtime/runtime-tokens.js';
import type { LeaderElection } from './leader-election.js';

/**
 * Which replicas run a piece of work where several share a database: one of them at a time, or each one its own share,
 * like the members of a consumer group.
 */
export type Replicas = 'one-replica' | 'every-replica';

/** Selects by name the work that runs in this application: threads share the work of one data directory. */
export type WorkFilter = (work: string) => boolean;

/** Threads ask each other for the positions of their work. */
type ThreadMessage =
  | { readonly ask: string }
  /** `position` counts in the global order of the event store. */
  | { readonly work: string; readonly position: bigint };

/** Pauses between polls of an awaited position. */
const POLL = { firstMs: 1, maxMs: 50 };

interface Entry {
  readonly name: string;
  readonly start: () => BackgroundWork | Promise<BackgroundWork>;
  readonly replicas: Replicas;
  work?: BackgroundWork;
  lock?: Lock;
}

/**
 * The background work of all service modules in this process. A module adds its work in its constructor or in
 * `onModuleInit`. Work starts at application bootstrap in the order in which it was added, and stops in reverse order
 * at shutdown, before the stores close. With the embedded database a lock makes sure that each piece of work runs once
 * per data directory: a second process fails at its start. Replicas that share a database elect a leader for each
 * piece.
 */
@Injectable()
export class Background implements OnApplicationBootstrap {
  private readonly logger = new Logger(Background.name);
  private readonly entries: Entry[] = [];
  private phase: 'new' | 'started' | 'stopped' = 'new';
  private readonly threads: BroadcastChannel;
  /** Positions of work in other threads, as last received. */
  private readonly remotePositions = new Map<string, bigint>();

  constructor(
    @Inject(CONFIG) private readonly config: RuntimeConfig,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(WORK_FILTER) private readonly runsHere: WorkFilter,
    @Inject(LEADER_ELECTION) private readonly election: LeaderElection | null = null,
  ) {
    this.threads = new BroadcastChannel(`background ${resolve(config.dataDirectory)}`);
    this.threads.unref();
    this.threads.onmessage = ({ data }: { readonly data: unknown }) => this.receive(data as ThreadMessage);
  }

  /**
   * Ignores work that runs in another thread.
   * @param name unique in the data directory, starting with the service: `payouts-relay`.
   * @param start called again when this replica becomes leader again.
   * @throws {Error} where the name is in use, or bootstrap is over.
   */
  add(name: string, start: Entry['start'], replicas: Replicas = 'one-replica'): void {
    if (this.phase !== 'new') throw new Error(`background work ${name} was added after the application had started`);
    if (this.entries.some((entry) => entry.name === name))
      throw new Error(`two pieces of background work are named ${name}`);
    if (this.runsHere(name)) this.entries.push({ name, start, replicas });
  }

  /** @throws {DirectoryLocked} where another process runs this work on this data directory. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.phase !== 'new') return;
    this.phase = 'started';
    // All locks first: a process that cannot run one piece of work starts none.
    if (this.election === null)
      for (const entry of this.entries) entry.lock = acquireLock(this.config.dataDirectory, entry.name);
    for (const entry of this.entries) {
      const { name, start, replicas } = entry;
      entry.work =
        this.election === null || replicas === 'every-replica' ? await start() : this.election.nominate(name, start);
      this.logger.debug(`${name} started`);
    }
    this.election?.begin();
  }

  /** Stops all work, last added first, and releases the locks. One that fails to stop does not block the others. */
  async stop(): Promise<void> {
    if (this.phase === 'stopped') return;
    this.phase = 'stopped';
    this.threads.close();
    await this.election?.stopPolling();
    for (const entry of this.entries.toReversed()) {
      try {
        await entry.work?.stop();
      } catch (error) {
        this.logger.error(`${entry.name} did not stop: ${String(error)}`);
      }
      delete entry.work;
      entry.lock?.release();
    }
    this.election?.end();
  }

  /**
   * Waits until a piece of work, in any thread or replica, has reached a position in the log.
   * @throws the reason of the signal where it is aborted.
   */
  async awaitPosition(name: string, position: bigint, signal: AbortSignal): Promise<void> {
    const own = this.entries.find((entry) => entry.name === name);
    for (let polls = 1; ; polls += 1) {
      signal.throwIfAborted();
      const at = own === undefined ? this.remotePositions.get(name) : await positionOf(own);
      if (at !== undefined && at >= position) return;
      if (own === undefined) this.threads.postMessage({ ask: name } satisfies ThreadMessage);
      // An abort ends the pause; the loop then throws.
      await pause(backoffMs(POLL, polls), undefined, { signal }).catch(() => undefined);
    }
  }

  private receive(message: ThreadMessage): void {
    if ('position' in message) {
      this.remotePositions.set(message.work, message.position);
      return;
    }
    const own = this.entries.find(({ name }) => name === message.ask);
    if (own === undefined) return;
    void positionOf(own).then((position) => {
      if (this.phase === 'started' && position !== undefined)
        this.threads.postMessage({ work: message.ask, position } satisfies ThreadMessage);
    });
  }

  /** Why background work is not running: empty while the application is running. */
  notStarted(): readonly string[] {
    if (this.phase === 'stopped') return ['the background work is being stopped'];
    return this.entries.flatMap(({ name, work }) => (work === undefined ? [`${name} has not started`] : []));
  }

  /** Names of failing work. */
  async failing(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const { name, work } of this.entries)
      if (work?.failingParts !== undefined) names.push(...(await work.failingParts()));
      else if (work?.lastError?.() !== undefined) names.push(name);
    return names;
  }

  /**
   * Asked one after the other, in the order in which the work was added: what upstream work has passed on then shows in
   * the lag of downstream work.
   */
  async status(): Promise<readonly WorkStatus[]> {
    const items: WorkStatus[] = [];
    const callStore = failFast();
    const callBroker = failFast();
    const headOf = (): Promise<bigint> => callStore(() => this.store.head());
    for (const entry of this.entries)
      items.push(...((await entry.work?.parts?.()) ?? [await statusOf(entry, headOf, callBroker)]));
    return items;
  }

  /** The metrics of the threads of this process. */
  async metricsOfThreads(): Promise<readonly MetricsJson[]> {
    return Promise.all(this.entries.flatMap(({ work }) => work?.metrics?.() ?? []));
  }
}

/** Undefined also where reading it fails: callers poll again. */
async function positionOf({ work }: Entry): Promise<bigint | undefined> {
  return work?.position?.().catch(() => undefined);
}

/** After a first failure all further calls fail at once, so that an unreachable server costs one timeout only. */
type Ask = <Result>(ask: () => Promise<Result>) => Promise<Result>;

function failFast(): Ask {
  let failed: Promise<never> | undefined;
  return (ask) =>
    failed ??
    ask().catch((error: unknown) => {
      failed = Promise.reject(error instanceof Error ? error : new Error(String(error)));
      return failed;
    });
}

async function statusOf({ name, work }: Entry, headOf: () => Promise<bigint>, callBroker: Ask): Promise<WorkStatus> {
  const isStandby = work?.isStandby?.() ?? false;
  return omitUndefined({
    name,
    running: work !== undefined && !isStandby,
    standby: isStandby ? (true as const) : undefined,
    ...(work === undefined ? {} : await progressOf(work, headOf, callBroker)),
  });
}

/** An unreachable broker or store becomes `lastError` of the work, not a failure of the whole status. */
async function progressOf(
  work: BackgroundWork,
  headOf: () => Promise<bigint>,
  callBroker: Ask,
): Promise<Pick<WorkStatus, 'position' | 'lag' | 'lastError'>> {
  const lastError = work.lastError?.();
  try {
    const head = work.lag === undefined && work.position !== undefined ? await headOf() : undefined;
    const position = await work.position?.();
    let lag: bigint | undefined;
    if (work.lag !== undefined) lag = await callBroker(async () => work.lag?.());
    else if (head !== undefined && position !== undefined) lag = head - position;
    return omitUndefined({
      position: position?.toString(),
      lag: lag === undefined ? undefined : String(lag < 0n ? 0n : lag),
      lastError,
    });
  } catch (error) {
    return { lastError: lastError ?? (error instanceof Error ? error.message : String(error)) };
  }
}
