import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { assertPeriod, calendarStream } from '../calendar/calendar.js';
import { periodStream } from './period.js';
import type { Stage } from './period.js';
import type { CommissionTables } from '../read-model.projection.js';
import { Runtimes } from '../runtimes.service.js';

export interface PeriodRead {
  readonly calendar: string;
  readonly period: string;
  readonly state: 'open' | 'closing' | 'closed';
  /** Stages that the closing has come through. */
  readonly stages: readonly Stage[];
  /** Of the manifest so far. */
  readonly streams: number;
  readonly lines: number;
}

export class ReadPeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
  ) {}
}

@QueryHandler(ReadPeriod)
export class ReadPeriodHandler implements IQueryHandler<ReadPeriod, PeriodRead> {
  constructor(@Inject(Runtimes) private readonly runtimes: Runtimes) {}

  /** @throws {DomainError} `PeriodInvalid` */
  async execute({ calendar, period }: ReadPeriod): Promise<PeriodRead> {
    assertPeriod(calendar, period);
    const { closing, closedThrough } = (await this.runtimes.calendars.load(calendarStream(calendar))).state;
    const { stages, streams, lines } = (await this.runtimes.periods.load(periodStream(calendar, period))).state;
    const isClosed = closedThrough !== null && period <= closedThrough;
    const state = isClosed ? 'closed' : closing?.period === period ? 'closing' : 'open';
    return { calendar, period, state, stages, streams, lines };
  }
}

export interface PeriodListed {
  readonly calendar: string;
  readonly period: string;
  readonly state: 'closing' | 'closed';
  readonly closingSince: string;
  readonly closedBy: string;
}

/** Periods that were closed, or are being closed. */
export class ListPeriods {
  constructor(
    readonly calendar: string | undefined,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPeriods)
export class ListPeriodsHandler implements IQueryHandler<ListPeriods, Page<PeriodListed>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<CommissionTables>) {}

  async execute({ calendar, limit, cursor }: ListPeriods): Promise<Page<PeriodListed>> {
    const after = decodeCursor(cursor, 2);
    let query = this.db.selectFrom('commission_periods').selectAll();
    if (calendar !== undefined) query = query.where('calendar', '=', calendar);
    if (after !== undefined) query = query.where(sql<boolean>`(calendar, period) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('calendar')
      .orderBy('period')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, (row) => [row.calendar, row.period]);
    return {
      ...page,
      items: page.items.map(({ closing_since: closingSince, closed_by: closedBy, ...rest }) => ({
        ...rest,
        closingSince,
        closedBy,
      })),
    };
  }
}
