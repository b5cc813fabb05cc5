/** Refusals that are open, by the fact that they are about. Filled and emptied by the process that resolves them. */
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { Kysely } from 'kysely';
import { DEALS_IN_STATEMENT_MAX } from '../limits.js';

export interface OpenRefusalRow {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly deal: string;
  /** Which fact of the deal: see `factKeyOf`. */
  readonly fact: string;
}

export interface OpenRefusalTables {
  deal_ingestion_open_refusals: OpenRefusalRow;
}

/** Open refusals of these deals, or of deals of the same id in another source. */
export async function openRefusalsOf(
  db: Kysely<OpenRefusalTables>,
  deals: readonly { readonly deal: string }[],
): Promise<readonly OpenRefusalRow[]> {
  const found: OpenRefusalRow[] = [];
  for (const ids of rowChunks([...new Set(deals.map(({ deal }) => deal))], DEALS_IN_STATEMENT_MAX))
    found.push(...(await db.selectFrom('deal_ingestion_open_refusals').selectAll().where('deal', 'in', ids).execute()));
  return found;
}

export async function addOpenRefusals(db: Kysely<OpenRefusalTables>, rows: readonly OpenRefusalRow[]): Promise<void> {
  for (const chunk of rowChunks(rows))
    await db
      .insertInto('deal_ingestion_open_refusals')
      .values(chunk)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
}

export async function removeOpenRefusals(db: Kysely<OpenRefusalTables>, ids: readonly string[]): Promise<void> {
  for (const chunk of rowChunks(ids))
    await db.deleteFrom('deal_ingestion_open_refusals').where('id', 'in', chunk).execute();
}
