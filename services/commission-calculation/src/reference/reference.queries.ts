import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { ExchangeRateAnswer, QuotaAnswer } from './reference.dto.js';
import { isWithdrawnIn } from './stream/reference.tables.js';
import type { ReferenceTables } from './stream/reference.tables.js';

export interface ExchangeRatesFilter {
  readonly base?: string | undefined;
  readonly quote?: string | undefined;
  readonly date?: string | undefined;
  readonly source?: string | undefined;
}

/** Exchange rates by pair, date, source and revision; or the latest dates first. */
export class ListExchangeRates {
  constructor(
    readonly filter: ExchangeRatesFilter,
    readonly sort: 'pair' | 'newest',
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

/** Columns of each order, and its direction: one direction for all, so that a page can start after a row. */
const RATE_ORDERS = {
  pair: { key: ['base', 'quote', 'date', 'source', 'revision'], direction: 'asc', after: sql`>` },
  newest: { key: ['date', 'base', 'quote', 'source', 'revision'], direction: 'desc', after: sql`<` },
} as const;

@QueryHandler(ListExchangeRates)
export class ListExchangeRatesHandler implements IQueryHandler<ListExchangeRates, Page<ExchangeRateAnswer>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<ReferenceTables>) {}

  async execute({ filter, sort, limit, cursor }: ListExchangeRates): Promise<Page<ExchangeRateAnswer>> {
    const order = RATE_ORDERS[sort];
    const after = decodeCursor(cursor, order.key.length);
    let query = this.db
      .selectFrom('commission_exchange_rates')
      .select(['fact', withdrawnFlag('commission_exchange_rates')])
      .where('withdrawn', '=', '');
    for (const column of ['base', 'quote', 'date', 'source'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(
        sql<boolean>`(${sql.join(order.key.map((column) => sql.ref(column)))}) ${order.after} (${sql.join([...after])})`,
      );
    for (const column of order.key) query = query.orderBy(column, order.direction);
    const rows = await query.limit(limit + 1).execute();
    const rates = rows.map((row) => answerOf<ExchangeRateAnswer>(row));
    return pageOf(rates, limit, (rate) => order.key.map((column) => rate[column] ?? -1));
  }
}

export interface QuotasFilter {
  readonly payee?: string | undefined;
  readonly plan?: string | undefined;
  readonly component?: string | undefined;
}

/** Quotas as they were recorded, in order of payee, plan, component, first day and revision. */
export class ListQuotas {
  constructor(
    readonly filter: QuotasFilter,
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListQuotas)
export class ListQuotasHandler implements IQueryHandler<ListQuotas, Page<QuotaAnswer>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<ReferenceTables>) {}

  async execute({ filter, limit, cursor }: ListQuotas): Promise<Page<QuotaAnswer>> {
    const after = decodeCursor(cursor, QUOTA_KEY.length);
    let query = this.db
      .selectFrom('commission_quotas')
      .select(['fact', withdrawnFlag('commission_quotas')])
      .where('withdrawn', '=', '');
    for (const column of ['payee', 'plan', 'component'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(sql<boolean>`(payee, plan, component, from_day, revision) > (${sql.join([...after])})`);
    for (const column of QUOTA_KEY) query = query.orderBy(column);
    const rows = await query.limit(limit + 1).execute();
    const quotas = rows.map((row) => answerOf<QuotaAnswer>(row));
    return pageOf(quotas, limit, ({ payee, plan, component, from, revision }) => [
      payee,
      plan,
      component,
      from,
      revision,
    ]);
  }
}

function withdrawnFlag(table: 'commission_exchange_rates' | 'commission_quotas') {
  return sql<number>`case when ${isWithdrawnIn(table)} then 1 else 0 end`.as('is_withdrawn');
}

function answerOf<Answer extends object>(row: { readonly fact: string; readonly is_withdrawn: number }): Answer {
  const fact = JSON.parse(row.fact) as Answer;
  return row.is_withdrawn === 1 ? { ...fact, withdrawn: true } : fact;
}

const QUOTA_KEY = ['payee', 'plan', 'component', 'from_day', 'revision'] as const;
