/** An import: a stream of NDJSON or CSV becomes facts, in bounded memory whatever its length and the order of its rows. */
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { parse as parseAtOnce } from 'csv-parse/sync';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { columnMapping } from './column-mapping.js';
import type { ColumnMapping } from './column-mapping.js';
import { createRowMapper, missingColumns } from './mapped-rows.js';
import type { Row, RowMapper } from './mapped-rows.js';
import { BATCH_FACTS } from '../fact/candidate.js';
import type { Candidate, FactSink } from '../fact/candidate.js';
import { ndjsonLines } from '@tantieme/tabular/ndjson-lines';
import type { Line } from '@tantieme/tabular/ndjson-lines';
import { RowStaging } from './row-staging.service.js';

export const IMPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** Counts of facts; `facts` is the sum of the others. */
export interface ImportResult {
  readonly facts: number;
  /** New. */
  readonly accepted: number;
  /** Known already with the same content. */
  readonly repeated: number;
  /** Known already with other content, and kept aside. */
  readonly conflicts: number;
  /** Not valid, and kept in quarantine. */
  readonly refused: number;
}

export interface ImportProgress {
  /** Facts that were seen so far. */
  readonly staged: number;
  /** Facts that were taken or refused. */
  readonly done: number;
}

export interface ImportOptions {
  /** Where the temporary file of a CSV import lies. */
  readonly stagingDirectory: string;
  readonly onProgress?: (progress: ImportProgress) => void;
}

/** Bytes of a CSV record at the most. A quote that is never closed would otherwise take the rest of the file. */
const RECORD_BYTES_MAX = 1024 * 1024;

/** Rows between two words about how far the staging is. */
const ROWS_BETWEEN_PROGRESS = 5000;

/**
 * @param mapping the mapping document of a CSV import (JSON value); NDJSON needs none.
 * @param sink takes the facts, a batch at a time.
 * @throws {DomainError} `MappingInvalid`, `ColumnsMissing`, `FileUnreadable`: then nothing of a CSV file was taken.
 */
export async function importFacts(
  stream: AsyncIterable<Uint8Array | string>,
  format: ImportFormat,
  mapping: unknown,
  sink: FactSink,
  options: ImportOptions,
): Promise<ImportResult> {
  const work = new ImportWork(sink, options.onProgress);
  switch (format) {
    case 'ndjson':
      for await (const lines of ndjsonLines(stream)) {
        work.staged += lines.length;
        for (const line of lines) await work.add(candidateOf(line));
      }
      break;
    case 'csv':
      await importCsv(stream, columnMapping(mapping), work, options.stagingDirectory);
      break;
    default:
      format satisfies never;
  }
  return work.finish();
}

/** Gathers facts into batches, and counts what becomes of them. */
class ImportWork {
  staged = 0;
  private done = 0;
  private batch: Candidate[] = [];
  private readonly counts = { accepted: 0, repeated: 0, conflict: 0, refused: 0 };

  constructor(
    private readonly sink: FactSink,
    private readonly onProgress: ((progress: ImportProgress) => void) | undefined,
  ) {}

  async add(candidate: Candidate): Promise<void> {
    this.batch.push(candidate);
    if (this.batch.length >= BATCH_FACTS) await this.flush();
  }

  tell(): void {
    this.onProgress?.({ staged: this.staged, done: this.done });
  }

  async finish(): Promise<ImportResult> {
    await this.flush();
    const { accepted, repeated, conflict, refused } = this.counts;
    return { facts: accepted + repeated + conflict + refused, accepted, repeated, conflicts: conflict, refused };
  }

  private async flush(): Promise<void> {
    if (this.batch.length === 0) return;
    const batch = this.batch;
    this.batch = [];
    for (const { outcome } of await this.sink(batch)) this.counts[outcome] += 1;
    this.done += batch.length;
    this.tell();
  }
}

function candidateOf({ text, fault }: Line): Candidate {
  const raw = (): string => text;
  if (fault !== undefined) return { errors: [{ field: 'line', reason: fault }], raw };
  try {
    const fact: unknown = JSON.parse(text);
    return { fact, raw: () => JSON.stringify(fact) };
  } catch (error) {
    return {
      errors: [{ field: 'line', reason: `is no JSON: ${error instanceof Error ? error.message : String(error)}` }],
      raw,
    };
  }
}

async function importCsv(
  stream: AsyncIterable<Uint8Array | string>,
  mapping: ColumnMapping,
  work: ImportWork,
  stagingDirectory: string,
): Promise<void> {
  const staging = new RowStaging(stagingDirectory);
  try {
    const mapper = await stageRows(stream, mapping, staging, work);
    for (const { rows, faults } of staging.read()) {
      const { fact, errors, source, deal } = mapper.fact(rows, faults);
      const raw = (): string => mapper.raw(rows);
      await work.add(errors.length > 0 ? { errors, raw, source, deal } : { fact, raw, source, deal });
    }
  } finally {
    staging.close();
  }
}

/** Reads the whole file into the staging. Rows of no deal are refused; they are told apart by their content alone. */
async function stageRows(
  stream: AsyncIterable<Uint8Array | string>,
  mapping: ColumnMapping,
  staging: RowStaging,
  work: ImportWork,
): Promise<RowMapper> {
  const { delimiter = ',', encoding = 'utf-8' } = mapping;
  const parser = parse({
    bom: true,
    delimiter,
    raw: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: RECORD_BYTES_MAX,
  });
  let mapper: RowMapper | undefined;
  /** Rows that could not be read whole, up to where they broke off. The parser tells of them ahead of the records before them. */
  let broken: string[] = [];
  const homeless: Candidate[] = [];
  const stage = (known: RowMapper, row: Row, fault?: string): void => {
    const key = known.key(row);
    if (key !== undefined) return staging.add(key, row, fault);
    const raw = known.raw([row]);
    const error = fault === undefined ? { field: mapping.deal, reason: 'is empty' } : { field: 'row', reason: fault };
    homeless.push({ errors: [error], raw: () => raw, source: mapping.source });
  };
  const stageBroken = (known: RowMapper): void => {
    for (const raw of broken) stage(known, cellsOf(raw, delimiter), 'has a quote inside of a cell that is not doubled');
    broken = [];
  };
  const fatal: Error[] = [];
  parser.on('skip', (error: SkippedRecord) => {
    const raw = String(error.raw ?? '');
    // A quote that nobody closes takes the following rows with it: then no row can be trusted.
    const itself = QUOTE_FAULTS.has(error.code ?? '') && !/[\r\n]/.test(raw);
    if (itself && error.records !== 0 && broken.length < BROKEN_MAX) broken.push(raw);
    else {
      fatal.push(error);
      // At the end of the file, it would come too late to be heard: so it is also looked at after the last record.
      parser.destroy(error);
    }
  });
  const text = Readable.from(decoded(stream, encoding));
  text.on('error', (error) => parser.destroy(error));
  text.pipe(parser);
  let rows = 0;
  try {
    for await (const { record } of records(parser)) {
      if (mapper === undefined) {
        const header = record.map((name) => name.trim());
        checkHeader(mapping, header);
        mapper = createRowMapper(mapping, header);
        continue;
      }
      stageBroken(mapper);
      stage(mapper, record);
      rows += 1;
      if (rows % ROWS_BETWEEN_PROGRESS === 0) {
        work.staged = staging.facts;
        work.tell();
      }
      if (homeless.length >= BATCH_FACTS) for (const candidate of homeless.splice(0)) await work.add(candidate);
    }
  } catch (error) {
    throw error instanceof DomainError ? error : unreadable(error);
  } finally {
    text.destroy();
  }
  if (fatal[0] !== undefined) throw unreadable(fatal[0]);
  if (mapper === undefined) throw unreadable(new Error('the file has no header'));
  stageBroken(mapper);
  for (const candidate of homeless) await work.add(candidate);
  work.staged = staging.facts;
  work.tell();
  return mapper;
}

/** Broken rows in a run at the most: a file of nothing else is another kind of file. */
const BROKEN_MAX = 10_000;

/** What `csv-parse` says of a record that it cannot read. */
interface SkippedRecord extends Error {
  readonly code?: string;
  /** Records that it has read before. */
  readonly records?: number;
  /** The record up to the fault. */
  readonly raw?: unknown;
}

const QUOTE_FAULTS: ReadonlySet<string> = new Set(['CSV_INVALID_CLOSING_QUOTE', 'INVALID_OPENING_QUOTE']);

interface CsvRecord {
  readonly record: readonly string[];
}

async function* records(parser: AsyncIterable<unknown>): AsyncGenerator<CsvRecord> {
  for await (const value of parser) if (isRecord(value)) yield value;
}

function isRecord(value: unknown): value is CsvRecord {
  return typeof value === 'object' && value !== null && 'record' in value && Array.isArray(value.record);
}

/** The cells of a row up to the one with the broken quote, read leniently: enough to know whose row it is. */
function cellsOf(raw: string, delimiter: string): Row {
  const rows: string[][] = parseAtOnce(raw, { delimiter, relax_quotes: true, relax_column_count: true });
  return rows[0] ?? [];
}

function checkHeader(mapping: ColumnMapping, header: readonly string[]): void {
  const missing = missingColumns(mapping, header);
  if (missing.length > 0)
    throw new DomainError(
      'ColumnsMissing',
      'the mapping names columns that the file does not have once',
      'invalid',
      missing,
    );
}

/** Text of bytes. A byte that is none of the encoding ends the import: a name read wrong would be a wrong name for ever. */
async function* decoded(stream: AsyncIterable<Uint8Array | string>, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  for await (const chunk of stream) yield typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function unreadable(error: unknown): DomainError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DomainError('FileUnreadable', `nothing was imported: ${reason}`, 'invalid', [{ field: 'file', reason }]);
}
