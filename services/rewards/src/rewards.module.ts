import { Inject, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';
import type { EventStore } from '@tantieme/event-store/event-store';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import { BonusesController } from './bonus/bonus.controller.js';
import { ListBonusesHandler } from './bonus/bonus.queries.js';
import { openBonuses } from './bonus/bonuses.service.js';
import { commissionsConsumer } from './bonus/commissions.consumer.js';
import { eligibilityProcess } from './bonus/eligibility.process.js';
import { catchUpProcess } from './catch-up/catch-up.process.js';
import { Closing } from './closing/closing.process.js';
import { REWARDS } from './events-out.js';
import { openEarningsLedger } from './ledger/earnings-ledger.service.js';
import { partnersConsumer } from './participant/participant.consumer.js';
import { openParticipants } from './participant/participants.service.js';
import { REWARDS_CLOSINGS } from './period/period.events-out.js';
import { openCalendars, openPeriods } from './period/periods.service.js';
import { PublishProgrammeHandler } from './programme/programme.commands.js';
import { ProgrammesController } from './programme/programme.controller.js';
import { ListProgrammesHandler, ReadProgrammeHandler } from './programme/programme.queries.js';
import { openProgrammes, PROGRAMMES } from './programme/programmes.service.js';
import type { Programmes } from './programme/programmes.service.js';
import { readModel } from './rewards.tables.js';
import type { RewardsTables } from './rewards.tables.js';

/** Incentive programmes and their bonuses. */
@Module({
  imports: [CqrsModule],
  controllers: [ProgrammesController, BonusesController],
  providers: [
    { provide: PROGRAMMES, useFactory: openProgrammes, inject: [EVENT_STORE] },
    PublishProgrammeHandler,
    ListProgrammesHandler,
    ReadProgrammeHandler,
    ListBonusesHandler,
  ],
})
export class RewardsModule {
  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(DATABASE) db: Kysely<RewardsTables>,
    @Inject(PROGRAMMES) programmes: Programmes,
    @Inject(Background) background: Background,
  ) {
    const bonuses = openBonuses(store);
    const ledger = openEarningsLedger(store);
    const calendars = openCalendars(store);
    const periods = openPeriods(store);
    background.publish(REWARDS, REWARDS_CLOSINGS);
    background.add(projectionProcess(db, readModel));
    background.add(eligibilityProcess(bonuses, programmes));
    background.add(catchUpProcess({ store, db, bonuses, programmes }));
    background.add(partnersConsumer(openParticipants(store)));
    background.add(commissionsConsumer({ ledger, periods, bonuses }));
    background.add(new Closing({ store, db, bonuses, calendars, periods }).process());
  }
}
