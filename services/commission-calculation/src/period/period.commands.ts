import { setTimeout as pause } from 'node:timers/promises';
import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { Background } from '@tantieme/service-kit/background/background';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { assertPeriod } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import type { PendingDealTables } from '../credit/pending-deals.tables.js';
import type { EarningTables } from '../earning/earning.tables.js';
import type { MissingQuotaTables } from '../earning/missing-quotas.tables.js';
import { countPendingDeals } from '../pending-deal/pending-deal.queries.js';

/** Longest wait for facts that are on their way. */
const IN_TRANSIT_MS_MAX = 10_000;
const POLL_MS = 50;

/** Starts the closing of a period; it runs in the background. */
@CommandRoles('operator', 'finance')
export class ClosePeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
    /** Reason to close although deals are pending. */
    readonly force: string | undefined,
    readonly context: CommandContext,
  ) {}
}

@CommandHandler(ClosePeriod)
export class ClosePeriodHandler implements ICommandHandler<ClosePeriod, void> {
  constructor(
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(DATABASE) private readonly db: Kysely<EarningTables & PendingDealTables & MissingQuotaTables>,
    @Inject(Background) private readonly background: Background,
  ) {}

  /** @throws {DomainError} `PeriodInvalid`, `ClosingInProgress`, `EarlierPeriodOpen`, `DealsPending` */
  async execute({ calendar, period, force, context }: ClosePeriod): Promise<void> {
    assertPeriod(calendar, period);
    const earliestOpen = await this.earliestOpen(calendar);
    const pendingDeals = await this.pendingDeals();
    const by = context.actor;
    const at = new Date().toISOString();
    await this.calendars.handle(
      calendar,
      { type: 'close', calendar, period, by, earliestOpen, pendingDeals, force, at },
      context,
    );
  }

  /** Number of pending deals. Deals whose facts are still being processed get some time. */
  private async pendingDeals(): Promise<number> {
    for (const until = Date.now() + IN_TRANSIT_MS_MAX; ; await pause(POLL_MS)) {
      // Status first: the count then includes everything that was processed by that time.
      const status = await this.background.status();
      const isIdle = status.every(({ lag }) => lag === undefined || lag === '0');
      const count = await countPendingDeals(this.db);
      if (count === 0 || isIdle || Date.now() > until) return count;
    }
  }

  /** The earliest open period with a line. Streams are noted once per period; their lines may have moved away since. */
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
