/** Which fields of a mapping each kind of fact can use: what it cannot use is refused, never dropped in silence. */
import type { DealFactKind } from '@tantieme/contracts/deal';
import { KINDS_WITH_ID, KINDS_WITH_TERMS } from '../deal/deal-fact.js';
import { partnerColumns } from './column-mapping.js';
import type { ColumnMapping } from './column-mapping.js';

export interface MappedField {
  /** Path in the mapping: `line.quantity`. */
  readonly field: string;
  /** Undefined for a constant. */
  readonly column?: string | undefined;
}

/** Every field that the mapping names, but for those that say how the file is written. */
export function mappedFields(mapping: ColumnMapping): readonly MappedField[] {
  const { deal, kind, id, revision, withdrawn, occurredAt, currency, amount, rounding, customer } = mapping;
  const { line, registration, partners, attributes } = mapping;
  const { subscription, ...lineColumns } = line ?? {};
  const present = (field: string, column: string | undefined): MappedField[] =>
    column === undefined ? [] : [{ field, column }];
  const all = (prefix: string, columns: Readonly<Record<string, string>> | undefined): MappedField[] =>
    Object.entries(columns ?? {}).map(([name, column]) => ({ field: `${prefix}.${name}`, column }));
  return [
    { field: 'deal', column: deal },
    { field: 'kind', column: typeof kind === 'string' ? undefined : kind.column },
    { field: 'occurredAt', column: typeof occurredAt === 'string' ? occurredAt : occurredAt.column },
    ...present('id', id),
    ...present('revision', typeof revision === 'number' ? undefined : revision),
    ...present('withdrawn', withdrawn === true ? undefined : withdrawn),
    ...present('amount', amount),
    ...(currency === undefined
      ? []
      : [{ field: 'currency', column: typeof currency === 'string' ? undefined : currency.column }]),
    ...(rounding === undefined ? [] : [{ field: 'rounding' }]),
    ...all('line', lineColumns),
    ...all('line.subscription', subscription),
    ...all('registration', registration),
    ...Object.entries(partners ?? {}).flatMap(([role, columns]) =>
      partnerColumns(columns).flatMap(({ column, share }) => [
        { field: `partners.${role}`, column },
        ...present(`partners.${role}`, share),
      ]),
    ),
    ...present('customer', customer),
    ...all('attributes', attributes),
  ];
}

/** Every column that the mapping names. */
export function columnsOf(mapping: ColumnMapping): ReadonlySet<string> {
  return new Set(mappedFields(mapping).flatMap(({ column }) => (column === undefined ? [] : [column])));
}

const ALWAYS = new Set(['deal', 'kind', 'occurredAt', 'revision', 'withdrawn']);
/** A returned line is the line and the amount that was returned. */
const OF_RETURNED_LINE = new Set(['line.id', 'line.net']);

/** @param field of {@link mappedFields} */
export function isUsable(field: string, kind: DealFactKind, mapping: ColumnMapping): boolean {
  if (ALWAYS.has(field)) return true;
  if (field === 'id') return KINDS_WITH_ID.has(kind);
  if (field === 'amount') return kind === 'paid';
  if (field.startsWith('registration.')) return kind === 'registration';
  if (kind === 'returned') return OF_RETURNED_LINE.has(field);
  // Currency, rounding, lines, partners, customer and attributes are terms. An invoice has them if it has lines.
  return KINDS_WITH_TERMS.has(kind) || (kind === 'invoiced' && mapping.line !== undefined);
}

export function unusableReason(field: string, kind: DealFactKind): string {
  return `a fact of kind ${kind} has no ${field.split('.').at(-1) ?? field}`;
}
