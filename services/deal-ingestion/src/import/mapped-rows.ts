/**
 * Rows of a CSV file become facts: which fact a row belongs to, and the fact that all rows of it make. Nothing depends
 * on the order of the rows, so that a shuffled file gives the same facts, and the same refusals, byte for byte.
 */
import { formatAmount, parseAmountRounded } from '@tantieme/money/amount';
import { isCurrency } from '@tantieme/money/currency';
import { MoneyError } from '@tantieme/money/money-error';
import type { DealFactKind } from '@tantieme/contracts/deal';
import { columnsOf, FACT_KINDS, lineColumnsOf, partnerColumns } from './column-mapping.js';
import type { ColumnMapping } from './column-mapping.js';
import { compileDateFormat } from '@tantieme/tabular/date-format';
import { LINES_MAX } from '../deal/deal-fact.js';
import type { FieldReason } from '../deal/deal-fact.js';
import { normalInstant } from '../deal/instant.js';
import { compareIds, compareText } from '../deal/order.js';

/** A record as it was read: the cells in the order of the header. */
export type Row = readonly string[];

/** What the rows of one fact make. */
export interface MappedFact {
  /** As a source would have sent it; not checked yet. Missing where `errors` say why there is none. */
  readonly fact?: unknown;
  readonly errors: readonly FieldReason[];
  readonly source: string;
  readonly deal: string;
}

export interface RowMapper {
  /** Rows of one key are rows of one fact. Undefined: the row names no deal, and is a fact's for nobody. */
  key(row: Row): string | undefined;
  /**
   * @param rows all rows of one key, in any order
   * @param faults of rows that could not be read whole
   */
  fact(rows: readonly Row[], faults: readonly string[]): MappedFact;
  /** What is kept of rows that are refused: names and cells, in an order that only the contents decide. */
  raw(rows: readonly Row[]): string;
}

/** Distinct dates of a file that are remembered: reading one takes longer than looking it up. */
const MOMENTS_KEPT_MAX = 20_000;

/** Differing values of a deal that are named in the refusal. */
const NAMED_MAX = 3;

/**
 * @param header names of the columns, as the first record has them.
 * Columns that the mapping names and the header lacks are told by `missingColumns`, before this.
 */
export function createRowMapper(mapping: ColumnMapping, header: readonly string[]): RowMapper {
  const places = new Map(header.map((name, index) => [name, index]));
  const cell = (row: Row, column: string): string => row[places.get(column) ?? -1]?.trim() ?? '';
  const optional = (row: Row, column: string | undefined): string | undefined => {
    const text = column === undefined ? '' : cell(row, column);
    return text === '' ? undefined : text;
  };
  const moment = momentReader(mapping);
  const { line, source } = mapping;
  const lineColumns = new Set(lineColumnsOf(line));
  // What is no part of a line is said of the whole fact, by every row of it.
  const factColumns = [...columnsOf(mapping)].filter((column) => !lineColumns.has(column));

  function kindOf(row: Row): DealFactKind | undefined {
    if (typeof mapping.kind === 'string') return mapping.kind;
    const { column, values } = mapping.kind;
    const text = cell(row, column);
    if (values !== undefined) return Object.hasOwn(values, text) ? values[text] : undefined;
    return FACT_KINDS.find((kind) => kind === text);
  }

  function partnersOf(row: Row, errors: FieldReason[]): object[] {
    return Object.entries(mapping.partners ?? {}).flatMap(([role, held]) =>
      partnerColumns(held).flatMap(({ column, prefix = '', values, share }) => {
        const text = cell(row, column);
        if (text === '') return [];
        const known = values === undefined ? text : Object.hasOwn(values, text) ? values[text] : undefined;
        if (known === undefined) {
          errors.push({
            field: column,
            reason: `${JSON.stringify(text)} is not among the values that the mapping knows`,
          });
          return [];
        }
        const part = optional(row, share);
        return [{ role, partner: prefix + known, ...(part === undefined ? {} : { share: part }) }];
      }),
    );
  }

  function amount(text: string, currency: string | undefined): { text: string; original?: string } {
    if (mapping.rounding === undefined || currency === undefined || !isCurrency(currency)) return { text };
    try {
      const { minor, rounded } = parseAmountRounded(text, currency, mapping.rounding);
      return { text: formatAmount(minor, currency), ...(rounded ? { original: text } : {}) };
    } catch (error) {
      // What is no amount stays as it is: whoever checks the fact says why.
      if (error instanceof MoneyError) return { text };
      throw error;
    }
  }

  function lineOf(row: Row, id: string, currency: string | undefined): object {
    const original: Record<string, string> = {};
    const money = (name: 'net' | 'gross' | 'cost'): string | undefined => {
      const source = optional(row, line?.[name]);
      if (source === undefined) return name === 'net' ? '' : undefined;
      const read = amount(source, currency);
      if (read.original !== undefined) original[name] = read.original;
      return read.text;
    };
    return withoutUndefined({
      id,
      variant: optional(row, line?.variant),
      product: optional(row, line?.product),
      family: optional(row, line?.family),
      category: optional(row, line?.category),
      quantity: optional(row, line?.quantity),
      net: money('net'),
      gross: money('gross'),
      cost: money('cost'),
      subscription: subscriptionOf(row),
      original: Object.keys(original).length === 0 ? undefined : original,
    });
  }

  function subscriptionOf(row: Row): object | undefined {
    const columns = line?.subscription;
    const id = optional(row, columns?.id);
    if (columns === undefined || id === undefined) return undefined;
    const months = cell(row, columns.months);
    // What is no number stays as it is: whoever checks the fact says why.
    return { id, start: cell(row, columns.start), months: /^[1-9][0-9]{0,5}$/.test(months) ? Number(months) : months };
  }

  /** The lines, in the order of their ids or contents. A row that says again what another says is one line, where lines have ids. */
  function linesOf(rows: readonly Row[], currency: string | undefined): object[] {
    const columns = [...lineColumns];
    const idColumn = line?.id;
    const seen = new Map<string, Row>();
    const contents = rows.map((row) => ({ row, content: JSON.stringify(columns.map((column) => cell(row, column))) }));
    if (idColumn === undefined)
      return contents
        .sort((left, right) => compareText(left.content, right.content))
        .map(({ row }, index) => lineOf(row, String(index + 1), currency));
    for (const { row, content } of contents) seen.set(content, row);
    return [...seen]
      .map(([content, row]) => ({ content, row, id: cell(row, idColumn) }))
      .sort((left, right) => compareIds(left.id, right.id) || compareText(left.content, right.content))
      .map(({ row, id }) => lineOf(row, id, currency));
  }

  function returnedLinesOf(rows: readonly Row[]): object[] {
    return linesOf(rows, undefined).map((returned) => {
      const { id, net } = { id: '', net: '', ...returned };
      return { line: id, ...(net === '' ? {} : { net }) };
    });
  }

  function factOf(rows: readonly Row[], first: Row, errors: FieldReason[]): unknown {
    const kind = kindOf(first);
    const { column: at, text: occurredAt } = moment(first, cell);
    if (occurredAt === undefined)
      errors.push({ field: at, reason: `${JSON.stringify(cell(first, at))} is no moment${expected(mapping)}` });
    if (kind === undefined) {
      const column = typeof mapping.kind === 'string' ? 'kind' : mapping.kind.column;
      errors.push({ field: column, reason: `${JSON.stringify(cell(first, column))} is no kind of fact` });
      return undefined;
    }
    const head = { source, deal: cell(first, mapping.deal), kind, occurredAt };
    const id = optional(first, mapping.id) ?? '';
    const currency = typeof mapping.currency === 'object' ? cell(first, mapping.currency.column) : mapping.currency;
    const terms = (): object => ({
      currency: currency ?? '',
      lines: line === undefined ? [] : linesOf(rows, currency),
      partners: partnersOf(first, errors),
      ...withoutUndefined({ customer: optional(first, mapping.customer), attributes: attributesOf(first) }),
    });
    switch (kind) {
      case 'registered':
      case 'booked':
        return { ...head, terms: terms() };
      case 'amended':
        return { ...head, ...revisionOf(first, errors), terms: terms() };
      case 'invoiced':
        return { ...head, id, ...(line === undefined ? {} : { terms: terms() }) };
      case 'paid':
        // Never rounded: a payment has no place for the original.
        return { ...head, id, amount: optional(first, mapping.amount) ?? '' };
      case 'returned':
        return { ...head, id, ...(line === undefined ? {} : { lines: returnedLinesOf(rows) }) };
      case 'sold-through':
        return { ...head, id };
      case 'registration': {
        const { status, holder, from, until } = mapping.registration ?? { status: '', holder: '' };
        return {
          ...head,
          id,
          status: cell(first, status),
          holder: cell(first, holder),
          ...withoutUndefined({ from: optional(first, from), until: optional(first, until) }),
          ...revisionOf(first, errors),
        };
      }
      case 'cancelled':
        return head;
      default:
        return kind satisfies never;
    }
  }

  function revisionOf(row: Row, errors: FieldReason[]): object {
    const text = optional(row, mapping.revision);
    if (text === undefined) return {};
    if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return { revision: Number(text) };
    errors.push({ field: mapping.revision ?? 'revision', reason: `${JSON.stringify(text)} is no whole number` });
    return {};
  }

  function attributesOf(row: Row): Record<string, string> | undefined {
    const found = Object.entries(mapping.attributes ?? {}).flatMap(([name, column]) => {
      const text = cell(row, column);
      return text === '' ? [] : [[name, text] as const];
    });
    return found.length === 0 ? undefined : Object.fromEntries(found);
  }

  /** A fact of which a row is broken is no fact: half a deal would be paid as a whole one. */
  function rowErrors(rows: readonly Row[], faults: readonly string[]): FieldReason[] {
    if (rows.length > LINES_MAX)
      return [{ field: mapping.deal, reason: `the deal has ${rows.length} rows, more than ${LINES_MAX}` }];
    const wrongLengths = new Set(rows.flatMap((row) => (row.length === header.length ? [] : [row.length])));
    return [
      ...[...new Set(faults)].sort(compareText),
      // A row that could not be read whole has lost cells by that.
      ...(faults.length > 0 ? [] : [...wrongLengths].sort((left, right) => left - right)).map(
        (length) => `has ${length} cells where the header has ${header.length}`,
      ),
    ].map((reason) => ({ field: 'row', reason }));
  }

  /** What is said of the whole must be said alike in every row of it. */
  function contradictions(rows: readonly Row[]): FieldReason[] {
    return factColumns.flatMap((column) => {
      const values = new Set(rows.map((row) => cell(row, column)));
      if (values.size < 2) return [];
      const named = [...values].sort(compareText).slice(0, NAMED_MAX);
      const more = values.size > NAMED_MAX ? `, and ${values.size - NAMED_MAX} more` : '';
      const reason = `differs between the rows of one deal: ${named.map((text) => JSON.stringify(text)).join(', ')}${more}`;
      return [{ field: column, reason }];
    });
  }

  return {
    key(row) {
      const deal = cell(row, mapping.deal);
      if (deal === '') return undefined;
      const kind = typeof mapping.kind === 'string' ? mapping.kind : cell(row, mapping.kind.column);
      return JSON.stringify([deal, kind, optional(row, mapping.id) ?? '', optional(row, mapping.revision) ?? '']);
    },
    fact(rows, faults) {
      const [first] = rows;
      const deal = first === undefined ? '' : cell(first, mapping.deal);
      const errors = rowErrors(rows, faults);
      if (errors.length === 0) errors.push(...contradictions(rows));
      if (errors.length > 0 || first === undefined) return { errors, source, deal };
      const fact = factOf(rows, first, errors);
      return errors.length > 0 ? { errors, source, deal } : { fact, errors, source, deal };
    },
    raw(rows) {
      const named = rows
        .map((row) =>
          JSON.stringify(Object.fromEntries(row.map((text, index) => [header[index] ?? `column ${index + 1}`, text]))),
        )
        .sort(compareText);
      return named.length === 1 ? (named[0] ?? '') : `[${named.join(',')}]`;
    },
  };
}

/** Columns that the mapping names and the header has not, or has twice. */
export function missingColumns(mapping: ColumnMapping, header: readonly string[]): readonly FieldReason[] {
  return [...columnsOf(mapping)].flatMap((column) => {
    const count = header.filter((name) => name === column).length;
    if (count === 1) return [];
    const reason =
      count === 0 ? `the file has no such column; it has ${header.join(', ')}` : 'the file has two such columns';
    return [{ field: column, reason }];
  });
}

function momentReader(
  mapping: ColumnMapping,
): (row: Row, cell: (row: Row, column: string) => string) => { column: string; text: string | undefined } {
  const { occurredAt } = mapping;
  const {
    column,
    format,
    timeZone = 'UTC',
  }: { column: string; format?: string; timeZone?: string } = typeof occurredAt === 'string'
    ? { column: occurredAt }
    : occurredAt;
  const read =
    format === undefined
      ? normalInstant
      : (
          (compiled) => (text: string) =>
            compiled.instant(text, timeZone)
        )(compileDateFormat(format));
  const known = new Map<string, string | undefined>();
  return (row, cell) => {
    const text = cell(row, column);
    if (known.has(text)) return { column, text: known.get(text) };
    const instant = read(text);
    if (known.size < MOMENTS_KEPT_MAX) known.set(text, instant);
    return { column, text: instant };
  };
}

function expected({ occurredAt }: ColumnMapping): string {
  return typeof occurredAt === 'string' || occurredAt.format === undefined
    ? ': an ISO 8601 instant with its offset is needed'
    : ` of the form ${occurredAt.format}`;
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
