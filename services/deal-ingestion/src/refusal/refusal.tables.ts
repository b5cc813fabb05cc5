/** Rows of refusals, for lists. */
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';
import { DISCARDED, refusalOf, REFUSAL_EVENTS } from './refusal.js';
import type { RefusalEvent } from './refusal.js';
import { SERVICE_ACTOR } from '../service-actor.js';

export interface RefusalRow {
  /** SHA-256 of kind and content. */
  readonly id: string;
  readonly refused_at: string;
  readonly kind: string;
  readonly state: string;
  readonly source: string | null;
  readonly deal: string | null;
  readonly fact: string | null;
  readonly import_id: string | null;
  readonly file: string | null;
  /** JSON: numbers of rows in the file. */
  readonly row_numbers: string | null;
  /** JSON: a list of field and reason, with row, column and cell of a file. */
  readonly errors: string;
  readonly raw: string;
  /** Pieces of what was sent that follow `raw`. */
  readonly parts: number;
  readonly actor: string;
  /** How it was resolved; `discarded` by two people. */
  readonly resolution: string | null;
  readonly resolved_at: string | null;
  readonly discard_reason: string | null;
  readonly discard_proposed_by: string | null;
  readonly discarded_by: string | null;
}

export interface RefusalPartRow {
  readonly refusal: string;
  readonly part: number;
  readonly raw: string;
}

/** What an import refused, also where an earlier import was refused the same. Written with the imports. */
export interface ImportRefusalRow {
  readonly import_id: string;
  readonly refusal: string;
  /** First row of the refused fact in the file of this import. */
  readonly first_row: number;
}

export interface RefusalTables {
  deal_ingestion_refusals: RefusalRow;
  deal_ingestion_refusal_parts: RefusalPartRow;
  deal_ingestion_import_refusals: ImportRefusalRow;
}

/** Events of refusals, in order of the log. */
export async function applyRefusals(trx: Transaction<RefusalTables>, events: readonly StoredEvent[]): Promise<void> {
  const rows = new Map<string, RefusalRow>();
  const parts: RefusalPartRow[] = [];
  const resolved: (Pick<RefusalRow, 'id' | 'resolution' | 'resolved_at'> & Partial<RefusalRow>)[] = [];
  for (const stored of events) {
    const id = refusalOf(stored.stream);
    const { type, occurredAt, data } = domainEventOf<RefusalEvent>(stored, REFUSAL_EVENTS);
    if (type === 'RefusedPartStored') parts.push({ refusal: id, ...data });
    else if (type === 'RefusalResolved') resolved.push({ id, resolution: data.resolution, resolved_at: occurredAt });
    else if (type === 'RefusalDiscarded')
      resolved.push({
        id,
        resolution: DISCARDED,
        resolved_at: occurredAt,
        discard_reason: data.reason,
        discard_proposed_by: data.proposedBy,
        discarded_by: data.confirmedBy,
      });
    else
      rows.set(id, {
        id,
        refused_at: occurredAt,
        kind: data.kind,
        state: 'open',
        source: data.source ?? null,
        deal: data.deal ?? null,
        fact: data.fact ?? null,
        import_id: data.import ?? null,
        file: data.file ?? null,
        row_numbers: data.rows === undefined ? null : JSON.stringify(data.rows),
        errors: JSON.stringify(data.errors),
        raw: data.raw,
        parts: data.parts ?? 0,
        actor: metadataOf(stored).actor ?? SERVICE_ACTOR,
        resolution: null,
        resolved_at: null,
        discard_reason: null,
        discard_proposed_by: null,
        discarded_by: null,
      });
  }
  for (const chunk of rowChunks(parts))
    await trx
      .insertInto('deal_ingestion_refusal_parts')
      .values(chunk)
      .onConflict((conflict) => conflict.columns(['refusal', 'part']).doNothing())
      .execute();
  for (const chunk of rowChunks([...rows.values()]))
    await trx
      .insertInto('deal_ingestion_refusals')
      .values(chunk)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  for (const { id, ...changes } of resolved)
    await trx
      .updateTable('deal_ingestion_refusals')
      .set({ ...changes, state: 'resolved' })
      .where('id', '=', id)
      .execute();
}
