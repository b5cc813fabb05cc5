import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { calendarOf } from '@tantieme/time/calendar/key';
import { periodBounds } from '@tantieme/time/calendar/periods';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { assertPeriod } from '../calendar/calendar.js';
import { PlanCatalog } from '../plan/plan-catalog.service.js';
import { partnerKey, planKey } from '../reference/stream/reference-keys.js';
import type { PendingDeal, PendingDealSort } from './pending-deal.dto.js';
import { uncreditable, withoutQuota } from './pending-deals-touching.queries.js';
import type { PendingTables, TouchedPeriod } from './pending-deals-touching.queries.js';

const COLUMNS = ['deal', 'code', 'subject', 'message', 'since'] as const;

/** Deals that cannot be credited, and deals without a quota; all, or those that may touch a period. */
function pendingDeals(db: Kysely<PendingTables>, touched: TouchedPeriod | undefined) {
  const credits = uncreditable(db, touched)
    .select(COLUMNS.map((column) => `pending.${column}` as const))
    .select([sql<string>`''`.as('payee'), sql<string>`''`.as('plan')]);
  const quotas = withoutQuota(db, touched)
    .select(COLUMNS.map((column) => `pending.${column}` as const))
    .select(['pending.payee', 'pending.plan']);
  return db.selectFrom(credits.unionAll(quotas).as('pending'));
}

export interface PendingDealsFilter {
  readonly code?: string | undefined;
  readonly subject?: string | undefined;
  readonly deal?: string | undefined;
  readonly partner?: string | undefined;
  readonly plan?: string | undefined;
  /** Together with `period`: only deals for which the closing of the period waits. */
  readonly calendar?: string | undefined;
  readonly period?: string | undefined;
}

/** Deals that cannot be calculated yet, with the reason. */
export class ListPendingDeals {
  constructor(
    readonly filter: PendingDealsFilter,
    readonly sort: PendingDealSort,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

const ORDERS = {
  deal: ['deal', 'code', 'subject'],
  oldest: ['since', 'deal', 'code', 'subject'],
} as const;

@QueryHandler(ListPendingDeals)
export class ListPendingDealsHandler implements IQueryHandler<ListPendingDeals, Page<PendingDeal>> {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<PendingTables>,
    @Inject(PlanCatalog) private readonly plans: PlanCatalog,
  ) {}

  async execute({ filter, sort, limit, cursor }: ListPendingDeals): Promise<Page<PendingDeal>> {
    const order = ORDERS[sort];
    const after = decodeCursor(cursor, order.length);
    let query = pendingDeals(this.db, await this.touchedBy(filter)).select(COLUMNS);
    for (const column of ['code', 'subject', 'deal'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    const { partner, plan } = filter;
    if (partner !== undefined)
      query = query.where((where) =>
        where.or([where('subject', '=', partnerKey(partner)), where('payee', '=', partner)]),
      );
    if (plan !== undefined)
      query = query.where((where) => where.or([where('subject', '=', planKey(plan)), where('plan', '=', plan)]));
    if (after !== undefined)
      query = query.where(
        sql<boolean>`(${sql.join(order.map((column) => sql.ref(column)))}) > (${sql.join([...after])})`,
      );
    for (const column of order) query = query.orderBy(column);
    const rows = await query.limit(limit + 1).execute();
    return pageOf(rows, limit, (row) => order.map((column) => row[column]));
  }

  /** @throws {DomainError} `PeriodInvalid` */
  private async touchedBy({ calendar, period }: PendingDealsFilter): Promise<TouchedPeriod | undefined> {
    if (calendar === undefined || period === undefined) return undefined;
    assertPeriod(calendar, period);
    await this.plans.reload();
    const { until } = periodBounds(calendarOf(calendar), period);
    return { calendar, period, until, plans: this.plans.ofCalendar(calendar).map(({ id }) => id) };
  }
}
