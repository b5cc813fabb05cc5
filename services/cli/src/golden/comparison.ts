/**
 * What differs between the files that a person wrote and what the plan gives. A file may have fewer columns than there are: lines
 * that are alike in those that it has are then one, and their amounts are added up.
 */
import { formatMinor, parseMinor } from '@tantieme/money/amount';
import { MoneyError } from '@tantieme/money/money-error';
import { CaseInvalid, readCsv } from './csv-rows.js';
import type { CaseFault, CsvFile } from './csv-rows.js';
import { LINE_COLUMNS, PENDING_COLUMNS } from './golden-case.js';
import type { Answer, CaseFiles } from './golden-case.js';

export type ExpectedFile = 'lines.csv' | 'pending.csv';

/** One thing that is not as expected. */
export interface Difference {
  readonly file: ExpectedFile;
  /** `missing`: expected, and not given. `unexpected`: the other way round. `amount`, `basis`: both there, with another one. */
  readonly what: 'missing' | 'unexpected' | 'amount' | 'basis';
  /** The line, in the columns of the file. */
  readonly of: Readonly<Record<string, string>>;
  readonly expected?: string;
  readonly got?: string;
}

export interface Comparison {
  /** In order of what the plan gives; what is missing comes last. */
  readonly differences: readonly Difference[];
  /** Lines of `lines.csv` as the plan gives them. */
  readonly lines: number;
  readonly pending: number;
  /** Sums of `lines.csv`, decimal text. */
  readonly expectedTotal: string;
  readonly gotTotal: string;
}

const AMOUNTS = ['basis', 'amount'] as const;
type AmountColumn = (typeof AMOUNTS)[number];

/** Lines that are alike in the columns of a file. */
interface Group {
  readonly of: Readonly<Record<string, string>>;
  readonly sums: Record<AmountColumn, bigint>;
}

/** @throws {CaseInvalid} for expectations that cannot be read */
export function compare(files: CaseFiles, answer: Answer): Comparison {
  const { decimals } = answer;
  const lines = expectedFile(files, 'lines.csv');
  const pending = expectedFile(files, 'pending.csv');
  const expected = expectedGroups(lines, decimals);
  const got = groupsOf(answer.lines, lines.columns, decimals);
  const gotPending = groupsOf(answer.pending, pending.columns, decimals);
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

/** The files as they would be if what the plan gives were right; those of which nothing differs are left out. */
export function updatedFiles(files: CaseFiles, answer: Answer): ReadonlyMap<ExpectedFile, string> {
  const updated = new Map<ExpectedFile, string>();
  for (const file of ['lines.csv', 'pending.csv'] as const) {
    const { columns } = expectedFile(files, file);
    const groups = groupsOf(file === 'lines.csv' ? answer.lines : answer.pending, columns, answer.decimals);
    const rows = [...groups.values()].map(({ of, sums }) =>
      columns.map((column) => (isAmount(column) ? formatMinor(sums[column], answer.decimals) : (of[column] ?? ''))),
    );
    const remarks = /^(?:#.*\r?\n)*/.exec(files.get(file) ?? '')?.[0] ?? '';
    const text = `${remarks}${[columns, ...rows].map((cells) => cells.map(cellText).join(',')).join('\n')}\n`;
    const isWanted = files.has(file) || rows.length > 0;
    if (isWanted && files.get(file) !== text) updated.set(file, text);
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
      // A line of no single deal has no basis.
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
  const of = Object.fromEntries(
    columns.filter((column) => !isAmount(column)).map((column) => [column, cell(column)] as const),
  );
  const key = JSON.stringify(Object.values(of));
  const group = groups.get(key);
  if (group === undefined) return void groups.set(key, { of, sums });
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
  const unexpected = [...got].flatMap(([key, { of, sums }]): Difference[] => {
    const wanted = expected.get(key)?.sums;
    if (wanted === undefined)
      return [{ file, what: 'unexpected', of, ...(inMoney ? { got: money(sums.amount) } : {}) }];
    return AMOUNTS.filter((column) => columns.includes(column) && wanted[column] !== sums[column]).map((column) => ({
      ...{ file, what: column, of },
      expected: money(wanted[column]),
      got: money(sums[column]),
    }));
  });
  const missing = [...expected]
    .filter(([key]) => !got.has(key))
    .map(([, { of, sums }]) => ({
      ...{ file, what: 'missing' as const, of },
      ...(inMoney ? { expected: money(sums.amount) } : {}),
    }));
  return [...unexpected, ...missing];
}

/** Quoted where it has to be; a `#` in front would make the row a remark. */
function cellText(text: string): string {
  return /[",\r\n]|^[#\s]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
