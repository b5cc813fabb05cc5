import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Bonus } from './bonus.dto.js';
import type { BonusTables } from './bonus.tables.js';

/** Bonuses by payee, programme and window. */
export class ListBonuses {
  constructor(
    readonly filter: {
      readonly payee?: string | undefined;
      readonly programme?: string | undefined;
      readonly window?: string | undefined;
      readonly currency?: string | undefined;
    },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListBonuses)
export class ListBonusesHandler implements IQueryHandler<ListBonuses, Page<Bonus>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<BonusTables>) {}

  async execute({ filter, limit, cursor }: ListBonuses): Promise<Page<Bonus>> {
    const after = decodeCursor(cursor, 3);
    let query = this.db.selectFrom('rewards_bonuses').selectAll();
    for (const column of ['payee', 'programme', 'currency'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (filter.window !== undefined) query = query.where('window_id', '=', filter.window);
    if (after !== undefined)
      query = query.where(sql<boolean>`(payee, programme, window_id) > (${sql.join([...after])})`);
    const rows = await query
      .orderBy('payee')
      .orderBy('programme')
      .orderBy('window_id')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, (row) => [row.payee, row.programme, row.window_id]);
    return {
      ...page,
      items: page.items.map(({ stream: _, window_id: window, lines, ...rest }) => ({
        ...rest,
        window,
        lines: JSON.parse(lines) as Bonus['lines'],
      })),
    };
  }
}
