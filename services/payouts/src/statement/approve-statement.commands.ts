import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';

import { accountStream, assertIssued, periodKey } from '../account/account.js';
import { ACCOUNTS } from '../account/accounts.service.js';
import type { Accounts } from '../account/accounts.service.js';
import { statementRunStream } from '../statement-run/statement-run.js';
import { STATEMENT_RUNS } from '../statement-run/statement-runs.service.js';
import type { StatementRuns } from '../statement-run/statement-runs.service.js';
import { parseStatementId, statementUnknown } from '../account/statement.js';
import type { StatementApproval } from './statement.dto.js';

@CommandRoles('approver')
export class ApproveStatement {
  constructor(
    readonly statement: string,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(ApproveStatement)
export class ApproveStatementHandler implements ICommandHandler<ApproveStatement, StatementApproval> {
  constructor(
    @Inject(ACCOUNTS) private readonly accounts: Accounts,
    @Inject(STATEMENT_RUNS) private readonly statementRuns: StatementRuns,
  ) {}

  /** @throws {DomainError} `StatementUnknown`, `StatementWithdrawn`, `StatementsWithdrawn` */
  async execute({ statement, context }: ApproveStatement): Promise<StatementApproval> {
    const name = parseStatementId(statement);
    if (name === undefined) throw statementUnknown(statement);
    const stream = accountStream(name.payee, name.currency);
    const at = new Date().toISOString();
    const { state: before } = await this.accounts.load(stream);
    assertIssued(before, statement);
    const run = statementRunStream(name.calendar, name.period);
    await this.statementRuns.handle(run, { type: 'begin-approval', at }, context);
    const { events, state } = await this.accounts.handle(
      stream,
      { type: 'approve-statement', at, statement, by: context.actor },
      context,
    );
    const approvedBy = state.statements.get(periodKey(name.calendar, name.period))?.approvedBy ?? context.actor;
    return { statement, approvedBy, isNew: events.length > 0 };
  }
}
