/** The CSV files of a golden case: rows by the names of their columns, and what is wrong with them by file, row and column. */
import { parse } from 'csv-parse/sync';

/** Where a case is not readable, and why. */
export interface CaseFault {
  readonly file: string;
  /** Line of the file, from 1; that of the header is 1. */
  readonly row?: number;
  readonly column?: string;
  readonly reason: string;
}

/** A case that cannot be calculated. */
export class CaseInvalid extends Error {
  constructor(readonly faults: readonly CaseFault[]) {
    super(faults.map(faultText).join('\n'));
  }
}

export function faultText({ file, row, column, reason }: CaseFault): string {
  return [file, row === undefined ? '' : `, row ${row}`, column === undefined ? '' : `, ${column}`, `: ${reason}`].join(
    '',
  );
}

/** Rows of a file at the most: a case is read by people. */
export const ROWS_MAX = 100_000;

export interface CsvRow {
  /** Line of the file. */
  readonly row: number;
  /** The cell without spaces around it; empty where the file has no such column. */
  cell(column: string): string;
}

export interface CsvFile {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
}

export interface Columns {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
  /** Further names that are columns too. */
  readonly others?: RegExp;
}

/**
 * Lines that are empty are passed over, and so are those that begin with `#`: remarks.
 * @throws {CaseInvalid} for what is no CSV, a column that is missing, unknown or there twice, a row with other cells than columns
 */
export function readCsv(file: string, text: string, { required, optional = [], others }: Columns): CsvFile {
  const [head, ...records] = recordsOf(file, text);
  if (head === undefined) throw new CaseInvalid([{ file, reason: 'has no header' }]);
  const columns = head.record;
  const known = [...required, ...optional];
  const faults: CaseFault[] = [
    ...required
      .filter((column) => !columns.includes(column))
      .map((column) => ({ file, row: head.row, column, reason: `is missing; the file has ${columns.join(', ')}` })),
    ...columns.flatMap((column, index) => {
      const at = { file, row: head.row, column };
      if (columns.indexOf(column) < index) return [{ ...at, reason: 'is there twice' }];
      if (known.includes(column) || others?.test(column) === true) return [];
      return [{ ...at, reason: `is not known here; known are ${known.join(', ')}` }];
    }),
    ...records
      .filter(({ record }) => record.length !== columns.length)
      .map(({ row, record }) => ({
        file,
        row,
        reason: `has ${record.length} cells where the header has ${columns.length}`,
      })),
  ];
  if (records.length > ROWS_MAX) faults.push({ file, reason: `has ${records.length} rows, more than ${ROWS_MAX}` });
  if (faults.length > 0) throw new CaseInvalid(faults);
  const places = new Map(columns.map((column, index) => [column, index]));
  const rows = records.map(({ row, record }) => ({
    row,
    cell: (column: string) => record[places.get(column) ?? -1] ?? '',
  }));
  return { file, columns, rows };
}

interface NumberedRecord {
  readonly row: number;
  readonly record: readonly string[];
}

function recordsOf(file: string, text: string): NumberedRecord[] {
  try {
    const parsed: readonly unknown[] = parse(text, {
      bom: true,
      comment: '#',
      comment_no_infix: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    });
    return parsed.filter(isParsed).map(({ record, info }) => ({ row: info.lines, record }));
  } catch (error) {
    throw new CaseInvalid([{ file, reason: error instanceof Error ? error.message : String(error) }]);
  }
}

/** What `csv-parse` gives of a record where it is asked for `info`. */
function isParsed(value: unknown): value is { readonly record: string[]; readonly info: { readonly lines: number } } {
  return typeof value === 'object' && value !== null && 'record' in value && 'info' in value;
}
