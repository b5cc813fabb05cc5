import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { CursorKey, Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { EarningListed, EarningSort } from './earning.dto.js';
import type { EarningTables, PostingRow } from './earning.tables.js';
import { ledgerLine } from './posting.js';
import type { PostedLine } from './posting.js';

/** Rows of the first read; each further one reads twice as many. A row holds the lines of a deal: one, or a thousand. */
const FIRST_ROWS = 2;

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
    for (const column of order) query = query.orderBy(column);
    const names = sql.join(order.map((column) => sql.ref(column)));
    const lastIndex = Number(after?.[order.length] ?? -1);
    const remaining: { readonly key: CursorKey; readonly index: number; readonly item: EarningListed }[] = [];
    // A row has several lines: the row in which the page before ended is read again.
    let from = after?.slice(0, order.length);
    for (let count = FIRST_ROWS; remaining.length <= limit; count *= 2) {
      const isFirst = count === FIRST_ROWS;
      const comparison = sql.raw(isFirst ? '>=' : '>');
      const next = from === undefined ? query : query.where(sql<boolean>`(${names}) ${comparison} (${sql.join(from)})`);
      const rows = await next.limit(count).execute();
      for (const [at, row] of rows.entries()) {
        if (remaining.length > limit) break;
        const key = order.map((column) => row[column]);
        const isPartlyListed = isFirst && at === 0 && key.join('\n') === from?.join('\n');
        const skipped = isPartlyListed ? lastIndex + 1 : 0;
        const lines = linesOf(row, skipped, skipped + limit + 1 - remaining.length);
        for (const [line, item] of lines.entries()) remaining.push({ key, index: skipped + line, item });
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < count) break;
      from = order.map((column) => last[column]);
    }
    const page = pageOf(remaining.slice(0, limit + 1), limit, ({ key, index }) => [...key, index]);
    return { ...page, items: page.items.map(({ item }) => item) };
  }
}

function linesOf(
  { payee, currency, plan, deal, lines }: PostingRow,
  from: number,
  until: number,
): readonly EarningListed[] {
  const posted = (JSON.parse(lines) as readonly PostedLine[]).slice(from, until);
  return posted.map((line) => ({ payee, currency, ...ledgerLine(plan, deal, line) }));
}
