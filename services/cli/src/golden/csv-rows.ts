/** Reads the CSV files of a golden case: rows by column name, and faults with file, row and column. */
import { oneOf } from '@tantieme/contracts/suggest';
import { parse } from 'csv-parse/sync';

/** Something wrong in a file of a case. */
export interface CaseFault {
  /** Absent for a fault of the case as a whole. */
  readonly file?: string;
  /** Line of the file, from 1 (usually the header). */
  readonly row?: number;
  readonly column?: string;
  readonly reason: string;
}

/** A case cannot be calculated: all faults found. */
export class CaseInvalid extends Error {
  constructor(readonly faults: readonly CaseFault[]) {
    super(faults.map(faultText).join('\n'));
  }
}

export function faultText({ file, row, column, reason }: CaseFault): string {
  if (file === undefined) return reason;
  return [file, row === undefined ? '' : `, row ${row}`, column === undefined ? '' : `, ${column}`, `: ${reason}`].join(
    '',
  );
}

/** Limit on the rows of a file: people have to read a case. */
export const ROWS_MAX = 100_000;

export interface CsvRow {
  /** Line of the file, from 1. */
  readonly row: number;
  /** The trimmed text; '' if the file has no such column. */
  cell(column: string): string;
}

export interface CsvFile {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
}

export interface Columns {
  readonly required: readonly string[];
  readonly optional?: readonly string[] | undefined;
  /** Names of further columns. */
  readonly others?: RegExp | undefined;
}

/**
 * Skips empty lines, and remarks (lines that begin with `#`).
 * @throws {CaseInvalid} for malformed CSV, missing, unknown or repeated columns, and rows with too few or many cells
 */
export function readCsv(file: string, text: string, { required, optional = [], others }: Columns): CsvFile {
  const [head, ...records] = recordsOf(file, text);
  if (head === undefined) throw new CaseInvalid([{ file, reason: 'is empty; the first row must name the columns' }]);
  const columns = head.record;
  const known = [...required, ...optional];
  const faults: CaseFault[] = [
    ...required
      .filter((column) => !columns.includes(column))
      .map((column) => ({
        file,
        row: head.row,
        column,
        reason: `is missing; the file has the columns ${columns.join(', ')}`,
      })),
    ...columns.flatMap((column, index) => {
      const at = { file, row: head.row, column };
      if (columns.indexOf(column) < index) return [{ ...at, reason: 'is named twice' }];
      if (known.includes(column) || others?.test(column) === true) return [];
      return [{ ...at, reason: `is not a column of this file: use ${oneOf(known, column)}` }];
    }),
    ...records
      .filter(({ record }) => record.length !== columns.length)
      .map(({ row, record }) => ({
        file,
        row,
        reason: `has ${record.length} cells, but the header has ${columns.length}`,
      })),
  ];
  if (records.length > ROWS_MAX)
    faults.push({ file, reason: `has ${records.length} rows; at most ${ROWS_MAX} are allowed` });
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

/** A record as `csv-parse` returns it with `info: true`. */
function isParsed(value: unknown): value is { readonly record: string[]; readonly info: { readonly lines: number } } {
  return typeof value === 'object' && value !== null && 'record' in value && 'info' in value;
}
