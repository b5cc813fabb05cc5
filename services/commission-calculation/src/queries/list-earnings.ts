import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/cursor';
import type { Page } from '@tantieme/service-kit/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { LINE_KEY } from '../read-model.js';
import type { CommissionTables, LineRow, WaitingRow } from '../read-model.js';

export interface EarningsFilter {
  readonly payee?: string | undefined;
  readonly plan?: string | undefined;
  readonly period?: string | undefined;
  readonly deal?: string | undefined;
}

/** Posted ledger lines, in order of payee, plan, deal, period. */
export class ListEarnings {
  constructor(
    readonly filter: EarningsFilter,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListEarnings)
export class ListEarningsHandler implements IQueryHandler<ListEarnings, Page<LineRow>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<CommissionTables>) {}

  async execute({ filter, limit, cursor }: ListEarnings): Promise<Page<LineRow>> {
    const after = decodeCursor(cursor, LINE_KEY.length);
    let query = this.db.selectFrom('commission_lines').selectAll();
    for (const column of ['payee', 'plan', 'period', 'deal'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(
        sql<boolean>`(${sql.join(LINE_KEY.map((column) => sql.ref(column)))}) > (${sql.join([...after])})`,
      );
    for (const column of LINE_KEY) query = query.orderBy(column);
    const rows = await query.limit(limit + 1).execute();
    return pageOf(rows, limit, (row) => LINE_KEY.map((column) => row[column]));
  }
}

/** Deals that are not credited, or not wholly, with the reason. */
export class ListWaiting {
  constructor(
    readonly filter: { readonly code?: string | undefined; readonly subject?: string | undefined },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListWaiting)
export class ListWaitingHandler implements IQueryHandler<ListWaiting, Page<WaitingRow>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<CommissionTables>) {}

  async execute({ filter, limit, cursor }: ListWaiting): Promise<Page<WaitingRow>> {
    const after = decodeCursor(cursor, 3);
    let query = this.db.selectFrom('commission_waiting').selectAll();
    for (const column of ['code', 'subject'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
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
