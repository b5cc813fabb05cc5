import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { RunningConsumer } from '@tantieme/event-sourcing/process/consumer';
import { startFollower } from '@tantieme/event-sourcing/process/follower';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import type { RunningProcess } from '@tantieme/event-sourcing/process/running-process';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import type { EventStore, StoredEvent } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { Backpressure } from './backpressure.service.js';
import type { ConsumerSetup } from './batch.consumer.js';
import { Budgets } from './budget/budget.service.js';
import { calendarOfStream } from './calendar/calendar.js';
import { Calendars } from './calendar/calendars.service.js';
import { startCreditConsumer } from './credit/credit.consumer.js';
import { Crediting } from './credit/crediting.service.js';
import { DealDependencies, FOLLOWED } from './credit/deal-dependencies.service.js';
import { pendingDealsProjection } from './credit/pending-deals.projection.js';
import type { PendingDealTables } from './credit/pending-deals.tables.js';
import { startEarningConsumer } from './earning/earning.consumer.js';
import { Earning, EARNING_RUNTIME } from './earning/earning.service.js';
import type { EarningRuntime } from './earning/earning.service.js';
import { PayeeTermsUpdates } from './earning/payee-terms.service.js';
import { CREDITS_RELAYED, EARNINGS_RELAYED, publicationsOf } from './events-out.js';
import { Closing, CLOSINGS } from './period/closing.process.js';
import { Periods } from './period/periods.service.js';
import { PlanCatalog } from './plan/plan-catalog.service.js';
import { createReadModel } from './read-model.projection.js';
import type { ReadModelTables } from './read-model.projection.js';
import { PartnerCache } from './reference/cache/partner-cache.service.js';
import { ReferenceRecorder } from './reference/reference-recorder.service.js';
import { REFERENCE_RUNTIME } from './reference/stream/reference-runtime.service.js';
import type { ReferenceRuntime } from './reference/stream/reference-runtime.service.js';
import { startReferenceConsumer } from './reference/reference.consumer.js';

/** The processes behind the API, in the order in which they start. */
@Injectable()
export class CommissionBackground implements OnModuleInit {
  private readonly logger = new Logger('commission-calculation');
  /** Readers of the log that run here, for backpressure. */
  private readonly readers = new Map<string, RunningProcess>();
  private readonly backpressure: Backpressure;

  constructor(
    @Inject(Background) private readonly background: Background,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(DATABASE) private readonly db: Kysely<ReadModelTables & PendingDealTables>,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
    @Inject(PartnerCache) private readonly partners: PartnerCache,
    @Inject(REFERENCE_RUNTIME) private readonly references: ReferenceRuntime,
    @Inject(ReferenceRecorder) private readonly recorder: ReferenceRecorder,
    @Inject(Crediting) private readonly crediting: Crediting,
    @Inject(DealDependencies) private readonly dependencies: DealDependencies,
    @Inject(EARNING_RUNTIME) private readonly earnings: EarningRuntime,
    @Inject(Earning) private readonly earning: Earning,
    @Inject(Budgets) private readonly budgets: Budgets,
    @Inject(PayeeTermsUpdates) private readonly payeeTerms: PayeeTermsUpdates,
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(Periods) private readonly periods: Periods,
  ) {
    this.backpressure = new Backpressure(store, () => this.readers.values());
  }

  onModuleInit(): void {
    const { store, broker, db } = this;
    this.addReader('commission-read-model', (onError) =>
      startProjection({ store, db, projection: createReadModel(), onError }),
    );
    this.addReader('commission-pending-deals', (onError) =>
      startProjection({ store, db, projection: pendingDealsProjection, onError }),
    );
    // Two relays, because credits and earnings may be made in different threads.
    const relays = { 'commission-credit-relay': CREDITS_RELAYED, 'commission-relay': EARNINGS_RELAYED };
    for (const [name, filter] of Object.entries(relays))
      this.addReader(name, (onError) =>
        startRelay({ store, broker, db, name, filter, toMessages: publicationsOf, onError }),
      );
    this.addReader('commission-deal-dependencies', (onError) =>
      startFollower({
        store,
        db,
        name: 'commission-deal-dependencies',
        filter: FOLLOWED,
        prepare: () => this.dependencies.prepare(),
        handle: (events) => this.dependencies.follow(events),
        onError,
      }),
    );
    this.addConsumer('commission-reference', (setup) =>
      startReferenceConsumer(setup, this.references, this.partners, this.recorder),
    );
    this.addConsumer('commission-credit', (setup) => startCreditConsumer(setup, this.crediting));
    this.addConsumer('commission-earn', (setup) =>
      startEarningConsumer(setup, this.earning, this.budgets, this.payeeTerms),
    );
    this.background.add('commission-closing', () => this.startClosing());
  }

  private addReader(
    name: string,
    start: (onError: (error: unknown) => void) => RunningProcess | Promise<RunningProcess>,
  ): void {
    this.background.add(name, async () => {
      const reader = await start((error) => this.logger.error(error, `${name} failed`));
      this.readers.set(name, reader);
      return {
        ...reader,
        stop: () => {
          this.readers.delete(name);
          return reader.stop();
        },
      };
    });
  }

  private addConsumer(name: string, start: (setup: ConsumerSetup) => RunningConsumer): void {
    this.background.add(
      name,
      () =>
        start({
          broker: this.broker,
          backpressure: this.backpressure,
          onError: (error) => this.logger.error(error, `${name} failed`),
        }),
      'every-replica',
    );
  }

  /** A closing runs inside the follower of its first event: the checkpoint advances when the closing is done. */
  private startClosing(): RunningProcess {
    const { store, broker, db, plans, calendars, periods, earnings, earning } = this;
    const stopping = new AbortController();
    const closing = new Closing({
      store,
      broker,
      db,
      plans,
      calendars,
      periods,
      earnings,
      earning,
      awaitPosition: (name, position, signal) => this.background.awaitPosition(name, position, signal),
    });
    const follower = startFollower({
      store,
      db,
      name: 'commission-closing',
      filter: CLOSINGS,
      batchSize: 1,
      handle: async (events: readonly StoredEvent[]) => {
        for (const event of events)
          await closing.run(calendarOfStream(event.stream), metadataOf(event).correlationId, stopping.signal);
      },
      onError: (error) => {
        if (!stopping.signal.aborted) this.logger.error(error, 'commission-closing failed');
      },
    });
    return {
      ...follower,
      stop: () => {
        stopping.abort();
        return follower.stop();
      },
    };
  }
}
