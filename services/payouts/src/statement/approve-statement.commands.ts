import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';

import { accountStream, periodKey } from '../account/account.js';
import { parseStatementId } from './statement.js';
import { Runtimes } from '../runtimes.service.js';

@CommandRoles('approver')
export class ApproveStatement {
  constructor(
    readonly statement: string,
    readonly context: CommandContext,
  ) {}
}

export interface Approved {
  readonly statement: string;
  readonly approvedBy: string;
  /** False where somebody had approved it before. */
  readonly isNew: boolean;
}

@CommandHandler(ApproveStatement)
export class ApproveStatementHandler implements ICommandHandler<ApproveStatement, Approved> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `StatementUnknown` */
  async execute({ statement, context }: ApproveStatement): Promise<Approved> {
    const parts = parseStatementId(statement);
    if (parts === undefined)
      throw new DomainError('StatementUnknown', `there is no statement ${statement}`, 'not-found');
    const { events, state } = await this.runtimes.accounts.handle(
      accountStream(parts.payee, parts.currency),
      { type: 'approve-statement', at: new Date().toISOString(), statement, by: context.actor },
      context,
    );
    const approvedBy = state.statements.get(periodKey(parts.calendar, parts.period))?.approvedBy ?? context.actor;
    return { statement, approvedBy, isNew: events.length > 0 };
  }
}
