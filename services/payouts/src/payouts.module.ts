import { Inject, Logger, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import { ANNOUNCED, announcementsOf } from './events-out.js';
import { ApprovePeriodHandler } from './statement/approve-period.commands.js';
import { ApproveStatementHandler } from './statement/approve-statement.commands.js';
import { TakePaymentHandler } from './payout/payment.commands.js';
import { ACCOUNT } from './account/account.js';
import { takeMessages } from './inputs.consumer.js';
import { PayoutsController } from './payout/payout.controller.js';
import { ListBalancesHandler, ListPayoutsHandler } from './payout/payout.queries.js';
import { ListSettlementsHandler, ReadSettlementHandler } from './statement-run/statement-run.queries.js';
import { ExportStatementsHandler, ListStatementsHandler, ReadStatementHandler } from './statement/statement.queries.js';
import { readModel } from './payouts.tables.js';
import type { PayoutsTables } from './payouts.tables.js';
import { Runtimes } from './runtimes.service.js';
import { StatementRun } from './statement-run/statement-run.process.js';
import { StatementsController } from './statement/statement.controller.js';

const MESSAGES_PER_BATCH = 1000;

/** Statements, approvals, payouts, payments, carried balances. */
@Module({
  imports: [CqrsModule],
  controllers: [StatementsController, PayoutsController],
  providers: [
    Runtimes,
    ApproveStatementHandler,
    ApprovePeriodHandler,
    TakePaymentHandler,
    ListStatementsHandler,
    ReadStatementHandler,
    ExportStatementsHandler,
    ListPayoutsHandler,
    ListBalancesHandler,
    ReadSettlementHandler,
    ListSettlementsHandler,
  ],
})
export class PayoutsModule {
  private readonly logger = new Logger('payouts');
  private run: StatementRun | undefined;

  constructor(
    @Inject(Runtimes) runtimes: Runtimes,
    @Inject(BROKER) broker: Broker,
    @Inject(DATABASE) db: Kysely<PayoutsTables>,
    @Inject(Background) background: Background,
  ) {
    const onError = (error: unknown): void => this.logger.error({ err: error }, 'background work failed');
    const { store } = runtimes;
    background.add('payouts-read-model', () => startProjection({ store, db, projection: readModel, onError }));
    background.add('payouts-relay', () =>
      startRelay({
        store,
        broker,
        db,
        name: 'payouts-relay',
        filter: { categories: [ACCOUNT], types: ANNOUNCED },
        toMessages: announcementsOf,
        onError,
      }),
    );
    background.add('payouts-statement-run', () => (this.run = new StatementRun(runtimes, db, onError)).start());
    background.add(
      'payouts-intake',
      () =>
        startConsumer({
          broker,
          group: 'payouts',
          topics: [TOPICS.commissions, TOPICS.rewards, TOPICS.paymentsInbound],
          batchSize: MESSAGES_PER_BATCH,
          handle: async (batch) => {
            const deadLetters = await takeMessages(runtimes, batch);
            // One in another replica looks by itself.
            this.run?.wake();
            return deadLetters;
          },
          onError,
        }),
      'every-replica',
    );
  }
}
