import { Inject, Logger, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TOPICS } from '@tantieme/contracts/topics';
import { startConsumer } from '@tantieme/event-sourcing/process/consumer';
import { startProjection } from '@tantieme/event-sourcing/process/projection';
import { startRelay } from '@tantieme/event-sourcing/process/relay';
import type { EventStore } from '@tantieme/event-store/event-store';
import type { Broker } from '@tantieme/messaging/broker';
import { Background } from '@tantieme/service-kit/background/background';
import { BROKER, DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import { messagesOf, PUBLISHED_EVENTS } from './account/account.events-out.js';
import { ACCOUNT } from './account/account.js';
import { ACCOUNTS, openAccounts } from './account/accounts.service.js';
import type { Accounts } from './account/accounts.service.js';
import { BalancesController } from './balance/balance.controller.js';
import { ListBalancesHandler } from './balance/balance.queries.js';
import { PaymentsController } from './payment/payment.controller.js';
import { ListPaymentsHandler } from './payment/payment.queries.js';
import { RecordPaymentHandler } from './payment/record-payment.commands.js';
import { PayoutsController } from './payout/payout.controller.js';
import { ListPayoutsHandler } from './payout/payout.queries.js';
import { receiveMessages } from './payouts.consumer.js';
import { readModel } from './payouts.tables.js';
import type { PayoutsTables } from './payouts.tables.js';
import { ApprovePeriodHandler } from './statement/approve-period.commands.js';
import { ApproveStatementHandler } from './statement/approve-statement.commands.js';
import { StatementsController } from './statement/statement.controller.js';
import { ExportStatementsHandler, ListStatementsHandler, ReadStatementHandler } from './statement/statement.queries.js';
import { StatementRunsController } from './statement-run/statement-run.controller.js';
import { StatementRunProcess } from './statement-run/statement-run.process.js';
import { ListStatementRunsHandler, ReadStatementRunHandler } from './statement-run/statement-run.queries.js';
import { openStatementRuns, STATEMENT_RUNS } from './statement-run/statement-runs.service.js';
import type { StatementRuns } from './statement-run/statement-runs.service.js';

const MESSAGES_PER_BATCH = 1000;

/** Statements, approvals, payouts, payments and carried balances. */
@Module({
  imports: [CqrsModule],
  controllers: [
    StatementsController,
    StatementRunsController,
    PayoutsController,
    PaymentsController,
    BalancesController,
  ],
  providers: [
    { provide: ACCOUNTS, useFactory: openAccounts, inject: [EVENT_STORE] },
    { provide: STATEMENT_RUNS, useFactory: openStatementRuns, inject: [EVENT_STORE] },
    ApproveStatementHandler,
    ApprovePeriodHandler,
    RecordPaymentHandler,
    ListStatementsHandler,
    ReadStatementHandler,
    ExportStatementsHandler,
    ListPayoutsHandler,
    ListPaymentsHandler,
    ListBalancesHandler,
    ReadStatementRunHandler,
    ListStatementRunsHandler,
  ],
})
export class PayoutsModule {
  private readonly logger = new Logger('payouts');
  private run: StatementRunProcess | undefined;

  constructor(
    @Inject(EVENT_STORE) store: EventStore,
    @Inject(BROKER) broker: Broker,
    @Inject(DATABASE) db: Kysely<PayoutsTables>,
    @Inject(ACCOUNTS) accounts: Accounts,
    @Inject(STATEMENT_RUNS) statementRuns: StatementRuns,
    @Inject(Background) background: Background,
  ) {
    const onError = (error: unknown): void => this.logger.error({ err: error }, 'background work failed');
    background.add('payouts-read-model', () => startProjection({ store, db, projection: readModel, onError }));
    background.add('payouts-relay', () =>
      startRelay({
        store,
        broker,
        db,
        name: 'payouts-relay',
        filter: { categories: [ACCOUNT], types: PUBLISHED_EVENTS },
        toMessages: messagesOf,
        onError,
      }),
    );
    background.add('payouts-statement-run', () => {
      this.run = new StatementRunProcess({ store, db, accounts, statementRuns, onError });
      return this.run.start();
    });
    background.add(
      'payouts-consumer',
      () =>
        startConsumer({
          broker,
          group: 'payouts',
          topics: [TOPICS.commissions, TOPICS.rewards, TOPICS.paymentsInbound],
          batchSize: MESSAGES_PER_BATCH,
          handle: async (batch) => {
            const deadLetters = await receiveMessages(accounts, statementRuns, batch);
            // A statement run in another replica notices new messages by itself.
            this.run?.wake();
            return deadLetters;
          },
          onError,
        }),
      'every-replica',
    );
  }
}
