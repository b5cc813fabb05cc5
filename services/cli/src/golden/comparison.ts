/**
 * Compares the expected files, written by a person, with the calculated result. A file may leave columns out: lines
 * that are equal in the columns of the file form one group, and their amounts are added up.
 */
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';
import { CaseInvalid, readCsv } from './csv-rows.js';
import type { CaseFault, CsvFile } from './csv-rows.js';
import { LINE_COLUMNS, PENDING_COLUMNS } from './golden-case.js';
import type { CaseFiles, CaseResult } from './golden-case.js';

export type ExpectedFile = 'lines.csv' | 'pending.csv';

/** A line or pending deal that is not as expected. */
export interface Difference {
  readonly file: ExpectedFile;
  /** `missing`: expected but not calculated; `unexpected`: the reverse; `amount` and `basis`: that column differs. */
  readonly kind: 'missing' | 'unexpected' | 'amount' | 'basis';
  /** The columns of the file that identify the line. */
  readonly key: Readonly<Record<string, string>>;
  /** Decimal text; absent in `pending.csv`, and for `unexpected`. */
  readonly expected?: string;
  /** Decimal text; absent in `pending.csv`, and for `missing`. */
  readonly got?: string;
}

export interface Comparison {
  /** In the order of the calculated lines; missing lines come last. */
  readonly differences: readonly Difference[];
  /** Calculated lines, grouped as in `lines.csv`. */
  readonly lines: number;
  /** Calculated pending deals, grouped as in `pending.csv`. */
  readonly pending: number;
  /** Sum of the amounts in `lines.csv`: decimal text. */
  readonly expectedTotal: string;
  /** Sum of the calculated amounts: decimal text. */
  readonly gotTotal: string;
}

const AMOUNTS = ['basis', 'amount'] as const;
type AmountColumn = (typeof AMOUNTS)[number];

/** Lines that are equal in the columns of a file. */
interface Group {
  readonly key: Readonly<Record<string, string>>;
  readonly sums: Record<AmountColumn, bigint>;
}

/** @throws {CaseInvalid} for expected files that cannot be read */
export function compare(files: CaseFiles, result: CaseResult): Comparison {
  const { decimals } = result;
  const lines = expectedFile(files, 'lines.csv');
  const pending = expectedFile(files, 'pending.csv');
  const expected = expectedGroups(lines, decimals);
  const got = groupsOf(result.lines, lines.columns, decimals);
  const gotPending = groupsOf(result.pending, pending.columns, decimals);
  const total = (groups: ReadonlyMap<string, Group>): string =>
    formatMinor(
      [...groups.values()].reduce((sum, { sums }) => sum + sums.amount, 0n),
      decimals,
    );
  return {
    differences: [
      ...differencesOf('lines.csv', expected, got, lines.columns, decimals),
      ...differencesOf('pending.csv', expectedGroups(pending, decimals), gotPending, pending.columns, decimals),
    ],
    lines: got.size,
    pending: gotPending.size,
    expectedTotal: total(expected),
    gotTotal: total(got),
  };
}

/** The expected files rewritten from the calculated result, without those that would stay the same. */
export function updatedFiles(files: CaseFiles, result: CaseResult): ReadonlyMap<ExpectedFile, string> {
  const updated = new Map<ExpectedFile, string>();
  for (const file of ['lines.csv', 'pending.csv'] as const) {
    const { columns } = expectedFile(files, file);
    const groups = groupsOf(file === 'lines.csv' ? result.lines : result.pending, columns, result.decimals);
    const rows = [...groups.values()].map(({ key, sums }) =>
      columns.map((column) => (isAmount(column) ? formatMinor(sums[column], result.decimals) : (key[column] ?? ''))),
    );
    const remarks = /^(?:#.*\r?\n)*/.exec(files.get(file) ?? '')?.[0] ?? '';
    const text = `${remarks}${[columns, ...rows].map((cells) => cells.map(cellText).join(',')).join('\n')}\n`;
    const isNeeded = files.has(file) || rows.length > 0;
    if (isNeeded && files.get(file) !== text) updated.set(file, text);
  }
  return updated;
}

function expectedFile(files: CaseFiles, file: ExpectedFile): CsvFile {
  const columns = file === 'lines.csv' ? LINE_COLUMNS : PENDING_COLUMNS;
  const required = file === 'lines.csv' ? ['payee', 'amount'] : ['deal', 'code'];
  const text = files.get(file);
  return text === undefined ? { file, columns, rows: [] } : readCsv(file, text, { required, optional: columns });
}

function isAmount(column: string): column is AmountColumn {
  return column === 'basis' || column === 'amount';
}

function expectedGroups({ file, columns, rows }: CsvFile, decimals: number): ReadonlyMap<string, Group> {
  const faults: CaseFault[] = [];
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const sums = { basis: 0n, amount: 0n };
    for (const column of AMOUNTS) {
      // Lines without a deal have no basis.
      if (!columns.includes(column) || (column === 'basis' && row.cell(column) === '')) continue;
      try {
        sums[column] = parseMinor(row.cell(column), decimals);
      } catch (error) {
        if (!(error instanceof MoneyError)) throw error;
        faults.push({ file, row: row.row, column, reason: error.reason });
      }
    }
    addTo(groups, columns, (column) => row.cell(column), sums);
  }
  if (faults.length > 0) throw new CaseInvalid(faults);
  return groups;
}

function groupsOf(
  rows: readonly Readonly<Record<string, string>>[],
  columns: readonly string[],
  decimals: number,
): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const minor = (column: AmountColumn): bigint => parseMinor(row[column] || '0', decimals);
    addTo(groups, columns, (column) => row[column] ?? '', { basis: minor('basis'), amount: minor('amount') });
  }
  return groups;
}

function addTo(
  groups: Map<string, Group>,
  columns: readonly string[],
  cell: (column: string) => string,
  sums: Record<AmountColumn, bigint>,
): void {
  const key = Object.fromEntries(
    columns.filter((column) => !isAmount(column)).map((column) => [column, cell(column)] as const),
  );
  const id = JSON.stringify(Object.values(key));
  const group = groups.get(id);
  if (group === undefined) return void groups.set(id, { key, sums });
  for (const column of AMOUNTS) group.sums[column] += sums[column];
}

function differencesOf(
  file: ExpectedFile,
  expected: ReadonlyMap<string, Group>,
  got: ReadonlyMap<string, Group>,
  columns: readonly string[],
  decimals: number,
): readonly Difference[] {
  const money = (minor: bigint): string => formatMinor(minor, decimals);
  const inMoney = file === 'lines.csv';
  const calculated = [...got].flatMap(([id, { key, sums }]): Difference[] => {
    const wanted = expected.get(id)?.sums;
    if (wanted === undefined)
      return [omitUndefined({ file, kind: 'unexpected' as const, key, got: inMoney ? money(sums.amount) : undefined })];
    return AMOUNTS.filter((column) => columns.includes(column) && wanted[column] !== sums[column]).map((column) => ({
      file,
      kind: column,
      key,
      expected: money(wanted[column]),
      got: money(sums[column]),
    }));
  });
  const missing = [...expected]
    .filter(([id]) => !got.has(id))
    .map(([, { key, sums }]) =>
      omitUndefined({ file, kind: 'missing' as const, key, expected: inMoney ? money(sums.amount) : undefined }),
    );
  return [...calculated, ...missing];
}

/** Quotes a cell where CSV requires it, and one that begins with `#`, which would make the row a remark. */
function cellText(text: string): string {
  return /[",\r\n]|^[#\s]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
