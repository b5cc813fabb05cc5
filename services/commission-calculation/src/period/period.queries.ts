import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { assertPeriod } from '../calendar/calendar.js';
import type { Outstanding } from '../calendar/calendar.js';
import { Calendars } from '../calendar/calendars.service.js';
import { ClosingPreviews, unconfirmed } from './closing-preview.service.js';
import { progressOf } from './period.js';
import type {
  ClosingPreview,
  ClosingRead,
  PeriodListed,
  PeriodRead,
  PeriodSort,
  ReopeningPreview,
} from './period.dto.js';
import type { ClosingNote, PeriodRow, PeriodTables } from './period.tables.js';
import { Periods } from './periods.service.js';
import { ReopenPeriodAction } from './reopen-period.service.js';

export class ReadPeriod {
  constructor(
    readonly calendar: string,
    readonly period: string,
  ) {}
}

@QueryHandler(ReadPeriod)
export class ReadPeriodHandler implements IQueryHandler<ReadPeriod, PeriodRead> {
  constructor(
    @Inject(Calendars) private readonly calendars: Calendars,
    @Inject(Periods) private readonly periods: Periods,
    @Inject(ClosingPreviews) private readonly previews: ClosingPreviews,
    @Inject(DATABASE) private readonly db: Kysely<PeriodTables>,
  ) {}

  /** @throws {DomainError} `PeriodInvalid` */
  async execute({ calendar, period }: ReadPeriod): Promise<PeriodRead> {
    assertPeriod(calendar, period);
    const calendarState = await this.calendars.state(calendar);
    const { closing, reopening, closedThrough } = calendarState;
    const progress = await this.periods.state(calendar, period);
    const isClosed = closedThrough !== null && period <= closedThrough;
    const underWay = closing?.period === period ? 'closing' : reopening?.period === period ? 'reopening' : undefined;
    const state = underWay ?? (isClosed ? 'closed' : progress.steps.has('reopened') ? 'reopened' : 'open');
    let now: readonly Outstanding[] = [];
    if (closing?.period === period && !closing.sealed) {
      const { outstanding } = await this.previews.input(calendar, period, calendarState);
      now = unconfirmed(closing.outstanding, outstanding);
    }
    const { steps, waitsFor } = progressOf(progress);
    const row = await this.db
      .selectFrom('commission_periods')
      .selectAll()
      .where('calendar', '=', calendar)
      .where('period', '=', period)
      .executeTakeFirst();
    const { closing: number, streams, lines } = progress;
    const waits = now.length === 0 ? waitsFor : 'somebody to settle what has come up since, or to reopen it';
    return {
      calendar,
      period,
      state,
      closing: number,
      steps,
      streams,
      lines,
      ...omitUndefined({ waitsFor: underWay && waits, unconfirmed: now.length === 0 ? undefined : now }),
      ...(row === undefined ? {} : closingOf(row)),
    };
  }
}

export class PreviewClosing {
  constructor(
    readonly calendar: string,
    readonly period: string,
  ) {}
}

@QueryHandler(PreviewClosing)
export class PreviewClosingHandler implements IQueryHandler<PreviewClosing, ClosingPreview> {
  constructor(@Inject(ClosingPreviews) private readonly previews: ClosingPreviews) {}

  /** @throws {DomainError} `PeriodInvalid` */
  execute({ calendar, period }: PreviewClosing): Promise<ClosingPreview> {
    return this.previews.preview(calendar, period);
  }
}

export class PreviewReopening {
  constructor(
    readonly calendar: string,
    readonly period: string,
  ) {}
}

@QueryHandler(PreviewReopening)
export class PreviewReopeningHandler implements IQueryHandler<PreviewReopening, ReopeningPreview> {
  constructor(@Inject(ReopenPeriodAction) private readonly reopening: ReopenPeriodAction) {}

  /** @throws {DomainError} `PeriodInvalid` */
  execute({ calendar, period }: PreviewReopening): Promise<ReopeningPreview> {
    return this.reopening.preview(calendar, period);
  }
}

export interface PeriodsFilter {
  readonly calendar?: string | undefined;
  readonly state?: PeriodRow['state'] | undefined;
}

/** Periods that are closed, being closed, or were reopened, by calendar and period. */
export class ListPeriods {
  constructor(
    readonly filter: PeriodsFilter,
    readonly sort: PeriodSort,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListPeriods)
export class ListPeriodsHandler implements IQueryHandler<ListPeriods, Page<PeriodListed>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PeriodTables>) {}

  async execute({ filter, sort, limit, cursor }: ListPeriods): Promise<Page<PeriodListed>> {
    const after = decodeCursor(cursor, 2);
    const [direction, comparison] = sort === 'newest' ? (['desc', sql`<`] as const) : (['asc', sql`>`] as const);
    let query = this.db.selectFrom('commission_periods').selectAll();
    for (const column of ['calendar', 'state'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(sql<boolean>`(calendar, period) ${comparison} (${sql.join([...after])})`);
    const rows = await query
      .orderBy('calendar', direction)
      .orderBy('period', direction)
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, (row) => [row.calendar, row.period]);
    return {
      ...page,
      items: page.items.map((row) => ({
        calendar: row.calendar,
        period: row.period,
        state: row.state,
        ...closingOf(row),
      })),
    };
  }
}

function closingOf({ closing_since: closingSince, closed_by: closedBy, document }: PeriodRow): ClosingRead {
  return { closingSince, closedBy, ...(JSON.parse(document) as ClosingNote) };
}
