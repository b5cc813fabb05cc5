import { Inject, Logger, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import { startFollower } from '@tantieme/event-sourcing/process/follower';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { categoryOf } from '@tantieme/event-store/event-store';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import { BonusesController } from './bonus/bonus.controller.js';
import { bonusMessagesOf, PUBLISHED_BONUS_EVENTS } from './bonus/bonus.events-out.js';
import { BONUS } from './bonus/bonus.js';
import { ListBonusesHandler } from './bonus/bonus.queries.js';
import { openBonuses } from './bonus/bonuses.service.js';
import { COMMISSIONS_GROUP, receiveCommissions } from './bonus/commissions.consumer.js';
import { followParticipants } from './bonus/eligibility.process.js';
import { CatchUps } from './catch-up/catch-up.process.js';
import { Closing } from './closing/closing.process.js';
import { openEarningsLedger } from './ledger/earnings-ledger.service.js';
import { PARTNERS_GROUP, receivePartners } from './participant/participant.consumer.js';
import { PARTICIPANT } from './participant/participant.js';
import { openParticipants } from './participant/participants.service.js';
import { manifestMessagesOf, PUBLISHED_PERIOD_EVENTS } from './period/period.events-out.js';
import { REWARDS_PERIOD } from './period/period.js';
import { openCalendars, openPeriods } from './period/periods.service.js';
import { PublishProgrammeHandler } from './programme/programme.commands.js';
import { ProgrammesController } from './programme/programme.controller.js';
import { ListProgrammesHandler, ReadProgrammeHandler } from './programme/programme.queries.js';
import { openProgrammes, PROGRAMMES } from './programme/programmes.service.js';
import type { Programmes } from './programme/programmes.service.js';
import { readModel } from './rewards.tables.js';
import type { RewardsTables } from './rewards.tables.js';

const MESSAGES_PER_BATCH = 1000;

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
  private readonly logger = new Logger('rewards');

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(BROKER) broker: Broker,
    @Inject(DATABASE) db: Kysely<RewardsTables>,
    @Inject(PROGRAMMES) programmes: Programmes,
    @Inject(Background) background: Background,
  ) {
    const onError = (error: unknown): void => this.logger.error({ err: error }, 'background work failed');
    const bonuses = openBonuses(store);
    const ledger = openEarningsLedger(store);
    const participants = openParticipants(store);
    const calendars = openCalendars(store);
    const periods = openPeriods(store);
    background.add('rewards-read-model', () => startProjection({ store, db, projection: readModel, onError }));
    background.add('rewards-relay', () =>
      startRelay({
        store,
        broker,
        db,
        name: 'rewards-relay',
        filter: { categories: [BONUS, REWARDS_PERIOD], types: [...PUBLISHED_BONUS_EVENTS, ...PUBLISHED_PERIOD_EVENTS] },
        toMessages: (stored) =>
          categoryOf(stored.stream) === BONUS ? bonusMessagesOf(stored) : manifestMessagesOf(stored),
        onError,
      }),
    );
    background.add('rewards-eligibility', () =>
      startFollower({
        store,
        db,
        name: 'rewards-eligibility',
        filter: { categories: [PARTICIPANT] },
        handle: (events) => followParticipants(bonuses, programmes, events),
        onError,
      }),
    );
    background.add('rewards-catch-ups', () => new CatchUps({ store, db, bonuses, programmes, onError }).start());
    background.add(
      'rewards-partners-consumer',
      () =>
        startConsumer({
          broker,
          group: PARTNERS_GROUP,
          topics: [TOPICS.partners],
          batchSize: MESSAGES_PER_BATCH,
          handle: (batch) => receivePartners(participants, batch),
          onError,
        }),
      'every-replica',
    );
    background.add(
      'rewards-commissions-consumer',
      () =>
        startConsumer({
          broker,
          group: COMMISSIONS_GROUP,
          topics: [TOPICS.commissions],
          batchSize: MESSAGES_PER_BATCH,
          handle: (batch) => receiveCommissions({ ledger, periods, bonuses }, batch),
          onError,
        }),
      'every-replica',
    );
    background.add('rewards-closing', () =>
      new Closing({
        store,
        broker,
        db,
        bonuses,
        calendars,
        periods,
        awaitPosition: (work, position, signal) => background.awaitPosition(work, position, signal),
        onError,
      }).start(),
    );
  }
}
