/** An import: a stream of NDJSON or CSV becomes facts, in bounded memory whatever its length and order of rows. */
import { columnNames, missingColumns } from '@tantieme/tabular/cell';
import { csvRows } from '@tantieme/tabular/csv-rows';
import { parsedJson } from '@tantieme/tabular/file-records';
import { formatOfLocale } from '@tantieme/tabular/locale';
import { ndjsonLines } from '@tantieme/tabular/ndjson-lines';
import type { Line } from '@tantieme/tabular/ndjson-lines';
import { TabularError } from '@tantieme/tabular/tabular-error';
import { tabularProblem } from '@tantieme/service-kit/http/tabular-problem';
import { BATCH_CHARACTERS, BATCH_FACTS } from '../limits.js';
import type { Candidate, FactSink } from '../fact/candidate.js';
import type { ColumnMapping } from './column-mapping.js';
import type { ImportCounts, ImportFormat } from './import.js';
import { columnMapping } from './mapping-document.js';
import { createRowMapper } from './mapped-rows.js';
import type { Row, RowMapper } from './mapped-rows.js';
import { RowStaging } from './row-staging.service.js';
import { REASON_COLUMN } from './rejected-rows.js';
import { columnsOf } from './usable-fields.js';

export interface ImportProgress {
  /** Facts read so far. */
  readonly staged: number;
  /** Facts recorded or refused so far. */
  readonly done: number;
}

export interface ImportOptions {
  /** Where the temporary file of a CSV import lies. */
  readonly stagingDirectory: string;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
  /** Receives the names of the columns of a CSV file, before the first fact. */
  readonly onColumns?: ((columns: readonly string[]) => void) | undefined;
}

/** Rows between two reports of the staging's progress. */
const ROWS_BETWEEN_PROGRESS = 5000;

/**
 * @param mapping the mapping document of a CSV import (JSON value); NDJSON needs none
 * @param sink records the facts, a batch at a time
 * @throws {DomainError} `MappingInvalid`, `ColumnsMissing`, `FileUnreadable`: then nothing of a CSV file is recorded
 */
export async function importFacts(
  stream: AsyncIterable<Uint8Array | string>,
  format: ImportFormat,
  mapping: unknown,
  sink: FactSink,
  options: ImportOptions,
): Promise<ImportCounts> {
  const work = new ImportWork(sink, options.onProgress);
  try {
    switch (format) {
      case 'ndjson':
        for await (const lines of ndjsonLines(stream)) {
          work.staged += lines.length;
          for (const line of lines) await work.add(candidateOf(line), line.text.length);
        }
        break;
      case 'csv':
        await importCsv(stream, columnMapping(mapping, formatOfLocale), work, options);
        break;
      default:
        format satisfies never;
    }
    return await work.finish();
  } catch (error) {
    throw tabularProblem(error);
  }
}

/** Gathers facts into batches, and counts their outcomes. */
class ImportWork {
  staged = 0;
  private done = 0;
  private batch: Candidate[] = [];
  /** Of the batch. */
  private characters = 0;
  private readonly counts = { accepted: 0, repeated: 0, conflict: 0, refused: 0 };

  constructor(
    private readonly sink: FactSink,
    private readonly onProgress: ((progress: ImportProgress) => void) | undefined,
  ) {}

  /** @param characters of the fact in its file */
  async add(candidate: Candidate, characters: number): Promise<void> {
    this.batch.push(candidate);
    this.characters += characters;
    if (this.batch.length >= BATCH_FACTS || this.characters >= BATCH_CHARACTERS) await this.flush();
  }

  report(): void {
    this.onProgress?.({ staged: this.staged, done: this.done });
  }

  async finish(): Promise<ImportCounts> {
    await this.flush();
    const { accepted, repeated, conflict, refused } = this.counts;
    return { facts: accepted + repeated + conflict + refused, accepted, repeated, conflicts: conflict, refused };
  }

  private async flush(): Promise<void> {
    if (this.batch.length === 0) return;
    const batch = this.batch;
    this.batch = [];
    this.characters = 0;
    for (const { outcome } of await this.sink(batch)) this.counts[outcome] += 1;
    this.done += batch.length;
    this.report();
  }
}

function candidateOf({ row, text, fault }: Line): Candidate {
  const parsed = fault === undefined ? parsedJson(text) : { fault };
  if ('fault' in parsed)
    return { errors: [{ field: 'line', reason: parsed.fault, row }], raw: () => text, rows: [row] };
  const fact = withoutReason(parsed.value);
  return { fact, raw: () => JSON.stringify(fact), rows: [row] };
}

/** Rejected rows are returned with the reason added; they may be corrected and imported as they are. */
function withoutReason(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(REASON_COLUMN in value)) return value;
  const { [REASON_COLUMN]: _, ...fact } = value;
  return fact;
}

async function importCsv(
  stream: AsyncIterable<Uint8Array | string>,
  mapping: ColumnMapping,
  work: ImportWork,
  { stagingDirectory, onColumns }: ImportOptions,
): Promise<void> {
  const staging = new RowStaging(stagingDirectory);
  try {
    const mapper = await stageRows(stream, mapping, staging, work, onColumns);
    for (const rows of staging.read()) {
      const { fact, errors, head, placeOf } = mapper.fact(rows);
      const raw = (): string => mapper.raw(rows);
      const common = { raw, head, placeOf, rows: rows.map(({ row }) => row) };
      await work.add(errors.length > 0 ? { errors, ...common } : { fact, ...common }, charactersOf(rows));
    }
  } finally {
    staging.close();
  }
}

/** Reads the whole file into the staging. Rows that name no deal are refused one by one. */
async function stageRows(
  stream: AsyncIterable<Uint8Array | string>,
  mapping: ColumnMapping,
  staging: RowStaging,
  work: ImportWork,
  onColumns: ImportOptions['onColumns'],
): Promise<RowMapper> {
  let mapper: RowMapper | undefined;
  let withoutDeal: Row[] = [];
  let rows = 0;
  for await (const row of csvRows(stream, mapping)) {
    if (mapper === undefined) {
      mapper = mapperFor(mapping, row.cells);
      onColumns?.(columnNames(row.cells));
      continue;
    }
    const key = mapper.key(row.cells);
    if (key === undefined) withoutDeal.push(row);
    else staging.add(key, row);
    rows += 1;
    if (rows % ROWS_BETWEEN_PROGRESS === 0) {
      work.staged = staging.facts;
      work.report();
    }
    if (withoutDeal.length < BATCH_FACTS) continue;
    await addRowsWithoutDeal(withoutDeal, mapper, mapping, work);
    withoutDeal = [];
  }
  if (mapper === undefined) throw new Error('a CSV stream without a header was not refused');
  await addRowsWithoutDeal(withoutDeal, mapper, mapping, work);
  work.staged = staging.facts;
  work.report();
  return mapper;
}

function mapperFor(mapping: ColumnMapping, header: readonly string[]): RowMapper {
  const missing = missingColumns(columnsOf(mapping), header);
  if (missing.length > 0)
    throw new TabularError('ColumnsMissing', 'the mapping names columns that the file does not have once', missing);
  return createRowMapper(mapping, header);
}

async function addRowsWithoutDeal(
  rows: readonly Row[],
  mapper: RowMapper,
  mapping: ColumnMapping,
  work: ImportWork,
): Promise<void> {
  for (const row of rows) await work.add(rowWithoutDeal(row, mapper, mapping), charactersOf([row]));
}

function charactersOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { cells }) => cells.reduce((ofRow, cell) => ofRow + cell.length, sum), 0);
}

function rowWithoutDeal(row: Row, mapper: RowMapper, { source, deal }: ColumnMapping): Candidate {
  const raw = mapper.raw([row]);
  const error =
    row.fault === undefined
      ? { field: deal, reason: 'is empty', row: row.row, column: deal, cell: '' }
      : { field: 'row', reason: row.fault, row: row.row };
  return { errors: [error], raw: () => raw, head: { source }, rows: [row.row] };
}
