/** Queries about imports. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { decodeCursor, pageOf } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { contains } from '@tantieme/service-kit/http/text-filter';
import { DATABASE } from '@tantieme/service-kit/runtime/runtime-tokens';
import { stringify } from 'csv-stringify/sync';
import type { Kysely } from 'kysely';
import type { Refusal, RefusalListState } from '../refusal/refusal.dto.js';
import { wholeRefusal } from '../refusal/refusal.queries.js';
import { IMPORT_STATES } from './import.dto.js';
import type { Import, ImportsQuery } from './import.dto.js';
import type { ImportFormat } from './import.js';
import type { ImportRow, ImportTables } from './import.tables.js';
import { REASON_COLUMN, rejectedCells, rejectedLine, storedRows } from './rejected-rows.js';
import { REFUSALS_IN_PAGE } from '../limits.js';

export class ListImports extends Query<Page<Import>> {
  constructor(readonly query: ImportsQuery) {
    super();
  }
}

@QueryHandler(ListImports)
export class ListImportsHandler implements IQueryHandler<ListImports> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<ImportTables>) {}

  async execute({ query: asked }: ListImports): Promise<Page<Import>> {
    const { limit, cursor, state, file, actor, sort } = asked;
    let query = this.database.selectFrom('deal_ingestion_imports').selectAll();
    if (state !== undefined) query = query.where('state', '=', state);
    if (file !== undefined) query = query.where(contains('file', file));
    if (actor !== undefined) query = query.where('actor', '=', actor);
    const direction = sort === 'at' ? 'asc' : 'desc';
    const after = decodeCursor(cursor, 2)?.map(String);
    if (after !== undefined) {
      const [afterTime = '', afterId = ''] = after;
      query = query.where((eb) =>
        eb(eb.refTuple('started_at', 'id'), direction === 'asc' ? '>' : '<', eb.tuple(afterTime, afterId)),
      );
    }
    const rows = await query
      .orderBy('started_at', direction)
      .orderBy('id', direction)
      .limit(limit + 1)
      .execute();
    const { items, ...more } = pageOf(rows, limit, (row) => [row.started_at, row.id]);
    return { items: items.map(importIn), ...more };
  }
}

export class FindImport extends Query<Import> {
  constructor(readonly id: string) {
    super();
  }
}

@QueryHandler(FindImport)
export class FindImportHandler implements IQueryHandler<FindImport> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<ImportTables>) {}

  /** @throws {DomainError} `ImportUnknown` */
  async execute({ id }: FindImport): Promise<Import> {
    return importIn(await importRow(this.database, id));
  }
}

/** A file of what an import refused. */
export interface RejectedFile {
  readonly format: ImportFormat;
  readonly lines: AsyncIterable<string>;
}

export class FindRejectedRows extends Query<RejectedFile> {
  constructor(
    readonly id: string,
    readonly state: RefusalListState | undefined,
  ) {
    super();
  }
}

@QueryHandler(FindRejectedRows)
export class FindRejectedRowsHandler implements IQueryHandler<FindRejectedRows> {
  constructor(@Inject(DATABASE) private readonly database: Kysely<ImportTables>) {}

  /** @throws {DomainError} `ImportUnknown` */
  async execute({ id, state }: FindRejectedRows): Promise<RejectedFile> {
    const row = await importRow(this.database, id);
    const format = formatOf(row);
    return { format, lines: format === 'csv' ? this.csv(row, state) : this.ndjson(row, state) };
  }

  /** In UTF-8 with a byte order mark, which an import heeds whatever encoding its mapping names. */
  private async *csv(row: ImportRow, state: RefusalListState | undefined): AsyncGenerator<string> {
    const delimiter = delimiterOf(row.mapping);
    const lineOf = (cells: readonly string[]): string => stringify([[...cells]], { delimiter });
    const header = (columns: readonly string[]): string => `\ufeff${lineOf([...columns, REASON_COLUMN])}`;
    let columns = row.columns === null ? undefined : withoutReason(namesIn(row.columns));
    if (columns !== undefined) yield header(columns);
    for await (const refusal of this.refusals(row.id, state)) {
      if (columns === undefined) {
        // An import that still runs, or that broke off, has not recorded its columns.
        columns = withoutReason([...(storedRows(refusal.raw)[0]?.keys() ?? [])]);
        yield header(columns);
      }
      yield rejectedCells(refusal, columns).map(lineOf).join('');
    }
  }

  private async *ndjson(row: ImportRow, state: RefusalListState | undefined): AsyncGenerator<string> {
    for await (const refusal of this.refusals(row.id, state)) yield `${rejectedLine(refusal)}\n`;
  }

  /** In the order of their first rows. */
  private async *refusals(id: string, state: RefusalListState | undefined): AsyncGenerator<Refusal> {
    let after: readonly [row: number, refusal: string] = [-1, ''];
    for (;;) {
      let query = this.database
        .selectFrom('deal_ingestion_import_refusals as brought')
        .innerJoin('deal_ingestion_refusals as refusal', 'refusal.id', 'brought.refusal')
        .selectAll('refusal')
        .select('brought.first_row')
        .where('brought.import_id', '=', id)
        .where((eb) => eb(eb.refTuple('brought.first_row', 'brought.refusal'), '>', eb.tuple(after[0], after[1])));
      if (state !== undefined) query = query.where('refusal.state', '=', state);
      const rows = await query
        .orderBy('brought.first_row')
        .orderBy('brought.refusal')
        .limit(REFUSALS_IN_PAGE)
        .execute();
      for (const refusal of rows) yield await wholeRefusal(this.database, refusal);
      const last = rows.at(-1);
      if (last === undefined || rows.length < REFUSALS_IN_PAGE) return;
      after = [last.first_row, last.id];
    }
  }
}

async function importRow(database: Kysely<ImportTables>, id: string): Promise<ImportRow> {
  const row = await database.selectFrom('deal_ingestion_imports').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new DomainError('ImportUnknown', `there is no import ${id}`, 'not-found');
  return row;
}

function importIn(row: ImportRow): Import {
  return omitUndefined({
    id: row.id,
    file: row.file ?? undefined,
    format: formatOf(row),
    state: IMPORT_STATES.find((state) => state === row.state) ?? 'running',
    actor: row.actor,
    at: row.started_at,
    endedAt: row.ended_at ?? undefined,
    facts: row.facts ?? undefined,
    accepted: row.accepted ?? undefined,
    repeated: row.repeated ?? undefined,
    conflicts: row.conflicts ?? undefined,
    refused: row.refused ?? undefined,
    undoneAt: row.undone_at ?? undefined,
    withdrawn: row.withdrawn ?? undefined,
    replaced: row.replaced ?? undefined,
    error: row.error_code === null ? undefined : { code: row.error_code, detail: row.error_detail ?? '' },
  });
}

function formatOf({ format }: ImportRow): ImportFormat {
  return format === 'csv' ? 'csv' : 'ndjson';
}

function namesIn(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[];
}

function withoutReason(columns: readonly string[]): readonly string[] {
  return columns.filter((name) => name !== REASON_COLUMN);
}

/** Of the mapping document of a CSV file. */
function delimiterOf(mapping: string | null): string {
  const document: unknown = mapping === null ? undefined : JSON.parse(mapping);
  const hasDelimiter = typeof document === 'object' && document !== null && 'delimiter' in document;
  return hasDelimiter && typeof document.delimiter === 'string' ? document.delimiter : ',';
}
