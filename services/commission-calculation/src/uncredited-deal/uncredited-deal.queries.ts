import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { PendingDealTables, UncreditedRow } from '../credit/pending-deals.tables.js';
import type { UncreditedDeal } from './uncredited-deal.dto.js';

/** Deals that are credited to nobody, each with its reasons, by deal. */
export class ListUncreditedDeals {
  constructor(
    readonly filter: { readonly code?: UncreditedRow['code'] | undefined; readonly deal?: string | undefined },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListUncreditedDeals)
export class ListUncreditedDealsHandler implements IQueryHandler<ListUncreditedDeals, Page<UncreditedDeal>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<PendingDealTables>) {}

  async execute({ filter, limit, cursor }: ListUncreditedDeals): Promise<Page<UncreditedDeal>> {
    const after = decodeCursor(cursor, 3);
    let query = this.db.selectFrom('commission_uncredited_deals').selectAll();
    if (filter.code !== undefined) query = query.where('code', '=', filter.code);
    if (filter.deal !== undefined) query = query.where('deal', '=', filter.deal);
    if (after !== undefined) query = query.where(sql<boolean>`(deal, code, subject) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('deal')
      .orderBy('code')
      .orderBy('subject')
      .limit(limit + 1)
      .execute();
    return pageOf(rows, limit, ({ deal, code, subject }) => [deal, code, subject]);
  }
}
