import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import type { PostedLine } from './posting.js';
import { ledgerLine } from './posting.js';
import type { CommissionTables, PostingRow } from '../read-model.projection.js';
import { allWaiting } from '../credit/pending-deals.projection.js';
import type { WaitingRow, WaitingTables } from '../credit/pending-deals.tables.js';

export interface EarningListed extends LedgerLine {
  readonly payee: string;
  readonly currency: string;
}

export interface EarningsFilter {
  readonly payee?: string | undefined;
  readonly plan?: string | undefined;
  readonly period?: string | undefined;
  readonly deal?: string | undefined;
}

/** Posted ledger lines, in order of payee, plan, deal and period. */
export class ListEarnings {
  constructor(
    readonly filter: EarningsFilter,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListEarnings)
export class ListEarningsHandler implements IQueryHandler<ListEarnings, Page<EarningListed>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<CommissionTables>) {}

  async execute({ filter, limit, cursor }: ListEarnings): Promise<Page<EarningListed>> {
    const after = decodeCursor(cursor, KEY.length + 1);
    let query = this.db.selectFrom('commission_postings').selectAll();
    for (const column of ['payee', 'plan', 'period', 'deal'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    // The row that the page before ended in comes again: it may have more lines.
    if (after !== undefined)
      query = query.where(sql<boolean>`(payee, plan, deal, period) >= (${sql.join(after.slice(0, KEY.length))})`);
    for (const column of KEY) query = query.orderBy(column);
    const rows = await query.limit(limit + 2).execute();
    const lines = rows.flatMap((row) => linesOf(row));
    const [told, place] = [after?.slice(0, KEY.length).join('\n'), Number(after?.[KEY.length] ?? -1)];
    const left = lines.filter(({ key, index }) => key.join('\n') !== told || index > place);
    const page = pageOf(left.slice(0, limit + 1), limit, ({ key, index }) => [...key, index]);
    return { ...page, items: page.items.map(({ item }) => item) };
  }
}

const KEY = ['payee', 'plan', 'deal', 'period'] as const;

interface Placed {
  readonly key: readonly string[];
  readonly index: number;
  readonly item: EarningListed;
}

function linesOf(row: PostingRow): readonly Placed[] {
  const lines: readonly PostedLine[] = JSON.parse(row.lines);
  const { payee, currency, plan, deal } = row;
  const key = KEY.map((column) => row[column]);
  return lines.map((line, index) => ({ key, index, item: { payee, currency, ...ledgerLine(plan, deal, line) } }));
}

/** Deals that are not credited, or not wholly, or earn nothing yet for want of a quota, with the reason. */
export class ListWaiting {
  constructor(
    readonly filter: { readonly code?: string | undefined; readonly subject?: string | undefined },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListWaiting)
export class ListWaitingHandler implements IQueryHandler<ListWaiting, Page<WaitingRow>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<CommissionTables & WaitingTables>) {}

  async execute({ filter, limit, cursor }: ListWaiting): Promise<Page<WaitingRow>> {
    const after = decodeCursor(cursor, 3);
    let query = allWaiting(this.db).selectAll();
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
