import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { EarningListed, EarningSort } from './earning.dto.js';
import type { EarningTables, PostingRow } from './earning.tables.js';
import { ledgerLine } from './posting.js';
import type { PostedLine } from './posting.js';

export interface EarningsFilter {
  readonly payee?: string | undefined;
  readonly plan?: string | undefined;
  readonly period?: string | undefined;
  readonly deal?: string | undefined;
}

/** Posted ledger lines. */
export class ListEarnings {
  constructor(
    readonly filter: EarningsFilter,
    readonly sort: EarningSort,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

const ORDERS = {
  payee: ['payee', 'plan', 'deal', 'period'],
  deal: ['deal', 'payee', 'plan', 'period'],
} as const;

@QueryHandler(ListEarnings)
export class ListEarningsHandler implements IQueryHandler<ListEarnings, Page<EarningListed>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<EarningTables>) {}

  async execute({ filter, sort, limit, cursor }: ListEarnings): Promise<Page<EarningListed>> {
    const order = ORDERS[sort];
    const after = decodeCursor(cursor, order.length + 1);
    let query = this.db.selectFrom('commission_postings').selectAll();
    for (const column of ['payee', 'plan', 'period', 'deal'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    // A row has several lines: read the row again in which the page before ended.
    if (after !== undefined)
      query = query.where(
        sql<boolean>`(${sql.join(order.map((column) => sql.ref(column)))}) >= (${sql.join(after.slice(0, order.length))})`,
      );
    for (const column of order) query = query.orderBy(column);
    const rows = await query.limit(limit + 2).execute();
    const lines = rows.flatMap((row) =>
      linesOf(row).map((item, index) => ({ key: order.map((column) => row[column]), index, item })),
    );
    const lastKey = after?.slice(0, order.length).join('\n');
    const lastIndex = Number(after?.[order.length] ?? -1);
    const remaining = lines.filter(({ key, index }) => key.join('\n') !== lastKey || index > lastIndex);
    const page = pageOf(remaining.slice(0, limit + 1), limit, ({ key, index }) => [...key, index]);
    return { ...page, items: page.items.map(({ item }) => item) };
  }
}

function linesOf({ payee, currency, plan, deal, lines }: PostingRow): readonly EarningListed[] {
  const posted = JSON.parse(lines) as readonly PostedLine[];
  return posted.map((line) => ({ payee, currency, ...ledgerLine(plan, deal, line) }));
}
