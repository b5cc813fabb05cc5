import { Inject, Module } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { EventStore } from '@tantieme/event-store/event-store';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';

import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { Background } from '@tantieme/service-kit/background/background';
import { EMBEDDED } from '@tantieme/service-kit/runtime/config';
import type { Timers } from '@tantieme/time/timers';
import type { RuntimeConfig } from '@tantieme/service-kit/runtime/config';
import { CONFIG, DATABASE, EVENT_STORE, TIMERS } from '@tantieme/service-kit/runtime/runtime-tokens';
import { proposalsController } from '@tantieme/service-kit/two-people/proposal.controller';
import type { Kysely } from 'kysely';
import { DealsController } from './deal/deal.controller.js';
import { DEALS } from './deal/deal.events-out.js';
import type { DealRuntime } from './deal/deal.queries.js';
import { DEAL_RUNTIME, FindDealHandler, ListDealsHandler } from './deal/deal.queries.js';
import type { DealTables } from './deal/deal.tables.js';
import { dealDecider } from './deal/deal.js';
import { RecordFactHandler } from './fact/fact.commands.js';
import { factConsumer } from './fact/fact.consumer.js';
import { FactsController } from './fact/fact.controller.js';
import { FactRecorder } from './fact/fact-recorder.service.js';
import type { OpenRefusalTables } from './fact/open-refusals.tables.js';
import { refusalResolution } from './fact/refusal-resolution.process.js';
import { IMPORT_RUNTIME, ImportFactsHandler, stagingDirectory, TryImportHandler } from './import/import.commands.js';
import { ImportsController } from './import/import.controller.js';
import { FindImportHandler, FindRejectedRowsHandler, ListImportsHandler } from './import/import.queries.js';
import type { ImportTables } from './import/import.tables.js';
import { importDecider } from './import/import.js';
import type { ImportRuntime } from './import/import.commands.js';
import { interruptedImports } from './import/interrupted-imports.process.js';
import { UndoImportHandler } from './import/undo.commands.js';
import { RetryController } from './import/retry.controller.js';
import { RetryRefusalHandler } from './import/retry.commands.js';
import { removeLeftovers } from './import/temporary-database.service.js';
import { readModel } from './read-model.tables.js';
import { ProposeDiscardHandler } from './refusal/discard.commands.js';
import { PROPOSALS, PROPOSALS_OF, refusalProposals } from './refusal/discard-refusal.service.js';
import { RefusalsController } from './refusal/refusal.controller.js';
import { FindRefusalHandler, ListRefusalsHandler } from './refusal/refusal.queries.js';
import { REFUSAL_RUNTIME } from './refusal/refusal-runtime.service.js';
import { refusalDecider } from './refusal/refusal.js';
import { DEALS_BYTES_MAX, REFUSALS_BYTES_MAX, IMPORTS_BYTES_MAX } from './limits.js';

/** Facts are recorded only if the deal with them can be published. */
export function openDeals(store: EventStore): DealRuntime {
  return createRuntime({ store, decider: dealDecider, cacheBytesMax: DEALS_BYTES_MAX, messagesOf: DEALS.toMessages });
}

@Module({
  imports: [CqrsModule],
  controllers: [
    FactsController,
    DealsController,
    RefusalsController,
    ImportsController,
    RetryController,
    proposalsController(`${PROPOSALS_OF}-proposals`, PROPOSALS),
  ],
  providers: [
    {
      provide: DEAL_RUNTIME,
      useFactory: openDeals,
      inject: [EVENT_STORE],
    },
    {
      provide: REFUSAL_RUNTIME,
      useFactory: (store: EventStore) =>
        createRuntime({ store, decider: refusalDecider, cacheBytesMax: REFUSALS_BYTES_MAX }),
      inject: [EVENT_STORE],
    },
    {
      provide: IMPORT_RUNTIME,
      useFactory: (store: EventStore) =>
        createRuntime({ store, decider: importDecider, cacheBytesMax: IMPORTS_BYTES_MAX }),
      inject: [EVENT_STORE],
    },
    refusalProposals,
    ProposeDiscardHandler,
    FactRecorder,
    RecordFactHandler,
    ImportFactsHandler,
    TryImportHandler,
    UndoImportHandler,
    RetryRefusalHandler,
    FindDealHandler,
    ListDealsHandler,
    FindRefusalHandler,
    ListRefusalsHandler,
    FindImportHandler,
    ListImportsHandler,
    FindRejectedRowsHandler,
  ],
})
export class DealIngestionModule implements OnModuleInit {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<DealTables & ImportTables & OpenRefusalTables>,
    @Inject(CONFIG) private readonly config: RuntimeConfig,
    @Inject(FactRecorder) private readonly recorder: FactRecorder,
    @Inject(IMPORT_RUNTIME) private readonly imports: ImportRuntime,
    @Inject(Background) private readonly background: Background,
    @Inject(TIMERS) private readonly timers: Timers,
  ) {}

  onModuleInit(): void {
    const { background, config, db, imports, recorder } = this;
    removeLeftovers(stagingDirectory(config));
    background.publish(DEALS);
    background.add(projectionProcess(db, readModel));
    background.add(refusalResolution(db, recorder));
    background.add(factConsumer(recorder));
    // Nobody else imports into an embedded event store, and this server takes no request before its threads run.
    const startedMs = this.timers.nowMs();
    background.add(interruptedImports(imports, config.eventStore === EMBEDDED ? startedMs : undefined));
  }
}
