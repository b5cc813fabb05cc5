/** What is wrong with one cell or field of a file, and where it is. */
import { CELL_LENGTH_MAX } from './limits.js';

export interface CellFault {
  /** Path of the field that the cell fills (`terms.lines.0.net`), or the column where no field could be filled. */
  readonly field: string;
  readonly reason: string;
  /** Number of the row in the file; the first one, which is a CSV file's header, is 1. */
  readonly row?: number;
  /** Name of the column, as the header has it. */
  readonly column?: string;
  /** What the cell holds, cut at {@link CELL_LENGTH_MAX} characters. */
  readonly cell?: string;
}

/** Where a cell is, and what it holds. */
export interface CellPlace {
  readonly row: number;
  readonly column: string;
  readonly text: string;
}

export function faultOf(field: string, reason: string, { row, column, text }: CellPlace): CellFault {
  return { field, reason, row, column, cell: shortened(text) };
}

/** Cells hold anything: a lone surrogate would make the fault impossible to store. */
function shortened(text: string): string {
  const whole = text.toWellFormed();
  return whole.length > CELL_LENGTH_MAX ? `${whole.slice(0, CELL_LENGTH_MAX).toWellFormed()}…` : whole;
}

/** A name for each column: an unnamed one is `column 3`, the second of two equal names `Name (2)`. */
export function columnNames(header: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  return header.map((name, index) => {
    if (name === '') return `column ${index + 1}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}

/** Columns that are needed and that the header does not have exactly once. */
export function missingColumns(needed: Iterable<string>, header: readonly string[]): readonly CellFault[] {
  return [...needed].flatMap((column) => {
    const count = header.filter((name) => name === column).length;
    if (count === 1) return [];
    const reason =
      count === 0 ? `the file has no such column; it has ${header.join(', ')}` : 'the file has two such columns';
    return [{ field: column, reason }];
  });
}
