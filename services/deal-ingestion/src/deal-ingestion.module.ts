import { Inject, Logger, Module } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { EventStore } from '@tantieme/event-store/event-store';
import { startProjection } from '@tantieme/event-sourcing/read-model/projection';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { BROKER, CONFIG, DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { ImportFactsHandler, stagingDirectory, TakeFactHandler } from './fact/fact.commands.js';
import { toMessages } from './deal/deal.events-out.js';
import { startInbound } from './fact/fact.consumer.js';
import { DealsController } from './deal/deal.controller.js';
import { dealDecider } from './deal/deal.js';
import { refusalDecider } from './refusal/refusal.js';
import { DEAL_RUNTIME, FactIntake, REFUSAL_RUNTIME } from './fact/fact-recorder.service.js';
import { removeLeftovers } from './import/row-staging.service.js';
import { ImportsController } from './import/import.controller.js';
import { FindDealHandler, ListDealsHandler, ListRefusalsHandler } from './deal/deal.queries.js';
import { readModel } from './deal/deal.tables.js';
import type { DealIngestionTables } from './deal/deal.tables.js';

/** Bytes of deals that are kept in memory: about ten thousand, those that a file or a topic is just about. */
const DEALS_BYTES_MAX = 24 * 1024 * 1024;
const REFUSALS_BYTES_MAX = 1024 * 1024;

@Module({
  imports: [CqrsModule],
  controllers: [DealsController, ImportsController],
  providers: [
    {
      provide: DEAL_RUNTIME,
      useFactory: (store: EventStore) => createRuntime({ store, decider: dealDecider, cacheBytesMax: DEALS_BYTES_MAX }),
      inject: [EVENT_STORE],
    },
    {
      provide: REFUSAL_RUNTIME,
      useFactory: (store: EventStore) =>
        createRuntime({ store, decider: refusalDecider, cacheBytesMax: REFUSALS_BYTES_MAX }),
      inject: [EVENT_STORE],
    },
    FactIntake,
    TakeFactHandler,
    ImportFactsHandler,
    FindDealHandler,
    ListDealsHandler,
    ListRefusalsHandler,
  ],
})
export class DealIngestionModule implements OnModuleInit {
  private readonly logger = new Logger(DealIngestionModule.name);

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(DATABASE) private readonly database: Kysely<DealIngestionTables>,
    @Inject(CONFIG) private readonly config: RuntimeConfig,
    @Inject(FactIntake) private readonly intake: FactIntake,
    @Inject(Background) private readonly background: Background,
  ) {}

  onModuleInit(): void {
    const { store, broker, database: db, intake } = this;
    removeLeftovers(stagingDirectory(this.config));
    const onError = (name: string) => (error: unknown) => this.logger.error({ err: error }, `${name} failed`);
    this.background.add(readModel.name, () =>
      startProjection({ store, db, projection: readModel, onError: onError(readModel.name) }),
    );
    const relay = 'deal-ingestion-relay';
    this.background.add(relay, () =>
      startRelay({
        store,
        broker,
        db,
        name: relay,
        filter: { categories: [dealDecider.category] },
        toMessages,
        begins: true,
        onError: onError(relay),
      }),
    );
    const inbound = 'deal-ingestion-inbound';
    this.background.add(inbound, () => startInbound(broker, intake, onError(inbound)), 'every-replica');
  }
}
