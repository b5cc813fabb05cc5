/**
 * `deals.csv` of a golden case: a row a fact and line, with the columns of `COLUMNS`. Rows become facts, and facts deals, as in an
 * import: by the row mapper and the facts' own rules of deal-ingestion.
 */
import { check } from '@tantieme/contracts/check';
import type { Deal, DealFact, DealRole } from '@tantieme/contracts/deal';
import { contentHash } from '@tantieme/deal-ingestion/deal/content-hash';
import type { ColumnMapping, PartnerColumn } from '@tantieme/deal-ingestion/import/column-mapping';
import { compileDateFormat } from '@tantieme/tabular/date-format';
import { dealDecider, dealOf, FACT_CONFLICT } from '@tantieme/deal-ingestion/deal/deal';
import type { DealState } from '@tantieme/deal-ingestion/deal/deal';
import { FACT_KINDS, KINDS_WITH_TERMS, normalFact } from '@tantieme/deal-ingestion/deal/deal-fact';
import type { FieldReason } from '@tantieme/deal-ingestion/deal/deal-fact';
import { createRowMapper } from '@tantieme/deal-ingestion/import/mapped-rows';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { CaseInvalid, readCsv } from './csv-rows.js';
import type { CaseFault, CsvFile, CsvRow } from './csv-rows.js';

/** All deals of a case are from one source, which its files do not name. */
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

/** What a file may leave out. */
export interface DealDefaults {
  readonly currency: string;
  /** A day in `at` is its midnight here. */
  readonly timeZone: string;
}

/** A row with the partners it names, for a case without `partners.csv`. */
export interface CaseDeals {
  readonly deals: readonly Deal[];
  /** Every partner named, in order of text. */
  readonly partners: readonly string[];
}

/** @throws {CaseInvalid} with row, column and reason */
export function readDeals(text: string, defaults: DealDefaults): CaseDeals {
  const file = readCsv(FILE, text, COLUMNS);
  const faults: CaseFault[] = [];
  const states = new Map<string, DealState>();
  for (const rows of factsOf(file, defaults)) takeFact(rows, file, states, faults);
  if (faults.length > 0) throw new CaseInvalid(faults);
  const deals = [...states].map(([id, state]) => dealOf(SOURCE, id, state.values()));
  const partners = deals.flatMap(({ terms }) => (terms?.partners ?? []).map(({ partner }) => partner));
  return { deals, partners: [...new Set(partners)].sort() };
}

/** A row with what it leaves out filled in. */
interface FilledRow {
  readonly row: number;
  readonly cells: readonly string[];
  readonly saysLine: boolean;
  readonly kind: string;
}

/** Rows of each fact, in order of the file. */
function factsOf({ columns, rows }: CsvFile, defaults: DealDefaults): readonly FilledRow[][] {
  const facts = new Map<string, FilledRow[]>();
  for (const row of rows) {
    const kind = row.cell('fact') || 'booked';
    const key = JSON.stringify([row.cell('deal'), kind, row.cell('id'), row.cell('revision')]);
    const filled = { row: row.row, kind, cells: cellsOf(row, kind, columns, defaults), saysLine: saysLine(row) };
    const known = facts.get(key);
    if (known === undefined) facts.set(key, [filled]);
    else known.push(filled);
  }
  return [...facts.values()];
}

function saysLine(row: CsvRow): boolean {
  return ['line', ...LINE_COLUMNS].some((column) => row.cell(column) !== '');
}

/** An invoice has terms if it has lines. */
function hasTerms(row: CsvRow, kind: string): boolean {
  return kind === 'invoiced' ? saysLine(row) : [...KINDS_WITH_TERMS].some((known) => known === kind);
}

/** The columns that every mapping names; those of partners and attributes come from the file. */
const FILLED = [...COLUMNS.required, ...COLUMNS.optional];

function cellsOf(row: CsvRow, kind: string, columns: readonly string[], defaults: DealDefaults): string[] {
  const own = columns.filter((column) => !FILLED.includes(column));
  return [...FILLED, ...own].map((column) => {
    const text = row.cell(column);
    switch (column) {
      case 'fact':
        return kind;
      case 'line':
        return text === '' && saysLine(row) ? '1' : text;
      case 'currency':
        return text === '' && hasTerms(row, kind) ? defaults.currency : text;
      case 'at':
        return compileDateFormat('yyyy-MM-dd').instant(text, defaults.timeZone) ?? text;
      default:
        return text;
    }
  });
}

function mappingOf(columns: readonly string[], saysLines: boolean): ColumnMapping {
  return {
    source: SOURCE,
    deal: 'deal',
    kind: { column: 'fact' },
    id: 'id',
    revision: 'revision',
    occurredAt: 'at',
    currency: { column: 'currency' },
    amount: 'amount',
    customer: 'customer',
    ...(saysLines ? { line: lineMapping() } : {}),
    registration: { status: 'status', holder: 'holder', from: 'from', until: 'until' },
    partners: Object.fromEntries(ROLES.map((role) => [role, partnerColumns(role, columns)])),
    attributes: Object.fromEntries(
      columns.filter((column) => ATTRIBUTE_COLUMN.test(column)).map((column) => [column.slice('deal.'.length), column]),
    ),
  };
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

/** `seller`, `seller-2`, …, each with the column of its share, where the file has one. */
function partnerColumns(role: DealRole, columns: readonly string[]): readonly PartnerColumn[] {
  return columns
    .filter((column) => (column === role || column.startsWith(`${role}-`)) && !column.endsWith('-share'))
    .map((column) => (columns.includes(`${column}-share`) ? { column, share: `${column}-share` } : { column }));
}

function takeFact(
  rows: readonly FilledRow[],
  { columns }: CsvFile,
  states: Map<string, DealState>,
  faults: CaseFault[],
): void {
  const [first] = rows;
  if (first === undefined) return;
  const fault = (reason: string, column?: string, row = first.row) =>
    faults.push({ file: FILE, row, ...(column === undefined ? {} : { column }), reason });
  const kind = FACT_KINDS.find((known) => known === first.kind);
  if (kind === undefined)
    return void fault(`${JSON.stringify(first.kind)} is none of ${FACT_KINDS.join(', ')}`, 'fact');
  const own = columns.filter((column) => !FILLED.includes(column));
  const saysLines = rows.some((row) => row.saysLine) || KINDS_WITH_TERMS.has(kind);
  const mapper = createRowMapper(mappingOf(columns, saysLines), [...FILLED, ...own]);
  const mapped = mapper.fact(rows);
  for (const { field, reason } of mapped.errors)
    fault(field === 'at' && reason.includes('instant with its offset') ? notAMoment(first) : reason, field);
  if (mapped.errors.length > 0) return;
  const fact = withWhatImportsLack(mapped.fact, first.cells[FILLED.indexOf('as')] ?? '');
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
 * What the mapping of an import has no column for: that an amendment is a change, and that an invoice is about the lines of its
 * rows (there, they are only what the deal is about).
 */
function withWhatImportsLack(fact: unknown, as: string): unknown {
  if (!isFact(fact)) return fact;
  if (fact.kind === 'amended') return as === '' ? fact : { ...fact, as };
  return fact.kind === 'invoiced' && fact.terms !== undefined ? { ...fact, lines: fact.terms.lines } : fact;
}

function notAMoment({ cells }: FilledRow): string {
  const text = JSON.stringify(cells[FILLED.indexOf('at')] ?? '');
  return `${text} is not a calendar date (YYYY-MM-DD) or an ISO 8601 instant with its offset`;
}

function isFact(fact: unknown): fact is DealFact {
  return typeof fact === 'object' && fact !== null && 'kind' in fact;
}

/** The schema has nothing against it, so it has the type that the schema describes. */
function isDealFact(fact: unknown, faults: readonly unknown[]): fact is DealFact {
  return faults.length === 0 && isFact(fact);
}

const COLUMN_OF_FIELD: Readonly<Record<string, string>> = {
  occurredAt: 'at',
  start: 'subscription-start',
  months: 'subscription-months',
};

/** The cell that a field of a fact comes from, as well as it can be told. */
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
  const row = rows.find(({ cells }) => line !== undefined && cells[FILLED.indexOf('line')] === line)?.row;
  return { ...(row === undefined ? {} : { row }), column: column === 'id' ? 'line' : column };
}
