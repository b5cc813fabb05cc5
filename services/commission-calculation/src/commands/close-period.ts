import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@tantieme/event-sourcing/runtime';
import { DATABASE } from '@tantieme/service-kit/runtime-tokens';
import type { Kysely } from 'kysely';
import { assertPeriod, calendarStream } from '../domain/calendar.js';
import type { CommissionTables } from '../read-model.js';
import { Runtimes } from '../runtimes.js';

/** Begins the closing of a period; it runs in the background. */
export class ClosePeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(ClosePeriod)
export class ClosePeriodHandler implements ICommandHandler<ClosePeriod, void> {
  constructor(
    @Inject(Runtimes) private readonly runtimes: Runtimes,
    @Inject(DATABASE) private readonly db: Kysely<CommissionTables>,
  ) {}

  /** @throws {DomainError} `PeriodInvalid`, `ClosingInProgress`, `EarlierPeriodOpen` */
  async execute({ calendar, period, context }: ClosePeriod): Promise<void> {
    assertPeriod(calendar, period);
    const earliestOpen = await this.earliestOpen(calendar);
    const at = new Date().toISOString();
    await this.runtimes.calendars.handle(
      calendarStream(calendar),
      { type: 'close', calendar, period, by: context.actor, earliestOpen, at },
      context,
    );
  }

  /** The earliest period with a line that no closing has named; lines may have moved away since a stream was noted. */
  private async earliestOpen(calendar: string): Promise<string | null> {
    const row = await this.db
      .selectFrom('commission_streams as streams')
      .select('streams.period')
      .where('streams.calendar', '=', calendar)
      .where('streams.entry', 'is', null)
      .where((where) =>
        where.exists(
          where
            .selectFrom('commission_postings as postings')
            .select('postings.deal')
            .whereRef('postings.payee', '=', 'streams.payee')
            .whereRef('postings.plan', '=', 'streams.plan')
            .whereRef('postings.period', '=', 'streams.period'),
        ),
      )
      .orderBy('streams.period')
      .limit(1)
      .executeTakeFirst();
    return row?.period ?? null;
  }
}
