import { resolve } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';

import { Global, Inject, Injectable, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { scaleCaches } from '@tantieme/event-sourcing/decide/cache-scale';
import { LOG } from '@tantieme/event-sourcing/process/log-source';
import type { Leadership } from '@tantieme/event-sourcing/process/scheduler';
import { topicLane } from '@tantieme/event-sourcing/process/topic-source';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import type { TopicViews } from '@tantieme/messaging/embedded/topic-view';
import { systemTimers } from '@tantieme/time/timers';
import type { Kysely } from 'kysely';

import { AccessGuard } from '../access/access-guard.js';
import { Background } from '../background/background.js';
import { openBroker } from '../runtime/broker.js';
import type { WorkFilter } from '../background/background.js';
import { checkConfig, EMBEDDED } from '../runtime/config.js';
import type { RuntimeConfig } from '../runtime/config.js';
import { openReadDatabase } from '../runtime/database.js';
import { DirectoryLeadership } from '../runtime/directory-lock.js';
import { LaneEnds } from '../runtime/lane-ends.js';
import { withWholeEvents } from '@tantieme/event-store/run';
import { openEventStore } from '../runtime/event-store.js';
import { checkLog } from '../runtime/log-check.js';
import { cacheScaleOf } from '../runtime/memory.js';
import { HealthController } from '../health/health.controller.js';
import { IdempotencyInterceptor } from '../idempotency/idempotency.js';
import { MetricsController } from '../health/metrics.controller.js';
import { Metrics } from '../observability/metrics.js';
import { observedBroker } from '../observability/observed-broker.js';
import { observedEventStore } from '../observability/observed-event-store.js';
import { ProblemFilter } from '../http/problem.js';
import { discardParked, PARKED_PROPOSALS_OF } from '../parking/discard-parked.js';
import { ParkedController } from '../parking/parked.controller.js';
import { proposalsController } from '../two-people/proposal.controller.js';
import type { ProposalTables } from '../two-people/proposal.tables.js';
import { Proposals } from '../two-people/proposals.js';
import { Reachability } from '../health/reachability.js';
import {
  BROKER,
  CONFIG,
  DATABASE,
  EVENT_STORE,
  LOG_CHECK,
  PARKED_PROPOSALS,
  WORK_FILTER,
  TRACING,
  LEADERSHIP,
  THREAD_CHANNEL,
  TIMERS,
  TOPIC_VIEWS,
} from '../runtime/runtime-tokens.js';
import { TokenVerifier } from '../access/token-verifier.js';
import { openTracing } from '../observability/tracing.js';
import type { Tracing } from '../observability/tracing.js';
import { requestValidation } from '../http/validation.js';

/**
 * The tables of all service modules; each module types its own: `@Inject(DATABASE) database: Kysely<PayoutsTables>`.
 */
type AnyTables = Record<string, Record<string, unknown>>;

async function openLeadership({ database, dataDirectory }: RuntimeConfig): Promise<Leadership> {
  if (database === EMBEDDED) return new DirectoryLeadership(dataDirectory);
  const { PostgresLocks } = await import('@tantieme/event-sourcing/process/postgres-locks');
  return new PostgresLocks(database);
}

/** Closes the resources of the process; the background work first, since it writes to the others. */
@Injectable()
export class RuntimeShutdown implements OnApplicationShutdown {
  constructor(
    @Inject(Background) private readonly background: Background,
    @Inject(DATABASE) private readonly database: Kysely<AnyTables>,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(TRACING) private readonly tracing: Tracing | null,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
    await this.database.destroy();
    await this.broker.close();
    await this.store.close();
    await this.tracing?.shutdown();
  }
}

/**
 * The ports of one process, shared by all its service modules, and what every route passes: access guard, validation,
 * idempotency, problem documents. Global: service modules inject from it without an import.
 */
@Global()
@Module({})
export class RuntimeModule {
  /** @throws {ConfigError} */
  static forRoot(config: RuntimeConfig, runsHere: WorkFilter = () => true): DynamicModule {
    checkConfig(config);
    scaleCaches(cacheScaleOf(config.memoryMb));
    return {
      module: RuntimeModule,
      imports: [DiscoveryModule],
      controllers: [
        HealthController,
        MetricsController,
        ParkedController,
        proposalsController('parked-proposals', PARKED_PROPOSALS),
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: WORK_FILTER, useValue: runsHere },
        Metrics,
        {
          provide: EVENT_STORE,
          useFactory: async (metrics: Metrics, ends: LaneEnds) => {
            const store = await openEventStore(config);
            return withWholeEvents(observedEventStore(store, metrics, (position) => ends.note(LOG, position)));
          },
          inject: [Metrics, LaneEnds],
        },
        {
          provide: BROKER,
          useFactory: async (metrics: Metrics, tracing: Tracing | null, views: TopicViews, ends: LaneEnds) => {
            const broker = await openBroker(config, views);
            return observedBroker(broker, metrics, tracing, async (topic) => {
              // On Kafka this would be another call to the servers; the scheduler looks by itself.
              if (config.kafka !== undefined) return;
              for (const [partition, end] of await broker.endPositions(topic))
                ends.note(topicLane(topic, partition), end);
            });
          },
          inject: [Metrics, TRACING, TOPIC_VIEWS, LaneEnds],
        },
        { provide: TRACING, useFactory: () => openTracing(config) },
        { provide: DATABASE, useFactory: () => openReadDatabase(config) },
        { provide: LOG_CHECK, useFactory: checkLog, inject: [EVENT_STORE, DATABASE, TIMERS, CONFIG] },
        { provide: TOPIC_VIEWS, useFactory: () => new Map() },
        LaneEnds,
        { provide: TIMERS, useValue: systemTimers },
        {
          provide: THREAD_CHANNEL,
          useFactory: () => new BroadcastChannel(`background ${resolve(config.dataDirectory)}`),
        },
        { provide: LEADERSHIP, useFactory: () => openLeadership(config) },
        Background,
        {
          provide: PARKED_PROPOSALS,
          useFactory: (store: EventStore, db: Kysely<ProposalTables>, background: Background) =>
            new Proposals({
              service: PARKED_PROPOSALS_OF,
              store,
              db,
              background: { add: (process) => background.addShared(process) },
              actions: [discardParked(background.parking)],
            }),
          inject: [EVENT_STORE, DATABASE, Background],
        },
        Reachability,
        TokenVerifier,
        RuntimeShutdown,
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_PIPE, useFactory: requestValidation },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
      exports: [CONFIG, EVENT_STORE, BROKER, DATABASE, Background, TokenVerifier, Metrics, TIMERS, TRACING],
    };
  }
}
