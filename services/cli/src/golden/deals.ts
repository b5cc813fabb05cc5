/**
 * `deals.csv` of a golden case: one row per fact and line. Rows become facts, and facts become deals, as in an import:
 * with the row mapper and the fact rules of deal-ingestion.
 */
import { check } from '@tantieme/contracts/check';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { oneOf } from '@tantieme/contracts/suggest';
import type { Deal, DealFact, DealRole } from '@tantieme/contracts/deal';
import { contentHash } from '@tantieme/deal-ingestion/deal/content-hash';
import type { ColumnMapping, PartnerColumn } from '@tantieme/deal-ingestion/import/column-mapping';
import { compileDateFormat } from '@tantieme/tabular/date-format';
import { dealDecider, dealOf, FACT_CONFLICT } from '@tantieme/deal-ingestion/deal/deal';
import type { DealState } from '@tantieme/deal-ingestion/deal/facts-in-force';
import { FACT_KINDS, KINDS_WITH_TERMS, normalFact } from '@tantieme/deal-ingestion/deal/deal-fact';
import type { FieldReason } from '@tantieme/deal-ingestion/deal/deal-fact';
import { createRowMapper } from '@tantieme/deal-ingestion/import/mapped-rows';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CaseInvalid, readCsv } from './csv-rows.js';
import type { CaseFault, CsvFile, CsvRow } from './csv-rows.js';

/** Source of all deals of a case; the files do not name it. */
export const SOURCE = 'case';

const FILE = 'deals.csv';
const ROLES = [
  'seller',
  'referrer',
  'influencer',
  'servicing',
  'salesperson',
  'buyer',
] as const satisfies readonly DealRole[];
const ROLE_COLUMN = new RegExp(`^(?:${ROLES.join('|')})(?:-[2-9])?(?:-share)?$`);
const ATTRIBUTE_COLUMN = /^deal\.[A-Za-z][A-Za-z0-9_-]*$/;
const LINE_COLUMNS = ['variant', 'product', 'family', 'category', 'quantity', 'net', 'gross', 'cost'] as const;
const COLUMNS = {
  required: ['deal', 'at'],
  optional: [
    ...['fact', 'id', 'revision', 'as', 'currency', 'amount', 'customer', 'line', ...LINE_COLUMNS],
    ...['subscription', 'subscription-start', 'subscription-months'],
    ...['status', 'holder', 'from', 'until'],
  ],
  others: new RegExp(`${ROLE_COLUMN.source}|${ATTRIBUTE_COLUMN.source}`),
};

/** Defaults for cells that a file leaves empty. */
export interface DealDefaults {
  readonly currency: string;
  /** A day in `at` means midnight in this zone. */
  readonly timeZone: string;
}

export interface CaseDeals {
  readonly deals: readonly Deal[];
  /** Ids of all partners of the deals, sorted: the partners of a case without `partners.csv`. */
  readonly partners: readonly string[];
}

/** @throws {CaseInvalid} with row, column and reason */
export function readDeals(text: string, defaults: DealDefaults): CaseDeals {
  const file = readCsv(FILE, text, COLUMNS);
  const faults: CaseFault[] = [];
  const states = new Map<string, DealState>();
  for (const rows of factsOf(file, defaults)) addFact(rows, file, states, faults);
  if (faults.length > 0) throw new CaseInvalid(faults);
  const deals = [...states].map(([id, state]) => dealOf(SOURCE, id, state.values()));
  const partners = deals.flatMap(({ terms }) => (terms?.partners ?? []).map(({ partner }) => partner));
  return { deals, partners: [...new Set(partners)].sort() };
}

/** A row with defaults in its empty cells. */
interface FilledRow {
  readonly row: number;
  /** In the order of `FIXED_COLUMNS`, then the file's columns of partners and attributes. */
  readonly cells: readonly string[];
  /** Whether any cell of the row describes a line. */
  readonly hasLine: boolean;
  readonly kind: string;
}

/** The rows of each fact, in the order of the file. */
function factsOf({ columns, rows }: CsvFile, defaults: DealDefaults): readonly FilledRow[][] {
  const facts = new Map<string, FilledRow[]>();
  for (const row of rows) {
    const kind = row.cell('fact') || 'booked';
    const key = JSON.stringify([row.cell('deal'), kind, row.cell('id'), row.cell('revision')]);
    const filled = { row: row.row, kind, cells: cellsOf(row, kind, columns, defaults), hasLine: hasLine(row) };
    const known = facts.get(key);
    if (known === undefined) facts.set(key, [filled]);
    else known.push(filled);
  }
  return [...facts.values()];
}

function hasLine(row: CsvRow): boolean {
  return ['line', ...LINE_COLUMNS].some((column) => row.cell(column) !== '');
}

/** An invoice has terms if it has lines. */
function hasTerms(row: CsvRow, kind: string): boolean {
  return kind === 'invoiced' ? hasLine(row) : [...KINDS_WITH_TERMS].some((known) => known === kind);
}

/** The columns that every mapping names. Columns of partners and attributes depend on the file. */
const FIXED_COLUMNS = [...COLUMNS.required, ...COLUMNS.optional];

function cellsOf(row: CsvRow, kind: string, columns: readonly string[], defaults: DealDefaults): string[] {
  const own = columns.filter((column) => !FIXED_COLUMNS.includes(column));
  return [...FIXED_COLUMNS, ...own].map((column) => {
    const text = row.cell(column);
    switch (column) {
      case 'fact':
        return kind;
      case 'line':
        return text === '' && hasLine(row) ? '1' : text;
      case 'currency':
        return text === '' && hasTerms(row, kind) ? defaults.currency : text;
      case 'at':
        return compileDateFormat('yyyy-MM-dd').instant(text, defaults.timeZone) ?? text;
      default:
        return text;
    }
  });
}

function mappingOf(columns: readonly string[], hasLines: boolean): ColumnMapping {
  return omitUndefined({
    source: SOURCE,
    deal: 'deal',
    kind: { column: 'fact' },
    id: 'id',
    revision: 'revision',
    occurredAt: 'at',
    currency: { column: 'currency' },
    amount: 'amount',
    customer: 'customer',
    line: hasLines ? lineMapping() : undefined,
    registration: { status: 'status', holder: 'holder', from: 'from', until: 'until' },
    partners: Object.fromEntries(ROLES.map((role) => [role, partnerColumns(role, columns)])),
    attributes: Object.fromEntries(
      columns.filter((column) => ATTRIBUTE_COLUMN.test(column)).map((column) => [column.slice('deal.'.length), column]),
    ),
  });
}

function lineMapping(): NonNullable<ColumnMapping['line']> {
  const { net, ...others } = Object.fromEntries(LINE_COLUMNS.map((column) => [column, column]));
  return {
    id: 'line',
    net: net ?? 'net',
    ...others,
    subscription: { id: 'subscription', start: 'subscription-start', months: 'subscription-months' },
  };
}

/** `seller`, `seller-2`, …, each with the column of its share if the file has one. */
function partnerColumns(role: DealRole, columns: readonly string[]): readonly PartnerColumn[] {
  return columns
    .filter((column) => (column === role || column.startsWith(`${role}-`)) && !column.endsWith('-share'))
    .map((column) => (columns.includes(`${column}-share`) ? { column, share: `${column}-share` } : { column }));
}

/** Adds the fact of the rows to the state of its deal, or its faults to `faults`. */
function addFact(
  rows: readonly FilledRow[],
  { columns }: CsvFile,
  states: Map<string, DealState>,
  faults: CaseFault[],
): void {
  const [first] = rows;
  if (first === undefined) return;
  const fault = (reason: string, column?: string, row = first.row) =>
    faults.push(omitUndefined({ file: FILE, row, column, reason }));
  const kind = FACT_KINDS.find((known) => known === first.kind);
  if (kind === undefined)
    return void fault(`${JSON.stringify(first.kind)} is not ${oneOf(FACT_KINDS, first.kind)}`, 'fact');
  const own = columns.filter((column) => !FIXED_COLUMNS.includes(column));
  const hasLines = rows.some((row) => row.hasLine) || KINDS_WITH_TERMS.has(kind);
  const mapper = createRowMapper(mappingOf(columns, hasLines), [...FIXED_COLUMNS, ...own]);
  const mapped = mapper.fact(rows);
  for (const { field, reason } of mapped.errors)
    fault(field === 'at' && reason.includes('instant with its offset') ? notAMoment(first) : reason, field);
  if (mapped.errors.length > 0) return;
  const fact = withCaseOnlyFields(mapped.fact, first.cells[FIXED_COLUMNS.indexOf('as')] ?? '');
  const schemaFaults = check('deal-fact', fact);
  const fieldFault = ({ field, reason }: FieldReason): void => {
    const { row = first.row, column } = placeOf(field, fact, rows);
    fault(reason, column, row);
  };
  if (!isDealFact(fact, schemaFaults)) return schemaFaults.forEach(fieldFault);
  try {
    const normal = normalFact(fact);
    const state = states.get(normal.deal) ?? dealDecider.initialState();
    const events = dealDecider.decide({ fact: normal, hash: contentHash(normal) }, state);
    states.set(normal.deal, events.reduce(dealDecider.evolve, state));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.code === FACT_CONFLICT || error.fields.length === 0) fault(error.message);
    else error.fields.forEach(fieldFault);
  }
}

/**
 * Adds what an import mapping cannot express: that an amendment is a change, and that an invoice covers the lines of
 * its rows (in an import, these are lines of the deal).
 */
function withCaseOnlyFields(fact: unknown, as: string): unknown {
  if (!isFact(fact) || 'withdrawn' in fact) return fact;
  if (fact.kind === 'amended') return as === '' ? fact : { ...fact, as };
  return fact.kind === 'invoiced' && fact.terms !== undefined ? { ...fact, lines: fact.terms.lines } : fact;
}

function notAMoment({ cells }: FilledRow): string {
  const text = JSON.stringify(cells[FIXED_COLUMNS.indexOf('at')] ?? '');
  return `${text} is not a calendar date (YYYY-MM-DD) or an ISO 8601 instant with its offset`;
}

function isFact(fact: unknown): fact is DealFact {
  return typeof fact === 'object' && fact !== null && 'kind' in fact;
}

/** A fact without schema faults has the type that the schema describes. */
function isDealFact(fact: unknown, faults: readonly unknown[]): fact is DealFact {
  return faults.length === 0 && isFact(fact);
}

const COLUMN_OF_FIELD: Readonly<Record<string, string>> = {
  occurredAt: 'at',
  start: 'subscription-start',
  months: 'subscription-months',
};

/** The row and column that a field of a fact most likely comes from; without a row, the first one of the fact. */
function placeOf(
  field: string,
  fact: unknown,
  rows: readonly FilledRow[],
): { readonly row?: number; readonly column: string } {
  const [, list, index, name = ''] = /(?:^|\.)(lines|partners)\.([0-9]+)\.?(.*)$/.exec(field) ?? [];
  const terms = isFact(fact) && 'terms' in fact ? fact.terms : undefined;
  if (list === 'partners') {
    const role = terms?.partners[Number(index)]?.role ?? 'seller';
    const before = terms?.partners.slice(0, Number(index)).filter((held) => held.role === role).length ?? 0;
    return { column: `${role}${before === 0 ? '' : `-${before + 1}`}${name === 'share' ? '-share' : ''}` };
  }
  const last = (name || field).split('.').at(-1) ?? field;
  const column = COLUMN_OF_FIELD[last] ?? last;
  if (list !== 'lines') return { column };
  const line = terms?.lines[Number(index)]?.id;
  const row = rows.find(({ cells }) => line !== undefined && cells[FIXED_COLUMNS.indexOf('line')] === line)?.row;
  return omitUndefined({ row, column: column === 'id' ? 'line' : column });
}
