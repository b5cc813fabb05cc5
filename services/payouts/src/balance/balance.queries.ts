import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Balance } from './balance.dto.js';
import type { BalanceTables } from './balance.tables.js';

/** Balances by payee, currency and calendar. */
export class ListBalances {
  constructor(
    readonly filter: {
      readonly payee?: string | undefined;
      readonly currency?: string | undefined;
      readonly calendar?: string | undefined;
    },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListBalances)
export class ListBalancesHandler implements IQueryHandler<ListBalances, Page<Balance>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<BalanceTables>) {}

  async execute({ filter, limit, cursor }: ListBalances): Promise<Page<Balance>> {
    const after = decodeCursor(cursor, 3);
    let query = this.db.selectFrom('payouts_balances').selectAll();
    for (const column of ['payee', 'currency', 'calendar'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined) query = query.where(sql<boolean>`(payee, currency, calendar) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('payee')
      .orderBy('currency')
      .orderBy('calendar')
      .limit(limit + 1)
      .execute();
    return pageOf(rows, limit, ({ payee, currency, calendar }) => [payee, currency, calendar]);
  }
}
