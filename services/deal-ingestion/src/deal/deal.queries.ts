/** Queries about deals. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { Runtime } from '@tantieme/event-sourcing/decide/runtime';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { startsWith } from '@tantieme/service-kit/http/text-filter';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { dealOf, dealStream } from './deal.js';
import type { DealCommand, DealFactRecorded } from './deal.js';
import type { DealState } from './facts-in-force.js';
import type { DealsQuery, DealSummary, DealWithFacts } from './deal.dto.js';
import { daysOfPeriod } from './deal-period.js';
import { DEAL_STAGES } from './deal-stage.js';
import { overReturnsOf } from './over-returns.js';
import type { OverReturn } from './over-returns.js';
import type { DealRow, DealTables } from './deal.tables.js';

export const DEAL_RUNTIME = Symbol('DEAL_RUNTIME');
export type DealRuntime = Runtime<DealState, DealCommand, DealFactRecorded>;

export class FindDeal extends Query<DealWithFacts> {
  constructor(
    readonly source: string,
    readonly deal: string,
  ) {
    super();
  }
}

@QueryHandler(FindDeal)
export class FindDealHandler implements IQueryHandler<FindDeal> {
  constructor(@Inject(DEAL_RUNTIME) private readonly deals: DealRuntime) {}

  /** @throws {DomainError} `DealUnknown` */
  async execute({ source, deal }: FindDeal): Promise<DealWithFacts> {
    const { state, revision } = await this.deals.load(dealStream({ source, deal }));
    if (revision === 'no-stream')
      throw new DomainError('DealUnknown', `no deal ${deal} of ${source} is recorded`, 'not-found');
    const facts = [...state].map(([identity, { fact, hash }]) => ({ identity, hash, fact }));
    const found = dealOf(source, deal, state.values());
    return { ...found, revision, facts, overReturns: overReturnsOf(found) };
  }
}

export class ListDeals extends Query<Page<DealSummary>> {
  constructor(readonly query: DealsQuery) {
    super();
  }
}

@QueryHandler(ListDeals)
export class ListDealsHandler implements IQueryHandler<ListDeals> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<DealTables>) {}

  async execute({ query: asked }: ListDeals): Promise<Page<DealSummary>> {
    const { limit, cursor, source, partner, currency, state, text, overReturned } = asked;
    let query = this.database.selectFrom('deal_ingestion_deals').selectAll();
    if (source !== undefined) query = query.where('source', '=', source);
    if (currency !== undefined) query = query.where('currency', '=', currency);
    if (state !== undefined) query = query.where('state', '=', state);
    if (overReturned !== undefined) query = query.where('over_returns', overReturned ? 'is not' : 'is', null);
    for (const { from, until } of spansOf(asked)) {
      // An instant in its normal form begins with its day.
      if (from !== undefined) query = query.where('occurred_at', '>=', from);
      if (until !== undefined) query = query.where('occurred_at', '<', until).where('occurred_at', '>', '');
    }
    if (text !== undefined)
      query = query.where((eb) => eb.or([startsWith('deal', text), startsWith('customer', text)]));
    if (partner !== undefined)
      query = query.where((eb) =>
        eb.exists(
          eb
            .selectFrom('deal_ingestion_deal_partners as named')
            .select('named.partner')
            .whereRef('named.source', '=', 'deal_ingestion_deals.source')
            .whereRef('named.deal', '=', 'deal_ingestion_deals.deal')
            .where('named.partner', '=', partner),
        ),
      );
    const { columns, direction } = orderOf(asked);
    const after = decodeCursor(cursor, columns.length)?.map(String);
    if (after !== undefined) {
      const names = sql.join(columns.map((column) => sql.ref(column)));
      query = query.where(sql<boolean>`(${names}) ${sql.raw(direction === 'asc' ? '>' : '<')} (${sql.join(after)})`);
    }
    for (const column of columns) query = query.orderBy(column, direction);
    const rows = await query.limit(limit + 1).execute();
    const { items, ...more } = pageOf(rows, limit, (row) => columns.map((column) => row[column]));
    return { items: items.map(summaryOf), ...more };
  }
}

function spansOf({ period, from, until }: DealsQuery) {
  return [{ from, until }, ...(period === undefined ? [] : [daysOfPeriod(period)])];
}

/** Each order names a column once: SQLite uses no index for one that it has twice, and sorts all deals instead. */
const SORT_COLUMNS = {
  id: ['source', 'deal'],
  occurredAt: ['occurred_at', 'source', 'deal'],
  customer: ['customer', 'source', 'deal'],
} as const;

function orderOf({ sort }: DealsQuery) {
  const name = sort.replace(/^-/, '');
  const columns: readonly ('source' | 'deal' | 'occurred_at' | 'customer')[] =
    name === 'occurredAt' || name === 'customer' ? SORT_COLUMNS[name] : SORT_COLUMNS.id;
  return { columns, direction: sort.startsWith('-') ? 'desc' : 'asc' } as const;
}

function summaryOf(row: DealRow): DealSummary {
  return omitUndefined({
    source: row.source,
    id: row.deal,
    revision: row.revision,
    state: DEAL_STAGES.find((stage) => stage === row.state) ?? 'incomplete',
    occurredAt: row.occurred_at === '' ? undefined : row.occurred_at,
    currency: row.currency ?? undefined,
    customer: row.customer === '' ? undefined : row.customer,
    lineCount: row.line_count,
    registeredAt: row.registered_at ?? undefined,
    bookedAt: row.booked_at ?? undefined,
    invoiceCount: row.invoice_count,
    paymentCount: row.payment_count,
    returnCount: row.return_count,
    cancelledAt: row.cancelled_at ?? undefined,
    overReturns: row.over_returns === null ? undefined : (JSON.parse(row.over_returns) as readonly OverReturn[]),
  });
}
