import { Inject, Logger, Module } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { EventStore } from '@tantieme/event-store/event-store';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { PartnerImportController } from './partner/partner-import.controller.js';
import { ImportPartnersHandler } from './partner/partner-import.commands.js';
import { ChangePartnerHandler } from './partner/partner.commands.js';
import { partnerDecider } from './partner/partner.js';
import type { PartnerRuntime } from './partner/registry.service.js';
import { toMessages } from './partner/partner.events-out.js';
import { PartnersController } from './partner/partner.controller.js';
import { FindPartnerHandler, ListPartnersHandler, ListPartnerWarningsHandler } from './partner/partner.queries.js';
import { readModel } from './partner/partner.tables.js';
import type { PartnerRegistryTables } from './partner/partner.tables.js';
import { PARTNER_RUNTIME, Registry } from './partner/registry.service.js';
import { PARTNERS_BYTES_MAX } from './limits.js';

/** Partners change only to what can be published. */
export function openPartners(store: EventStore): PartnerRuntime {
  return createRuntime({ store, decider: partnerDecider, cacheBytesMax: PARTNERS_BYTES_MAX, messagesOf: toMessages });
}

@Module({
  imports: [CqrsModule],
  controllers: [PartnersController, PartnerImportController],
  providers: [
    {
      provide: PARTNER_RUNTIME,
      useFactory: openPartners,
      inject: [EVENT_STORE],
    },
    Registry,
    ChangePartnerHandler,
    ImportPartnersHandler,
    FindPartnerHandler,
    ListPartnersHandler,
    ListPartnerWarningsHandler,
  ],
})
export class PartnerRegistryModule implements OnModuleInit {
  private readonly logger = new Logger(PartnerRegistryModule.name);

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(DATABASE) private readonly database: Kysely<PartnerRegistryTables>,
    @Inject(Background) private readonly background: Background,
  ) {}

  onModuleInit(): void {
    const { store, broker, database: db } = this;
    const onError = (name: string) => (error: unknown) => this.logger.error({ err: error }, `${name} failed`);
    this.background.add(readModel.name, () =>
      startProjection({ store, db, projection: readModel, onError: onError(readModel.name) }),
    );
    const relay = 'partner-registry-relay';
    this.background.add(relay, () =>
      startRelay({
        store,
        broker,
        db,
        name: relay,
        filter: { categories: [partnerDecider.category] },
        toMessages,
        onError: onError(relay),
      }),
    );
  }
}
