/** Rows of deals, for lists. */
import type { Deal } from '@tantieme/contracts/deal';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';
import { dealAfter, DEAL_EVENTS } from './deal.js';
import type { DealFactRecorded } from './deal.js';
import { stageOf } from './deal-stage.js';
import { overReturnsOf } from './over-returns.js';
import { DEALS_IN_CONDITION_MAX } from '../limits.js';

export interface DealRow {
  readonly source: string;
  readonly deal: string;
  readonly revision: number;
  /** When it was booked, else registered, else first invoiced; empty while none of these is recorded. */
  readonly occurred_at: string;
  readonly state: string;
  /** Null while the deal has no terms. */
  readonly currency: string | null;
  /** Empty while none is recorded. */
  readonly customer: string;
  readonly line_count: number;
  readonly registered_at: string | null;
  readonly booked_at: string | null;
  readonly invoice_count: number;
  readonly payment_count: number;
  readonly return_count: number;
  readonly cancelled_at: string | null;
  /** JSON: see `OverReturn`. Null where no return exceeds what was sold. */
  readonly over_returns: string | null;
}

export interface DealPartnerRow {
  readonly source: string;
  readonly deal: string;
  readonly partner: string;
}

export interface DealTables {
  deal_ingestion_deals: DealRow;
  deal_ingestion_deal_partners: DealPartnerRow;
}

interface DealAtRevision {
  readonly deal: Deal;
  readonly revision: number;
}

/** Events of deals, in order of the log. */
export async function applyDeals(trx: Transaction<DealTables>, events: readonly StoredEvent[]): Promise<void> {
  // Every event holds the whole deal: of several in a page the last one counts.
  const deals = new Map<string, DealAtRevision>();
  for (const stored of events) {
    const deal = dealAfter(domainEventOf<DealFactRecorded>(stored, DEAL_EVENTS));
    deals.set(stored.stream, { deal, revision: stored.revision });
  }
  await writeDeals(trx, [...deals.values()].map(dealRow));
  await writePartners(trx, [...deals.values()]);
}

async function writeDeals(trx: Transaction<DealTables>, deals: readonly DealRow[]): Promise<void> {
  for (const rows of rowChunks(deals))
    await trx
      .insertInto('deal_ingestion_deals')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['source', 'deal']).doUpdateSet((set) => ({
          revision: set.ref('excluded.revision'),
          occurred_at: set.ref('excluded.occurred_at'),
          state: set.ref('excluded.state'),
          currency: set.ref('excluded.currency'),
          customer: set.ref('excluded.customer'),
          line_count: set.ref('excluded.line_count'),
          registered_at: set.ref('excluded.registered_at'),
          booked_at: set.ref('excluded.booked_at'),
          invoice_count: set.ref('excluded.invoice_count'),
          payment_count: set.ref('excluded.payment_count'),
          return_count: set.ref('excluded.return_count'),
          cancelled_at: set.ref('excluded.cancelled_at'),
          over_returns: set.ref('excluded.over_returns'),
        })),
      )
      .execute();
}

async function writePartners(trx: Transaction<DealTables>, deals: readonly DealAtRevision[]): Promise<void> {
  // A deal at its first revision has no rows yet.
  const changed = deals.filter(({ revision }) => revision > 0).map(({ deal }) => deal);
  for (const some of rowChunks(changed, DEALS_IN_CONDITION_MAX))
    await trx
      .deleteFrom('deal_ingestion_deal_partners')
      .where((eb) => eb.or(some.map(({ source, id }) => eb.and({ source, deal: id }))))
      .execute();
  const rows = deals.flatMap(({ deal: { source, id, terms } }) =>
    [...new Set(terms?.partners.map(({ partner }) => partner))].map((partner) => ({ source, deal: id, partner })),
  );
  for (const chunk of rowChunks(rows)) await trx.insertInto('deal_ingestion_deal_partners').values(chunk).execute();
}

function dealRow({ deal, revision }: DealAtRevision): DealRow {
  const overReturns = overReturnsOf(deal);
  return {
    source: deal.source,
    deal: deal.id,
    revision,
    occurred_at: deal.bookedAt ?? deal.registeredAt ?? deal.invoices[0]?.at ?? '',
    state: stageOf(deal),
    currency: deal.terms?.currency ?? null,
    customer: deal.terms?.customer ?? '',
    line_count: deal.terms?.lines.length ?? 0,
    registered_at: deal.registeredAt ?? null,
    booked_at: deal.bookedAt ?? null,
    invoice_count: deal.invoices.length,
    payment_count: deal.payments.length,
    return_count: deal.returns.length,
    cancelled_at: deal.cancelledAt ?? null,
    over_returns: overReturns.length === 0 ? null : JSON.stringify(overReturns),
  };
}
