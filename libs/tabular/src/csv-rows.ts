/** Rows of a CSV stream, in bounded memory whatever its length. */
import { Readable } from 'node:stream';

import { parse } from 'csv-parse';
import { parse as parseAtOnce } from 'csv-parse/sync';

import { fileUnreadable, TabularError } from './tabular-error.js';
import { ROW_BYTES_MAX, BROKEN_MAX } from './limits.js';

export interface CsvRow {
  /** Number of the row as a spreadsheet shows it: the header is 1, and blank rows count. */
  readonly row: number;
  readonly cells: readonly string[];
  /** Why the cells are not all that the row holds. */
  readonly fault?: string;
}

/** What `csv-parse` reports about a row that it cannot read. */
interface SkippedRow extends Error {
  readonly code?: string;
  /** Rows read before, and blank rows before. */
  readonly records?: number;
  readonly empty_lines?: number;
  /** The row up to the fault, after blank rows. */
  readonly raw?: string;
}

const QUOTE_FAULTS: ReadonlySet<string> = new Set(['CSV_INVALID_CLOSING_QUOTE', 'INVALID_OPENING_QUOTE']);

/**
 * The header, then the other rows, in the order of the file.
 * @throws {TabularError} `FileUnreadable` where no row can be trusted: an unclosed quote, another encoding, no header
 */
export async function* csvRows(
  stream: AsyncIterable<Uint8Array | string>,
  { delimiter = ',', encoding = 'utf-8' }: { readonly delimiter?: string; readonly encoding?: string },
): AsyncGenerator<CsvRow> {
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    raw: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: ROW_BYTES_MAX,
  });
  /** Broken rows that were not yielded yet. The parser reports them ahead of the rows before them. */
  let broken: SkippedRow[] = [];
  let brokenCount = 0;
  const fatal: Error[] = [];
  parser.on('skip', (error: SkippedRow) => {
    // An unclosed quote swallows the rows that follow: then no row can be trusted.
    const isAlone = QUOTE_FAULTS.has(error.code ?? '') && !/[\r\n]/.test(rawOf(error));
    if (isAlone && error.records !== 0 && broken.length < BROKEN_MAX) broken.push(error);
    else {
      fatal.push(error);
      // At the end of the file the parser no longer reports the error: it is looked at again after the last row.
      parser.destroy(error);
    }
  });
  const takeBroken = (before: number): readonly CsvRow[] => {
    const [ready, later] = [
      broken.filter(({ records = 0 }) => records < before),
      broken.filter(({ records = 0 }) => records >= before),
    ];
    broken = later;
    return ready.map((error): CsvRow => {
      const row = (error.records ?? 0) + (error.empty_lines ?? 0) + brokenCount + 1;
      brokenCount += 1;
      return { row, cells: cellsOf(rawOf(error), delimiter), fault: 'has a quote inside a cell that is not doubled' };
    });
  };
  const text = Readable.from(decoded(stream, encoding));
  text.on('error', (error) => parser.destroy(error));
  text.pipe(parser);
  let isHeader = true;
  try {
    for await (const value of parser) {
      if (!isCsvRecord(value)) continue;
      const { record, info } = value;
      if (isHeader) {
        isHeader = false;
        yield { row: info.records + info.empty_lines, cells: record.map((name) => name.trim()) };
        continue;
      }
      yield* takeBroken(info.records);
      yield { row: info.records + info.empty_lines + brokenCount, cells: record };
    }
  } catch (error) {
    if (error instanceof TabularError) throw error;
    throw fileUnreadable(error instanceof Error ? error.message : String(error));
  } finally {
    text.destroy();
  }
  if (fatal[0] !== undefined) throw fileUnreadable(fatal[0].message);
  if (isHeader) throw fileUnreadable('the file has no header');
  yield* takeBroken(Number.POSITIVE_INFINITY);
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly records: number; readonly empty_lines: number };
}

function isCsvRecord(value: unknown): value is CsvRecord {
  return typeof value === 'object' && value !== null && 'record' in value && Array.isArray(value.record);
}

function rawOf({ raw }: SkippedRow): string {
  return (raw ?? '').replace(/^[\r\n]+/, '');
}

/** The cells of a row up to the one with the broken quote, read leniently: enough to know what the row belongs to. */
function cellsOf(raw: string, delimiter: string): readonly string[] {
  const rows: string[][] = parseAtOnce(raw, { delimiter, relax_quotes: true, relax_column_count: true });
  return rows[0] ?? [];
}

/**
 * Text of bytes. A byte that is not of the encoding ends the import: a name read wrong would stay wrong for ever.
 * A byte order mark of UTF-8 takes precedence over the named encoding, as in the Encoding Standard (BOM sniffing).
 */
async function* decoded(stream: AsyncIterable<Uint8Array | string>, encoding: string): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let start = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (decoder !== undefined) {
      yield decoder.decode(bytes, { stream: true });
      continue;
    }
    start = Buffer.concat([start, bytes]);
    if (start.length < UTF8_BOM.length) continue;
    decoder = decoderOf(start, encoding);
    yield decoder.decode(start, { stream: true });
  }
  yield decoder === undefined ? decoderOf(start, encoding).decode(start) : decoder.decode();
}

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);

function decoderOf(start: Buffer, encoding: string): TextDecoder {
  const hasMark = start.subarray(0, UTF8_BOM.length).equals(UTF8_BOM);
  return new TextDecoder(hasMark ? 'utf-8' : encoding, { fatal: true, ignoreBOM: true });
}
