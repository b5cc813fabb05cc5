import { Inject } from '@nestjs/common';
import { QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { ReferenceTables } from './reference.tables.js';

/** Exchange rates as they were published, in order of pair, date, source and revision. */
export class ListExchangeRates {
  constructor(
    readonly filter: { readonly base?: string | undefined; readonly quote?: string | undefined },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListExchangeRates)
export class ListExchangeRatesHandler implements IQueryHandler<ListExchangeRates, Page<ExchangeRate>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<ReferenceTables>) {}

  async execute({ filter, limit, cursor }: ListExchangeRates): Promise<Page<ExchangeRate>> {
    const after = decodeCursor(cursor, RATE_KEY.length);
    let query = this.db.selectFrom('commission_exchange_rates').select('fact');
    for (const column of ['base', 'quote'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(sql<boolean>`(base, quote, date, source, revision) > (${sql.join([...after])})`);
    for (const column of RATE_KEY) query = query.orderBy(column);
    const rows = await query.limit(limit + 1).execute();
    const rates = rows.map(({ fact }): ExchangeRate => JSON.parse(fact));
    return pageOf(rates, limit, ({ base, quote, date, source, revision = -1 }) => [
      base,
      quote,
      date,
      source,
      revision,
    ]);
  }
}

const RATE_KEY = ['base', 'quote', 'date', 'source', 'revision'] as const;

/** Quotas as they were set, in order of payee, plan, component, day and revision. */
export class ListQuotas {
  constructor(
    readonly filter: { readonly payee?: string | undefined; readonly plan?: string | undefined },
    readonly limit: number,
    readonly cursor: string | undefined,
  ) {}
}

@QueryHandler(ListQuotas)
export class ListQuotasHandler implements IQueryHandler<ListQuotas, Page<Quota>> {
  constructor(@Inject(DATABASE) private readonly db: Kysely<ReferenceTables>) {}

  async execute({ filter, limit, cursor }: ListQuotas): Promise<Page<Quota>> {
    const after = decodeCursor(cursor, QUOTA_KEY.length);
    let query = this.db.selectFrom('commission_quotas').select('fact');
    for (const column of ['payee', 'plan'] as const) {
      const value = filter[column];
      if (value !== undefined) query = query.where(column, '=', value);
    }
    if (after !== undefined)
      query = query.where(sql<boolean>`(payee, plan, component, from_day, revision) > (${sql.join([...after])})`);
    for (const column of QUOTA_KEY) query = query.orderBy(column);
    const rows = await query.limit(limit + 1).execute();
    const quotas = rows.map(({ fact }): Quota => JSON.parse(fact));
    return pageOf(quotas, limit, ({ payee, plan, component, from, revision }) => [
      payee,
      plan,
      component,
      from,
      revision,
    ]);
  }
}

const QUOTA_KEY = ['payee', 'plan', 'component', 'from_day', 'revision'] as const;
