import { Inject, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { projectionProcess } from '@tantieme/event-sourcing/process/projection';

import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE, EVENT_STORE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';

import { PAYOUTS } from './account/account.events-out.js';
import { ACCOUNTS, openAccounts } from './account/accounts.service.js';
import type { Accounts } from './account/accounts.service.js';
import { BalancesController } from './balance/balance.controller.js';
import { ListBalancesHandler } from './balance/balance.queries.js';
import { PaymentsController } from './payment/payment.controller.js';
import { ListPaymentsHandler } from './payment/payment.queries.js';
import { RecordPaymentHandler } from './payment/record-payment.commands.js';
import { PayoutsController } from './payout/payout.controller.js';
import { ListPayoutsHandler } from './payout/payout.queries.js';
import { payoutsConsumer } from './payouts.consumer.js';
import { readModel } from './payouts.tables.js';
import type { PayoutsTables } from './payouts.tables.js';
import { ApprovePeriodHandler } from './statement/approve-period.commands.js';
import { ApproveStatementHandler } from './statement/approve-statement.commands.js';
import { StatementsController } from './statement/statement.controller.js';
import { ExportStatementsHandler, ListStatementsHandler, ReadStatementHandler } from './statement/statement.queries.js';
import { StatementRunsController } from './statement-run/statement-run.controller.js';
import { PAYOUTS_CLOSINGS } from './statement-run/statement-run.events-out.js';
import { statementRunProcess } from './statement-run/statement-run.process.js';
import { ListStatementRunsHandler, ReadStatementRunHandler } from './statement-run/statement-run.queries.js';
import { openStatementRuns, STATEMENT_RUNS } from './statement-run/statement-runs.service.js';
import type { StatementRuns } from './statement-run/statement-runs.service.js';

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
  constructor(
    @Inject(DATABASE) db: Kysely<PayoutsTables>,
    @Inject(ACCOUNTS) accounts: Accounts,
    @Inject(STATEMENT_RUNS) statementRuns: StatementRuns,
    @Inject(Background) background: Background,
  ) {
    background.publish(PAYOUTS, PAYOUTS_CLOSINGS);
    background.add(projectionProcess(db, readModel));
    background.add(statementRunProcess(accounts, statementRuns));
    background.add(payoutsConsumer(accounts, statementRuns));
  }
}
