/** What can be asked of this service to tell. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { Deal, DealFact } from '@tantieme/contracts/deal';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import type { Kysely } from 'kysely';
import { dealOf, dealStream } from './deal.js';
import type { FieldReason } from './deal-fact.js';
import type { RefusalKind } from '../refusal/refusal.js';
import { DEAL_RUNTIME } from '../fact/fact-recorder.service.js';
import type { DealRuntime } from '../fact/fact-recorder.service.js';
import type { DealIngestionTables, DealRow, RefusalRow } from './deal.tables.js';

export interface KnownDeal extends Deal {
  /** Of the deal's stream; the newest is the whole truth. */
  readonly revision: number;
  /** What the deal is a function of, in the order in which it came in. */
  readonly facts: readonly { readonly identity: string; readonly hash: string; readonly fact: DealFact }[];
}

export class FindDeal extends Query<KnownDeal> {
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

  async execute({ source, deal }: FindDeal): Promise<KnownDeal> {
    const { state, revision } = await this.deals.load(dealStream({ source, deal }));
    if (revision === 'no-stream')
      throw new DomainError('DealUnknown', `no deal ${deal} of ${source} is known`, 'not-found');
    const facts = [...state].map(([identity, { fact, hash }]) => ({ identity, hash, fact }));
    return { ...dealOf(source, deal, state.values()), revision, facts };
  }
}

export interface DealInBrief {
  readonly source: string;
  readonly id: string;
  readonly revision: number;
  readonly currency?: string;
  readonly lineCount: number;
  readonly registeredAt?: string;
  readonly bookedAt?: string;
  readonly invoiceCount: number;
  readonly paymentCount: number;
  readonly returnCount: number;
  readonly cancelledAt?: string;
}

export class ListDeals extends Query<Page<DealInBrief>> {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
    readonly source: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(ListDeals)
export class ListDealsHandler implements IQueryHandler<ListDeals> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<DealIngestionTables>) {}

  async execute({ limit, cursor, source }: ListDeals): Promise<Page<DealInBrief>> {
    const after = decodeCursor(cursor, 2);
    let query = this.database.selectFrom('deal_ingestion_deals').selectAll();
    if (source !== undefined) query = query.where('source', '=', source);
    if (after !== undefined) {
      const [afterSource, afterDeal] = after.map(String);
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('source', 'deal'), '>', tuple(afterSource ?? '', afterDeal ?? '')),
      );
    }
    const rows = await query
      .orderBy('source')
      .orderBy('deal')
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, (row) => [row.source, row.deal]);
    return { items: items.map(inBrief), ...more };
  }
}

function inBrief(row: DealRow): DealInBrief {
  return {
    source: row.source,
    id: row.deal,
    revision: row.revision,
    ...(row.currency === null ? {} : { currency: row.currency }),
    lineCount: row.line_count,
    ...(row.registered_at === null ? {} : { registeredAt: row.registered_at }),
    ...(row.booked_at === null ? {} : { bookedAt: row.booked_at }),
    invoiceCount: row.invoice_count,
    paymentCount: row.payment_count,
    returnCount: row.return_count,
    ...(row.cancelled_at === null ? {} : { cancelledAt: row.cancelled_at }),
  };
}

export interface KnownRefusal {
  readonly id: string;
  /** ISO 8601 instant at which it came in first. */
  readonly at: string;
  readonly kind: RefusalKind;
  readonly source?: string;
  readonly deal?: string;
  readonly errors: readonly FieldReason[];
  readonly raw: string;
  readonly actor: string;
}

export class ListRefusals extends Query<Page<KnownRefusal>> {
  constructor(
    readonly limit: number,
    readonly cursor: string | undefined,
    readonly kind: RefusalKind | undefined,
    readonly source: string | undefined,
  ) {
    super();
  }
}

@QueryHandler(ListRefusals)
export class ListRefusalsHandler implements IQueryHandler<ListRefusals> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<DealIngestionTables>) {}

  async execute({ limit, cursor, kind, source }: ListRefusals): Promise<Page<KnownRefusal>> {
    const after = decodeCursor(cursor, 2);
    let query = this.database.selectFrom('deal_ingestion_refusals').selectAll();
    if (kind !== undefined) query = query.where('kind', '=', kind);
    if (source !== undefined) query = query.where('source', '=', source);
    if (after !== undefined) {
      const [afterTime, afterId] = after.map(String);
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('refused_at', 'id'), '>', tuple(afterTime ?? '', afterId ?? '')),
      );
    }
    const rows = await query
      .orderBy('refused_at')
      .orderBy('id')
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, (row) => [row.refused_at, row.id]);
    return { items: items.map(knownRefusal), ...more };
  }
}

function knownRefusal(row: RefusalRow): KnownRefusal {
  return {
    id: row.id,
    at: row.refused_at,
    kind: row.kind === 'conflict' ? 'conflict' : 'invalid',
    ...(row.source === null ? {} : { source: row.source }),
    ...(row.deal === null ? {} : { deal: row.deal }),
    errors: JSON.parse(row.errors),
    raw: row.raw,
    actor: row.actor,
  };
}
