import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { PendingDealTables } from '../credit/pending-deals.tables.js';
import type { MissingQuotaTables } from '../earning/missing-quotas.tables.js';
import { partnerKey, planKey } from '../reference/stream/reference-keys.js';
import type { PendingDeal, PendingDealSort } from './pending-deal.dto.js';

type Tables = PendingDealTables & MissingQuotaTables;

/** Deals that cannot be credited, and deals without a quota. */
function pendingDeals(db: Kysely<Tables>) {
  const credits = db
    .selectFrom('commission_pending_deals')
    .select(['deal', 'code', 'subject', 'message', 'since'])
    .select([sql<string>`''`.as('payee'), sql<string>`''`.as('plan')]);
  const quotas = db
    .selectFrom('commission_missing_quotas')
    .select(['deal', 'code', 'subject', 'message', 'since', 'payee', 'plan']);
  return db.selectFrom(credits.unionAll(quotas).as('pending'));
}

/** Number of deals with a row in `GET /pending-deals`. */
export async function countPendingDeals(db: Kysely<Tables>): Promise<number> {
  const { deals } = await pendingDeals(db)
    .select(({ fn }) => fn.count<number | string>('deal').distinct().as('deals'))
    .executeTakeFirstOrThrow();
  return Number(deals);
}

export interface PendingDealsFilter {
  readonly code?: string | undefined;
  readonly subject?: string | undefined;
  readonly deal?: string | undefined;
  readonly partner?: string | undefined;
  readonly plan?: string | undefined;
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

const COLUMNS = ['deal', 'code', 'subject', 'message', 'since'] as const;

const ORDERS = {
  deal: ['deal', 'code', 'subject'],
  oldest: ['since', 'deal', 'code', 'subject'],
} as const;

@QueryHandler(ListPendingDeals)
export class ListPendingDealsHandler implements IQueryHandler<ListPendingDeals, Page<PendingDeal>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<Tables>) {}

  async execute({ filter, sort, limit, cursor }: ListPendingDeals): Promise<Page<PendingDeal>> {
    const order = ORDERS[sort];
    const after = decodeCursor(cursor, order.length);
    let query = pendingDeals(this.db).select(COLUMNS);
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
}
