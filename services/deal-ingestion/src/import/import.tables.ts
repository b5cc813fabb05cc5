/** Rows of imports, for lists. */
import { domainEventOf, metadataOf } from '@tantieme/event-sourcing/decide/upcasting';
import { rowChunks } from '@tantieme/event-sourcing/read-model/row-chunks';
import type { StoredEvent } from '@tantieme/event-store/event-store';
import type { Transaction } from 'kysely';
import { SERVICE_ACTOR } from '../service-actor.js';
import type { RefusalTables } from '../refusal/refusal.tables.js';
import { importOf, IMPORT_EVENTS } from './import.js';
import type { ImportEvent } from './import.js';

export interface ImportRow {
  readonly id: string;
  readonly file: string | null;
  readonly format: string;
  /** JSON: the mapping document of a CSV file. */
  readonly mapping: string | null;
  readonly state: string;
  readonly actor: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  /** JSON: names of the columns of a CSV file. */
  readonly columns: string | null;
  readonly facts: number | null;
  readonly accepted: number | null;
  readonly repeated: number | null;
  readonly conflicts: number | null;
  readonly refused: number | null;
  readonly error_code: string | null;
  readonly error_detail: string | null;
  readonly undone_at: string | null;
  /** Facts that undoing it withdrew. */
  readonly withdrawn: number | null;
  /** Facts that undoing it left alone. */
  readonly replaced: number | null;
}

export interface ImportTables extends RefusalTables {
  deal_ingestion_imports: ImportRow;
}

/** Events of imports, in order of the log. */
export async function applyImports(trx: Transaction<ImportTables>, events: readonly StoredEvent[]): Promise<void> {
  for (const stored of events) {
    const id = importOf(stored.stream);
    const event = domainEventOf<ImportEvent>(stored, IMPORT_EVENTS);
    switch (event.type) {
      case 'ImportStarted':
        await trx
          .insertInto('deal_ingestion_imports')
          .values({
            id,
            file: event.data.file ?? null,
            format: event.data.format,
            mapping: event.data.mapping === undefined ? null : JSON.stringify(event.data.mapping),
            state: 'running',
            actor: metadataOf(stored).actor ?? SERVICE_ACTOR,
            started_at: event.occurredAt,
          })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute();
        break;
      case 'ImportBatchRecorded':
        await trx
          .updateTable('deal_ingestion_imports')
          .set({ ...event.data.counts, state: 'running' })
          .where('id', '=', id)
          .execute();
        for (const chunk of rowChunks(event.data.refusals))
          await trx
            .insertInto('deal_ingestion_import_refusals')
            .values(chunk.map(({ refusal, row }) => ({ import_id: id, refusal, first_row: row })))
            .onConflict((conflict) => conflict.columns(['import_id', 'refusal']).doNothing())
            .execute();
        break;
      case 'ImportInterrupted':
        await trx.updateTable('deal_ingestion_imports').set({ state: 'interrupted' }).where('id', '=', id).execute();
        break;
      case 'ImportUndone': {
        const { withdrawn, replaced } = event.data;
        await trx
          .updateTable('deal_ingestion_imports')
          .set((eb) => ({
            state: 'undone',
            undone_at: event.occurredAt,
            withdrawn: eb(eb.fn.coalesce('withdrawn', eb.val(0)), '+', withdrawn),
            replaced,
          }))
          .where('id', '=', id)
          .execute();
        break;
      }
      case 'ImportEnded':
        await trx
          .updateTable('deal_ingestion_imports')
          .set({
            ...event.data.counts,
            state: event.data.error === undefined ? 'completed' : 'failed',
            ended_at: event.occurredAt,
            columns: event.data.columns === undefined ? null : JSON.stringify(event.data.columns),
            error_code: event.data.error?.code ?? null,
            error_detail: event.data.error?.detail ?? null,
          })
          .where('id', '=', id)
          .execute();
        break;
      default:
        event satisfies never;
    }
  }
}
