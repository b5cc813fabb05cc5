import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { formatAmount, parseAmount } from '@tantieme/money/amount';
import { CommandRoles } from '@tantieme/service-kit/access/auth';

import { accountStream } from '../account/account.js';
import { ACCOUNTS } from '../account/accounts.service.js';
import type { Accounts } from '../account/accounts.service.js';
import { statementId } from '../account/statement.js';
import { accountsOf, statementRunStream } from '../statement-run/statement-run.js';
import { STATEMENT_RUNS } from '../statement-run/statement-runs.service.js';
import type { StatementRuns } from '../statement-run/statement-runs.service.js';
import type { PeriodApproval } from './statement.dto.js';
import { APPROVED_ACCOUNTS_PER_BATCH } from '../limits.js';

/** Approves all statements of a period. */
@CommandRoles('approver')
export class ApprovePeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
    readonly context: RequestContext,
  ) {}
}

@CommandHandler(ApprovePeriod)
export class ApprovePeriodHandler implements ICommandHandler<ApprovePeriod, PeriodApproval> {
  constructor(
    @Inject(ACCOUNTS) private readonly accounts: Accounts,
    @Inject(STATEMENT_RUNS) private readonly statementRuns: StatementRuns,
  ) {}

  /** @throws {DomainError} `StatementsNotIssued` until the statement run of the period is finished */
  async execute({ calendar, period, context }: ApprovePeriod): Promise<PeriodApproval> {
    const { state } = await this.statementRuns.load(statementRunStream(calendar, period));
    if (!state.finished)
      throw new DomainError(
        'StatementsNotIssued',
        `not all statements of ${period} in ${calendar} are issued yet; GET /statement-runs/${encodeURIComponent(calendar)}/${period} shows the progress`,
        'conflict',
      );
    const named = accountsOf(state);
    const at = new Date().toISOString();
    const payableMinor = new Map<string, bigint>();
    let approved = 0;
    for (let from = 0; from < named.length; from += APPROVED_ACCOUNTS_PER_BATCH) {
      const results = await this.accounts.handleMany(
        named.slice(from, from + APPROVED_ACCOUNTS_PER_BATCH).map(({ payee, currency }) => ({
          stream: accountStream(payee, currency),
          command: {
            type: 'approve-statement',
            at,
            statement: statementId(payee, currency, calendar, period),
            by: context.actor,
          },
          context,
        })),
      );
      for (const result of results) {
        if (result.outcome === 'refused') throw result.error;
        for (const event of result.events) {
          if (event.type !== 'StatementApproved') continue;
          const { currency, payable } = event.data;
          approved += 1;
          payableMinor.set(currency, (payableMinor.get(currency) ?? 0n) + parseAmount(payable, currency));
        }
      }
    }
    return {
      calendar,
      period,
      statements: named.length,
      approved,
      payable: Object.fromEntries(
        [...payableMinor].sort().map(([currency, minor]) => [currency, formatAmount(minor, currency)]),
      ),
    };
  }
}
