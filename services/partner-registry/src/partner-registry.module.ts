import { Inject, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { EventStore } from '@tantieme/event-store/event-store';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';

import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { PartnerImportController } from './partner/partner-import.controller.js';
import { ImportPartnersHandler } from './partner/partner-import.commands.js';
import { ChangePartnerHandler } from './partner/partner.commands.js';
import { partnerDecider } from './partner/partner.js';
import { PARTNERS } from './partner/partner.events-out.js';
import type { PartnerRuntime } from './partner/registry.service.js';
import { PartnersController } from './partner/partner.controller.js';
import { FindPartnerHandler, ListPartnersHandler, ListPartnerWarningsHandler } from './partner/partner.queries.js';
import { readModel } from './partner/partner.tables.js';
import type { PartnerRegistryTables } from './partner/partner.tables.js';
import { PARTNER_RUNTIME, Registry } from './partner/registry.service.js';
import { PARTNERS_BYTES_MAX } from './limits.js';

/** Partners change only to what can be published. */
export function openPartners(store: EventStore): PartnerRuntime {
  return createRuntime({
    store,
    decider: partnerDecider,
    cacheBytesMax: PARTNERS_BYTES_MAX,
    messagesOf: PARTNERS.toMessages,
  });
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
export class PartnerRegistryModule {
  constructor(@Inject(DATABASE) db: Kysely<PartnerRegistryTables>, @Inject(Background) background: Background) {
    background.publish(PARTNERS);
    background.add(projectionProcess(db, readModel));
  }
}
