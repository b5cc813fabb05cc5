/** What an import refused, as rows of its file again, each with the reason: to be corrected and imported. */
import type { CellFault } from '@tantieme/tabular/cell';

/** Column, or field of an NDJSON line, that holds the reason. An import ignores it. */
export const REASON_COLUMN = 'refusal_reason';

export interface RejectedFact {
  readonly raw: string;
  readonly errors: readonly CellFault[];
}

/** `row 12, Net: "1.234.5" is not a number …` */
function reasonText({ errors }: RejectedFact): string {
  return errors
    .map(({ field, reason, row, column }) => {
      const place = [row === undefined ? '' : `row ${row}`, column ?? field].filter((part) => part !== '').join(', ');
      return place === '' ? reason : `${place}: ${reason}`;
    })
    .join('; ');
}

/** Cells of the rows of a fact in the order of the columns, with the reason last. */
export function rejectedCells(rejected: RejectedFact, columns: readonly string[]): readonly (readonly string[])[] {
  const reason = reasonText(rejected);
  return storedRows(rejected.raw).map((row) => [...columns.map((column) => row.get(column) ?? ''), reason]);
}

/** The rows that a refusal stores as JSON objects. */
export function storedRows(raw: string): readonly ReadonlyMap<string, string>[] {
  const value: unknown = JSON.parse(raw);
  const rows: readonly unknown[] = Array.isArray(value) ? value : [value];
  return rows.flatMap((row) => {
    if (typeof row !== 'object' || row === null) return [];
    return [
      new Map(
        Object.entries(row).map(([name, text]) => [name, typeof text === 'string' ? text : JSON.stringify(text)]),
      ),
    ];
  });
}

/** A line of NDJSON: the fact with the reason, or a text that is not JSON beside it. */
export function rejectedLine(rejected: RejectedFact): string {
  const reason = reasonText(rejected);
  const fact = factIn(rejected);
  return JSON.stringify(
    fact === undefined ? { line: rejected.raw, [REASON_COLUMN]: reason } : { ...fact, [REASON_COLUMN]: reason },
  );
}

function factIn({ raw }: RejectedFact): object | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
