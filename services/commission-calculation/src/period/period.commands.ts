import { setTimeout as pause } from 'node:timers/promises';
import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { assertPeriod, calendarStream } from '../calendar/calendar.js';
import type { CommissionTables } from '../read-model.projection.js';
import { Runtimes } from '../runtimes.service.js';
import { allWaiting } from '../credit/pending-deals.projection.js';
import type { WaitingTables } from '../credit/pending-deals.tables.js';

const ON_ITS_WAY_MS_MAX = 10_000;
const POLL_MS = 50;

/** Begins the closing of a period; it runs in the background. */
@CommandRoles('operator', 'finance')
export class ClosePeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
    /** Why it is to be closed while deals are waiting. */
    readonly force: string | undefined,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(ClosePeriod)
export class ClosePeriodHandler implements ICommandHandler<ClosePeriod, void> {
  constructor(
    @Inject(Runtimes) private readonly runtimes: Runtimes,
    @Inject(DATABASE) private readonly db: Kysely<CommissionTables & WaitingTables>,
    @Inject(Background) private readonly background: Background,
  ) {}

  /** @throws {DomainError} `PeriodInvalid`, `ClosingInProgress`, `EarlierPeriodOpen`, `DealsWaiting` */
  async execute({ calendar, period, force, context }: ClosePeriod): Promise<void> {
    assertPeriod(calendar, period);
    const earliestOpen = await this.earliestOpen(calendar);
    const waiting = await this.waiting();
    const at = new Date().toISOString();
    const forced = force === undefined ? {} : { force };
    await this.runtimes.calendars.handle(
      calendarStream(calendar),
      { type: 'close', calendar, period, by: context.actor, earliestOpen, waiting, ...forced, at },
      context,
    );
  }

  /** Deals that are waiting; what is only on its way gets some time to arrive. */
  private async waiting(): Promise<number> {
    for (const until = Date.now() + ON_ITS_WAY_MS_MAX; ; await pause(POLL_MS)) {
      // Before the count: what is settled by then is in it.
      const status = await this.background.status();
      const settled = status.every(({ lag }) => lag === undefined || lag === '0');
      const waiting = await this.countWaiting();
      if (waiting === 0 || settled || Date.now() > until) return waiting;
    }
  }

  private async countWaiting(): Promise<number> {
    const { deals } = await allWaiting(this.db)
      .select(({ fn }) => fn.count<number | string>('deal').distinct().as('deals'))
      .executeTakeFirstOrThrow();
    return Number(deals);
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
