import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { formatAmount, parseAmount } from '@tantieme/money/amount';

import { accountStream } from '../account/account.js';
import { accountsOf, settlementStream } from '../statement-run/statement-run.js';
import { statementId } from './statement.js';
import { Runtimes } from '../runtimes.service.js';

/** Accounts whose approvals are appended together. */
const ACCOUNTS_PER_BATCH = 500;

/** Approves all statements of a period. */
@CommandRoles('approver')
export class ApprovePeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
    readonly context: CommandContext,
  ) {}
}

export interface PeriodApproved {
  readonly calendar: string;
  readonly period: string;
  readonly statements: number;
  /** Statements that nobody had approved before. */
  readonly approved: number;
  /** What the new approvals pay, by currency, as decimal text. */
  readonly payable: Readonly<Record<string, string>>;
}

@CommandHandler(ApprovePeriod)
export class ApprovePeriodHandler implements ICommandHandler<ApprovePeriod, PeriodApproved> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `StatementsNotIssued` while the period is not settled. */
  async execute({ calendar, period, context }: ApprovePeriod): Promise<PeriodApproved> {
    const { state } = await this.runtimes.settlements.load(settlementStream(calendar, period));
    if (!state.finished)
      throw new DomainError(
        'StatementsNotIssued',
        `the statements of ${period} in ${calendar} are not all issued`,
        'conflict',
      );
    const accounts = accountsOf(state);
    const at = new Date().toISOString();
    const payable = new Map<string, bigint>();
    let approved = 0;
    for (let from = 0; from < accounts.length; from += ACCOUNTS_PER_BATCH) {
      const results = await this.runtimes.accounts.handleMany(
        accounts.slice(from, from + ACCOUNTS_PER_BATCH).map(({ payee, currency }) => ({
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
          const { currency } = event.data;
          approved += 1;
          payable.set(currency, (payable.get(currency) ?? 0n) + parseAmount(event.data.payable, currency));
        }
      }
    }
    return {
      calendar,
      period,
      statements: accounts.length,
      approved,
      payable: Object.fromEntries(
        [...payable].sort().map(([currency, minor]) => [currency, formatAmount(minor, currency)]),
      ),
    };
  }
}
