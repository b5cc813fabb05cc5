/** What is listed: deals in brief, and refusals. Filled from the log; may be deleted and is built anew. */
import { metadataOf } from '@tantieme/event-sourcing/process/relay';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import { domainEventOf } from '@tantieme/event-sourcing/decide/upcasting';
import type { Projection } from '@tantieme/event-sourcing/process/projection';
import type { Transaction } from 'kysely';
import { dealDecider } from './deal.js';
import type { DealFactRecorded } from './deal.js';
import { refusalDecider } from '../refusal/refusal.js';
import type { FactRefused } from '../refusal/refusal.js';
import * as dealsAndRefusals from '../migrations/0001-deals-and-refusals.js';

export interface DealRow {
  readonly source: string;
  readonly deal: string;
  readonly revision: number;
  /** Null while no terms are known. */
  readonly currency: string | null;
  readonly line_count: number;
  readonly registered_at: string | null;
  readonly booked_at: string | null;
  readonly invoice_count: number;
  readonly payment_count: number;
  readonly return_count: number;
  readonly cancelled_at: string | null;
}

export interface RefusalRow {
  /** The end of its stream's name: a hash of its content. */
  readonly id: string;
  readonly refused_at: string;
  readonly kind: string;
  readonly source: string | null;
  readonly deal: string | null;
  /** JSON: a list of field and reason. */
  readonly errors: string;
  readonly raw: string;
  readonly actor: string;
}

export interface DealIngestionTables {
  deal_ingestion_deals: DealRow;
  deal_ingestion_refusals: RefusalRow;
}

export const readModel: Projection<DealIngestionTables> = {
  name: 'deal-ingestion-read-model',
  filter: { categories: [dealDecider.category, refusalDecider.category] },
  migrations: { owner: 'deal_ingestion', files: { '0001-deals-and-refusals': dealsAndRefusals } },
  tables: ['deal_ingestion_deals', 'deal_ingestion_refusals'],
  async apply(trx, events) {
    // The whole deal is in every event: of several in a page the last one says it all.
    const deals = new Map<string, DealRow>();
    const refusals: RefusalRow[] = [];
    for (const stored of events) {
      if (stored.type === 'DealFactRecorded')
        deals.set(stored.stream, dealRow(domainEventOf<DealFactRecorded>(stored, dealDecider), stored.revision));
      else if (stored.type === 'FactRefused') {
        const { occurredAt, data } = domainEventOf<FactRefused>(stored, refusalDecider);
        refusals.push({
          id: stored.stream.slice(refusalDecider.category.length + 1),
          refused_at: occurredAt,
          kind: data.kind,
          source: data.source ?? null,
          deal: data.deal ?? null,
          errors: JSON.stringify(data.errors),
          raw: data.raw,
          actor: metadataOf(stored).actor,
        });
      }
    }
    await writeDeals(trx, [...deals.values()]);
    for (const rows of rowChunks(refusals))
      await trx
        .insertInto('deal_ingestion_refusals')
        .values(rows)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
  },
};

async function writeDeals(trx: Transaction<DealIngestionTables>, deals: readonly DealRow[]): Promise<void> {
  for (const rows of rowChunks(deals))
    await trx
      .insertInto('deal_ingestion_deals')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['source', 'deal']).doUpdateSet(({ ref }) => ({
          revision: ref('excluded.revision'),
          currency: ref('excluded.currency'),
          line_count: ref('excluded.line_count'),
          registered_at: ref('excluded.registered_at'),
          booked_at: ref('excluded.booked_at'),
          invoice_count: ref('excluded.invoice_count'),
          payment_count: ref('excluded.payment_count'),
          return_count: ref('excluded.return_count'),
          cancelled_at: ref('excluded.cancelled_at'),
        })),
      )
      .execute();
}

function dealRow({ data: { deal } }: DealFactRecorded, revision: number): DealRow {
  return {
    source: deal.source,
    deal: deal.id,
    revision,
    currency: deal.terms?.currency ?? null,
    line_count: deal.terms?.lines.length ?? 0,
    registered_at: deal.registeredAt ?? null,
    booked_at: deal.bookedAt ?? null,
    invoice_count: deal.invoices.length,
    payment_count: deal.payments.length,
    return_count: deal.returns.length,
    cancelled_at: deal.cancelledAt ?? null,
  };
}
