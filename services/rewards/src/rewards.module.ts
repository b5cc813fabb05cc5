import { Inject, Logger, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TOPICS } from '@tantieme/contracts/topics';
import { startFollower } from '@tantieme/event-sourcing/process/follower';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import { ANNOUNCED, announcementsOf } from './events-out.js';
import { CatchUps } from './programme/catch-ups.process.js';
import { Closing } from './period/closing.process.js';
import { PublishProgrammeHandler } from './programme/programme.commands.js';
import { BONUS } from './bonus/bonus.js';
import { PARTICIPANT } from './participant/participant.js';
import { REWARDS_PERIOD } from './period/period.js';
import { followParticipants } from './participant/eligibility.process.js';
import { GROUPS } from './consumer-groups.js';
import { takeCommissions, takePartners } from './inputs.consumer.js';
import { ListBonusesHandler } from './bonus/bonus.queries.js';
import { ListProgrammesHandler, ReadProgrammeHandler } from './programme/programme.queries.js';
import { readModel } from './rewards.tables.js';
import type { RewardsTables } from './rewards.tables.js';
import { RewardsController } from './rewards.controller.js';
import { Runtimes } from './runtimes.service.js';

const MESSAGES_PER_BATCH = 1000;

/** Incentive programmes. */
@Module({
  imports: [CqrsModule],
  controllers: [RewardsController],
  providers: [Runtimes, PublishProgrammeHandler, ListProgrammesHandler, ReadProgrammeHandler, ListBonusesHandler],
})
export class RewardsModule {
  private readonly logger = new Logger('rewards');

  constructor(
    @Inject(Runtimes) runtimes: Runtimes,
    @Inject(BROKER) broker: Broker,
    @Inject(DATABASE) db: Kysely<RewardsTables>,
    @Inject(Background) background: Background,
  ) {
    const onError = (error: unknown): void => this.logger.error({ err: error }, 'background work failed');
    const { store } = runtimes;
    background.add('rewards-read-model', () => startProjection({ store, db, projection: readModel, onError }));
    background.add('rewards-relay', () =>
      startRelay({
        store,
        broker,
        db,
        name: 'rewards-relay',
        filter: { categories: [BONUS, REWARDS_PERIOD], types: ANNOUNCED },
        toMessages: announcementsOf,
        onError,
      }),
    );
    background.add('rewards-eligibility', () =>
      startFollower({
        store,
        db,
        name: 'rewards-eligibility',
        filter: { categories: [PARTICIPANT] },
        handle: (events) => followParticipants(runtimes, events),
        onError,
      }),
    );
    background.add('rewards-catch-ups', () => new CatchUps(runtimes, db, onError).start());
    background.add(
      'rewards-partners',
      () =>
        startConsumer({
          broker,
          group: GROUPS.partners,
          topics: [TOPICS.partners],
          batchSize: MESSAGES_PER_BATCH,
          handle: (batch) => takePartners(runtimes, batch),
          onError,
        }),
      'every-replica',
    );
    background.add(
      'rewards-intake',
      () =>
        startConsumer({
          broker,
          group: GROUPS.commissions,
          topics: [TOPICS.commissions],
          batchSize: MESSAGES_PER_BATCH,
          handle: (batch) => takeCommissions(runtimes, batch),
          onError,
        }),
      'every-replica',
    );
    background.add('rewards-closing', () =>
      new Closing(
        runtimes,
        broker,
        db,
        (work, position, signal) => background.reached(work, position, signal),
        onError,
      ).start(),
    );
  }
}
