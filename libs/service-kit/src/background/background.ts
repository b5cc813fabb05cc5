import type { BroadcastChannel } from 'node:worker_threads';

import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { countOpen, parkedProjection } from '@tantieme/event-sourcing/parking/parked.projection';
import type { ParkedTables } from '@tantieme/event-sourcing/parking/parked.projection';
import type { Parking } from '@tantieme/event-sourcing/parking/parking';
import type { Process } from '@tantieme/event-sourcing/process/process';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';
import { relayOf, viewOf } from '@tantieme/event-sourcing/process/publication';
import type { Publication } from '@tantieme/event-sourcing/process/publication';
import { Scheduler } from '@tantieme/event-sourcing/process/scheduler';
import type { Leadership, ThreadMessage } from '@tantieme/event-sourcing/process/scheduler';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import type { TopicView } from '@tantieme/messaging/embedded/topic-view';
import type { Timers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';

import { Metrics } from '../observability/metrics.js';
import type { MetricsJson } from '../observability/metrics.js';
import { observedStep } from '../observability/observed-broker.js';
import type { Tracing } from '../observability/tracing.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { LaneEnds } from '../runtime/lane-ends.js';
import {
  BROKER,
  CONFIG,
  DATABASE,
  EVENT_STORE,
  LEADERSHIP,
  THREAD_CHANNEL,
  TIMERS,
  TOPIC_VIEWS,
  TRACING,
  WORK_FILTER,
} from '../runtime/runtime-tokens.js';
import type { WorkStatus } from '../observability/work-status.js';

/** Selects by name the processes that run in this application: threads share those of one data directory. */
export type WorkFilter = (process: string) => boolean;

/** Processes in a thread of their own; they tell what they do over the channel of all threads. */
export interface WorkThread {
  start(): Promise<unknown>;
  stop(): Promise<void>;
  /** As last sent. */
  metrics(): MetricsJson;
}

/**
 * The processes of all service modules in this application, run by one scheduler. A module adds its processes and
 * publications in its constructor or in `onModuleInit`. They start at application bootstrap, and stop at shutdown,
 * before the stores close. Replicas that share a database elect a leader for each process. On a data directory a second
 * application that has one of the processes fails at its start; only the work on parked items, which every service has,
 * is elected among the services on the directory.
 */
@Injectable()
export class Background implements OnApplicationBootstrap {
  private readonly logger = new Logger(Background.name);
  private readonly scheduler: Scheduler;
  private readonly threads: WorkThread[] = [];
  /** Processes that only this application may run on a data directory. */
  private readonly claimed: string[] = [];
  private phase: 'new' | 'started' | 'stopped' = 'new';
  private parkedCount = 0;

  constructor(
    @Inject(CONFIG) private readonly config: RuntimeConfig,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(DATABASE) private readonly db: Kysely<Record<string, Record<string, unknown>>>,
    @Inject(TOPIC_VIEWS) private readonly views: Map<string, TopicView>,
    @Inject(WORK_FILTER) private readonly runsHere: WorkFilter,
    @Inject(LaneEnds) ends: LaneEnds,
    @Inject(Metrics) metrics: Metrics,
    @Inject(TRACING) tracing: Tracing | null,
    @Inject(LEADERSHIP) private readonly leadership: Leadership,
    @Inject(TIMERS) timers: Timers,
    @Inject(THREAD_CHANNEL) private readonly channel: BroadcastChannel | null,
  ) {
    this.scheduler = new Scheduler({
      store,
      broker,
      db,
      views,
      timers,
      leadership,
      onError: (name, error) => this.logger.error({ err: error, process: name }, `${name} failed`),
      observe: observedStep(metrics, tracing),
      tell:
        channel === null
          ? undefined
          : (message) => {
              if (this.phase === 'started') channel.postMessage(message);
            },
    });
    if (channel !== null) {
      channel.unref();
      channel.onmessage = ({ data }: { readonly data: unknown }) => this.scheduler.receive(data as ThreadMessage);
    }
    ends.listen((lane, end) => this.scheduler.noteEnd(lane, end));
    this.addShared(projectionProcess(db as unknown as Kysely<ParkedTables>, parkedProjection()));
  }

  /** Parks messages and events, and answers retries. */
  get parking(): Parking {
    return this.scheduler.parking;
  }

  /** A process of another thread is only noted. @throws {Error} where the name is in use, or bootstrap is over. */
  add<Item>(process: Process<Item>): void {
    this.assertNew(process.name);
    const here = this.runsHere(process.name);
    this.scheduler.add(process, here);
    if (here) this.claimed.push(process.name);
  }

  /** A process of every service: one of the services on a data directory runs it, the others stand by. */
  addShared<Item>(process: Process<Item>): void {
    this.scheduler.add(process, this.runsHere(process.name));
  }

  /** Embedded, the topics become views of the log; on Kafka a relay publishes each of them. */
  publish(...publications: readonly Publication[]): void {
    for (const publication of publications) {
      this.assertNew(publication.name);
      this.view(publication);
      if (this.config.kafka === undefined) continue;
      this.add(relayOf(publication, { store: this.store, broker: this.broker, parking: this.parking }));
      this.scheduler.addRelay(publication.topic, publication.name);
    }
  }

  /** What other threads publish: embedded, their topics are views of the log here too. */
  view(...publications: readonly Publication[]): void {
    if (this.config.kafka !== undefined) return;
    for (const publication of publications)
      this.views.set(publication.topic, viewOf(publication, this.store, this.parking));
  }

  /** Starts after the processes of this thread, and stops before them. */
  addThread(thread: WorkThread): void {
    this.threads.push(thread);
  }

  /** @throws {DirectoryLocked} where another application runs a process on this data directory. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.phase !== 'new') return;
    // All locks first: an application that cannot run one process runs none.
    this.leadership.claim?.(this.claimed);
    this.phase = 'started';
    this.scheduler.start();
    await Promise.all(this.threads.map((thread) => thread.start()));
  }

  async stop(): Promise<void> {
    if (this.phase === 'stopped') return;
    this.phase = 'stopped';
    for (const thread of this.threads.toReversed())
      await thread.stop().catch((error: unknown) => this.logger.error(`a thread did not stop: ${String(error)}`));
    await this.scheduler.stop();
    this.channel?.close();
  }

  /** Why processes do not run: empty while the application is running. */
  notStarted(): readonly string[] {
    if (this.phase === 'stopped') return ['the background work is being stopped'];
    if (this.phase === 'new') return ['the background work has not started'];
    return this.status().flatMap(({ name, lag, lastError }) =>
      lag !== undefined || lastError !== undefined ? [] : [`${name} has not started`],
    );
  }

  /** Names of failing processes. */
  failing(): readonly string[] {
    return this.status().flatMap(({ name, lastError }) => (lastError === undefined ? [] : [name]));
  }

  /** What is known of all processes, in the order of the path of a deal; asks neither store nor broker. */
  status(): readonly WorkStatus[] {
    return this.scheduler.status().map(({ name, running, standby, position, lag, lastError }) =>
      omitUndefined({
        name,
        running,
        standby: standby ? (true as const) : undefined,
        position: position?.toString(),
        lag: lag?.toString(),
        lastError,
      }),
    );
  }

  /** The number of parked items as last counted; counts again in the background. */
  parked(): number {
    countOpen(this.db as unknown as Kysely<ParkedTables>).then(
      (count) => (this.parkedCount = count),
      // Its table does not exist yet, or the database cannot be reached.
      () => undefined,
    );
    return this.parkedCount;
  }

  /** The metrics of the threads of this process, as last sent. */
  metricsOfThreads(): readonly MetricsJson[] {
    return this.threads.map((thread) => thread.metrics());
  }

  private assertNew(name: string): void {
    if (this.phase !== 'new') throw new Error(`the process ${name} was added after the application had started`);
  }
}
