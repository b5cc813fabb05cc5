import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';

import { accountStream, periodKey } from '../account/account.js';
import { ACCOUNTS } from '../account/accounts.service.js';
import type { Accounts } from '../account/accounts.service.js';
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
  constructor(@Inject(ACCOUNTS) private readonly accounts: Accounts) {}

  /** @throws {DomainError} `StatementUnknown` */
  async execute({ statement, context }: ApproveStatement): Promise<StatementApproval> {
    const name = parseStatementId(statement);
    if (name === undefined) throw statementUnknown(statement);
    const { events, state } = await this.accounts.handle(
      accountStream(name.payee, name.currency),
      { type: 'approve-statement', at: new Date().toISOString(), statement, by: context.actor },
      context,
    );
    const approvedBy = state.statements.get(periodKey(name.calendar, name.period))?.approvedBy ?? context.actor;
    return { statement, approvedBy, isNew: events.length > 0 };
  }
}
