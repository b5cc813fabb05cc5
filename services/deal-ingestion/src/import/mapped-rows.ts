/**
 * Rows of a CSV file become facts: which fact a row belongs to, and the fact that all its rows make. The order of the
 * rows decides only which cell an error names: a shuffled file gives the same facts and the same refusals, byte for
 * byte.
 */
import { formatAmount, parseAmountRounded } from '@tantieme/money/amount';
import { isCurrency } from '@tantieme/money/currency';
import { MoneyError } from '@tantieme/money/money-error';
import { compareText } from '@tantieme/contracts/compare-text';
import { INSTANT_DESCRIPTION, normalInstant } from '@tantieme/time/instant';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { oneOf } from '@tantieme/contracts/suggest';
import type { DealFactKind } from '@tantieme/contracts/deal';
import { columnNames, faultOf } from '@tantieme/tabular/cell';
import type { CellFault, CellPlace } from '@tantieme/tabular/cell';
import { compileDateFormat } from '@tantieme/tabular/date-format';
import { createCellReader } from '@tantieme/tabular/file-format';
import type { ReadCell } from '@tantieme/tabular/file-format';
import { FACT_KINDS, KINDS_WITH_ID } from '../deal/deal-fact.js';
import { LINES_MAX } from '../limits.js';
import { compareIds } from '../deal/order.js';
import { lineColumnsOf, partnerColumns } from './column-mapping.js';
import type { ColumnMapping } from './column-mapping.js';
import { columnsOf, isUsable, mappedFields, unusableReason } from './usable-fields.js';
import { MOMENTS_CACHED_MAX, NAMED_MAX } from '../limits.js';

/** Cells in the order of the header. */
export type Cells = readonly string[];

export interface Row {
  /** Number of the row in the file; the header is 1. */
  readonly row: number;
  readonly cells: Cells;
  /** Why the row could not be read completely. */
  readonly fault?: string | undefined;
}

/** What the rows of one fact make. */
export interface MappedFact {
  /** As a source would have sent it; not checked yet. Absent if there are `errors`. */
  readonly fact?: unknown;
  readonly errors: readonly CellFault[];
  /** Source and deal of the fact, and what else identifies it, as far as it can be read. */
  readonly head: object;
  /** The cell that a field of the fact comes from. */
  readonly placeOf: (field: string) => CellPlace | undefined;
}

export interface RowMapper {
  /** Rows of one key make one fact. Undefined: the row names no deal. */
  readonly key: (cells: Cells) => string | undefined;
  /** @param rows all rows of one key, in any order */
  readonly fact: (rows: readonly Row[]) => MappedFact;
  /** What is stored of rows that are refused: names and cells, in an order that depends on their contents alone. */
  readonly raw: (rows: readonly Row[]) => string;
}

/** @param header names of the columns; those that the mapping needs were checked by `missingColumns` */
export function createRowMapper(mapping: ColumnMapping, header: readonly string[]): RowMapper {
  const indexes = new Map(header.map((name, index) => [name, index]));
  const names = columnNames(header);
  const textIn = (cells: Cells, column: string): string => cells[indexes.get(column) ?? -1]?.trim() ?? '';
  const optional = (cells: Cells, column: string | undefined): string | undefined => {
    const text = column === undefined ? '' : textIn(cells, column);
    return text === '' ? undefined : text;
  };
  const place = ({ row, cells }: Row, column: string): CellPlace => ({ row, column, text: textIn(cells, column) });
  const cellReader = createCellReader(mapping);
  const moment = momentReader(mapping);
  const { line, source } = mapping;
  const lineColumns = new Set(lineColumnsOf(line));
  // All other columns describe the whole fact and repeat in each of its rows.
  const factColumns = [...columnsOf(mapping)].filter((column) => !lineColumns.has(column));

  /** The fact being mapped: what is wrong with it, and which rows and columns its lists come from. */
  class FactMapping {
    readonly errors: CellFault[] = [];
    private lineRows: readonly Row[] = [];
    private readonly partnerColumns: { readonly column: string; readonly share?: string | undefined }[] = [];

    constructor(private readonly first: Row) {}

    fact(rows: readonly Row[]): unknown {
      const { first } = this;
      const { cells } = first;
      const kind = kindIn(cells);
      const { column: at, text: occurredAt } = moment(cells, textIn);
      if (occurredAt === undefined)
        this.refuse(at, `${JSON.stringify(textIn(cells, at))} is not ${expectedMoment(mapping)}`, first);
      if (kind === undefined) {
        const column = typeof mapping.kind === 'string' ? 'kind' : mapping.kind.column;
        this.refuse(column, unknownKind(textIn(cells, column)), first);
        return undefined;
      }
      this.refuseUnusable(rows, kind);
      const head = { source, deal: textIn(cells, mapping.deal), kind, occurredAt, ...this.revision() };
      const id = optional(cells, mapping.id) ?? '';
      if (this.isWithdrawn()) return { ...head, ...(KINDS_WITH_ID.has(kind) ? { id } : {}), withdrawn: true };
      switch (kind) {
        case 'registered':
        case 'booked':
        case 'amended':
          return { ...head, terms: this.terms(rows) };
        case 'invoiced':
          return { ...head, id, ...(line === undefined ? {} : { terms: this.terms(rows) }) };
        case 'paid':
          // Never rounded: a payment has no field for the unrounded amount.
          return { ...head, id, amount: this.number(first, mapping.amount) ?? '' };
        case 'returned':
          return { ...head, id, ...(line === undefined ? {} : { lines: this.returnedLines(rows) }) };
        case 'sold-through':
          return { ...head, id };
        case 'registration': {
          const { status, holder, from, until } = mapping.registration ?? { status: '', holder: '' };
          return {
            ...head,
            id,
            status: textIn(cells, status),
            holder: textIn(cells, holder),
            ...omitUndefined({ from: this.day(first, from), until: this.day(first, until) }),
          };
        }
        case 'cancelled':
          return head;
        default:
          return kind satisfies never;
      }
    }

    placeOf(field: string): CellPlace | undefined {
      const { first } = this;
      const [, lineIndex, lineField = 'id'] = /^(?:terms\.)?lines\.([0-9]+)(?:\.(.+))?$/.exec(field) ?? [];
      if (lineIndex !== undefined) {
        const row = this.lineRows[Number(lineIndex)];
        const column = lineColumn(lineField);
        return row === undefined || column === undefined ? undefined : place(row, column);
      }
      const [, partnerIndex, partnerField] = /^terms\.partners\.([0-9]+)(?:\.(.+))?$/.exec(field) ?? [];
      if (partnerIndex !== undefined) {
        const named = this.partnerColumns[Number(partnerIndex)];
        const column = partnerField === 'share' ? named?.share : named?.column;
        return column === undefined ? undefined : place(first, column);
      }
      const column = factColumn(field);
      return column === undefined ? undefined : place(first, column);
    }

    private refuse(column: string, reason: string, row: Row): void {
      this.errors.push(faultOf(column, reason, place(row, column)));
    }

    /** A cell that the fact has no field for would be lost. */
    private refuseUnusable(rows: readonly Row[], kind: DealFactKind): void {
      for (const [column, field] of unusableColumns(kind)) {
        const filled = rows.find(({ cells }) => textIn(cells, column) !== '');
        if (filled !== undefined) this.refuse(column, `${unusableReason(field, kind)}; leave the cell empty`, filled);
      }
    }

    private terms(rows: readonly Row[]): object {
      const { cells } = this.first;
      const currency = typeof mapping.currency === 'object' ? textIn(cells, mapping.currency.column) : mapping.currency;
      return {
        currency: currency ?? '',
        lines: line === undefined ? [] : this.lines(rows, currency),
        partners: this.partners(),
        ...omitUndefined({ customer: optional(cells, mapping.customer), attributes: attributesIn(cells) }),
      };
    }

    private partners(): object[] {
      const { first } = this;
      return Object.entries(mapping.partners ?? {}).flatMap(([role, columns]) =>
        partnerColumns(columns).flatMap(({ column, prefix = '', values, share: shareColumn }) => {
          const text = textIn(first.cells, column);
          if (text === '') return [];
          const partner = values === undefined ? text : Object.hasOwn(values, text) ? values[text] : undefined;
          if (partner === undefined) {
            this.refuse(column, `${JSON.stringify(text)} is not one of the values that the mapping lists`, first);
            return [];
          }
          const share = this.number(first, shareColumn);
          this.partnerColumns.push({ column, share: shareColumn });
          return [{ role, partner: prefix + partner, ...omitUndefined({ share }) }];
        }),
      );
    }

    /** Lines in order of their ids or contents. If lines have ids, identical rows count once. */
    private lines(rows: readonly Row[], currency: string | undefined): object[] {
      const columns = [...lineColumns];
      const contents = rows.map((row) => ({
        row,
        content: JSON.stringify(columns.map((column) => textIn(row.cells, column))),
      }));
      const idColumn = line?.id;
      if (idColumn === undefined) {
        const sorted = contents.sort((left, right) => compareText(left.content, right.content));
        this.lineRows = sorted.map(({ row }) => row);
        return sorted.map(({ row }, index) => this.line(row, String(index + 1), currency));
      }
      const distinct = new Map<string, Row>();
      for (const { row, content } of contents) if (!distinct.has(content)) distinct.set(content, row);
      const sorted = [...distinct]
        .map(([content, row]) => ({ content, row, id: textIn(row.cells, idColumn) }))
        .sort((left, right) => compareIds(left.id, right.id) || compareText(left.content, right.content));
      this.lineRows = sorted.map(({ row }) => row);
      return sorted.map(({ row, id }) => this.line(row, id, currency));
    }

    private line(row: Row, id: string, currency: string | undefined): object {
      const { cells } = row;
      const original: Record<string, string> = {};
      const money = (name: 'net' | 'gross' | 'cost'): string | undefined => {
        const amount = this.number(row, line?.[name]);
        if (amount === undefined) return name === 'net' ? '' : undefined;
        const read = rounded(amount, currency);
        if (read.original !== undefined) original[name] = read.original;
        return read.text;
      };
      return omitUndefined({
        id,
        variant: optional(cells, line?.variant),
        product: optional(cells, line?.product),
        family: optional(cells, line?.family),
        category: optional(cells, line?.category),
        quantity: this.number(row, line?.quantity),
        net: money('net'),
        gross: money('gross'),
        cost: money('cost'),
        subscription: this.subscription(row),
        original: Object.keys(original).length === 0 ? undefined : original,
      });
    }

    private subscription(row: Row): object | undefined {
      const columns = line?.subscription;
      const id = optional(row.cells, columns?.id);
      if (columns === undefined || id === undefined) return undefined;
      return { id, start: this.day(row, columns.start) ?? '', months: whole(this.number(row, columns.months) ?? '') };
    }

    private returnedLines(rows: readonly Row[]): object[] {
      return this.lines(rows, undefined).map((returned) => {
        const { id, net } = { id: '', net: '', ...returned };
        return { line: id, ...(net === '' ? {} : { net }) };
      });
    }

    private revision(): object {
      if (typeof mapping.revision === 'number') return { revision: mapping.revision };
      const text = this.number(this.first, mapping.revision);
      return text === undefined ? {} : { revision: whole(text) };
    }

    private isWithdrawn(): boolean {
      const { cells } = this.first;
      const text = typeof mapping.withdrawn === 'string' ? textIn(cells, mapping.withdrawn) : '';
      if (text !== '' && text !== 'true' && text !== 'false')
        this.refuse(String(mapping.withdrawn), `${JSON.stringify(text)} is not true, false or empty`, this.first);
      return isWithdrawn(cells);
    }

    private number(row: Row, column: string | undefined): string | undefined {
      return this.read(row, column, cellReader.number);
    }

    private day(row: Row, column: string | undefined): string | undefined {
      return this.read(row, column, cellReader.day);
    }

    private read(row: Row, column: string | undefined, read: (text: string) => ReadCell): string | undefined {
      const text = optional(row.cells, column);
      if (text === undefined || column === undefined) return undefined;
      const cell = read(text);
      if ('text' in cell) return cell.text;
      this.refuse(column, cell.fault, row);
      return text;
    }
  }

  const unusableByKind = new Map<DealFactKind, ReadonlyMap<string, string>>();

  /** Column → field. Empty for a constant kind, for which the mapping was checked before. */
  function unusableColumns(kind: DealFactKind): ReadonlyMap<string, string> {
    const cached = unusableByKind.get(kind);
    if (cached !== undefined) return cached;
    const fields = typeof mapping.kind === 'string' ? [] : mappedFields(mapping);
    const usable = new Set(fields.filter(({ field }) => isUsable(field, kind, mapping)).map(({ column }) => column));
    const unusable = new Map(
      fields.flatMap(({ field, column }) =>
        column === undefined || usable.has(column) ? [] : [[column, field] as const],
      ),
    );
    unusableByKind.set(kind, unusable);
    return unusable;
  }

  function isWithdrawn(cells: Cells): boolean {
    const { withdrawn } = mapping;
    return withdrawn === true || (withdrawn !== undefined && textIn(cells, withdrawn) === 'true');
  }

  function kindIn(cells: Cells): DealFactKind | undefined {
    if (typeof mapping.kind === 'string') return mapping.kind;
    const { column, values } = mapping.kind;
    const text = textIn(cells, column);
    if (values !== undefined) return Object.hasOwn(values, text) ? values[text] : undefined;
    return FACT_KINDS.find((kind) => kind === text);
  }

  function unknownKind(text: string): string {
    const values = typeof mapping.kind === 'string' ? undefined : mapping.kind.values;
    return `${JSON.stringify(text)} is not ${oneOf(values === undefined ? FACT_KINDS : Object.keys(values), text)}`;
  }

  function rounded(text: string, currency: string | undefined): { text: string; original?: string } {
    if (mapping.rounding === undefined || currency === undefined || !isCurrency(currency)) return { text };
    try {
      const { minor, rounded: isRounded } = parseAmountRounded(text, currency, mapping.rounding);
      return { text: formatAmount(minor, currency), ...(isRounded ? { original: text } : {}) };
    } catch (error) {
      // What is not an amount stays as it is, and is refused with the fact.
      if (error instanceof MoneyError) return { text };
      throw error;
    }
  }

  function attributesIn(cells: Cells): Record<string, string> | undefined {
    const found = Object.entries(mapping.attributes ?? {}).flatMap(([name, column]) => {
      const text = textIn(cells, column);
      return text === '' ? [] : [[name, text] as const];
    });
    return found.length === 0 ? undefined : Object.fromEntries(found);
  }

  function lineColumn(field: string): string | undefined {
    if (line === undefined) return undefined;
    // A returned line names the line that it returns.
    const { subscription, id, ...columns } = line;
    if (field === 'id' || field === 'line') return id ?? line.net;
    const [, part] = /^subscription\.(id|start|months)$/.exec(field) ?? [];
    if (part !== undefined) return new Map(Object.entries(subscription ?? {})).get(part);
    return new Map(Object.entries(columns)).get(field);
  }

  function factColumn(field: string): string | undefined {
    const [, attribute] = /^terms\.attributes\.(.+)$/.exec(field) ?? [];
    if (attribute !== undefined) return mapping.attributes?.[attribute];
    const { kind, occurredAt, currency, registration } = mapping;
    switch (field) {
      case 'kind':
        return typeof kind === 'string' ? undefined : kind.column;
      case 'occurredAt':
        return typeof occurredAt === 'string' ? occurredAt : occurredAt.column;
      case 'terms.currency':
        return typeof currency === 'object' ? currency.column : undefined;
      case 'terms.customer':
        return mapping.customer;
      case 'status':
      case 'holder':
      case 'from':
      case 'until':
        return registration?.[field];
      case 'deal':
      case 'id':
      case 'amount':
        return mapping[field];
      case 'revision':
        return typeof mapping.revision === 'number' ? undefined : mapping.revision;
      case 'withdrawn':
        return mapping.withdrawn === true ? undefined : mapping.withdrawn;
      default:
        return undefined;
    }
  }

  /** A fact with a broken row is refused: half a deal would be paid as a whole one. */
  function rowErrors(rows: readonly Row[]): CellFault[] {
    if (rows.length > LINES_MAX)
      return [{ field: mapping.deal, reason: `the fact has ${rows.length} rows; at most ${LINES_MAX} are allowed` }];
    const reasons = new Map<string, number>();
    for (const { row, cells, fault } of rows) {
      // A row with a read fault lacks cells: report the fault, not their number.
      const reason =
        fault ??
        (cells.length === header.length
          ? undefined
          : `has ${cells.length} cells where the header has ${header.length}`);
      if (reason !== undefined && !reasons.has(reason)) reasons.set(reason, row);
    }
    return [...reasons]
      .sort(([left], [right]) => compareText(left, right))
      .map(([reason, row]) => ({ field: 'row', reason, row }));
  }

  /** What is about the whole fact must be the same in each of its rows. */
  function contradictions(rows: readonly Row[]): CellFault[] {
    return factColumns.flatMap((column) => {
      const values = new Set(rows.map(({ cells }) => textIn(cells, column)));
      if (values.size < 2) return [];
      const named = [...values].sort(compareText).slice(0, NAMED_MAX);
      const more = values.size > NAMED_MAX ? `, and ${values.size - NAMED_MAX} more` : '';
      const reason = `differs between the rows of one fact: ${named.map((text) => JSON.stringify(text)).join(', ')}${more}`;
      const [first] = rows;
      const other = rows.find(
        ({ cells }) => first !== undefined && textIn(cells, column) !== textIn(first.cells, column),
      );
      return [{ field: column, reason, column, ...omitUndefined({ row: other?.row }) }];
    });
  }

  return {
    key(cells) {
      const deal = textIn(cells, mapping.deal);
      if (deal === '') return undefined;
      const kind = typeof mapping.kind === 'string' ? mapping.kind : textIn(cells, mapping.kind.column);
      // A file may hold a fact and its withdrawal.
      const { id, revision, withdrawn } = mapping;
      const others = [
        id,
        typeof revision === 'number' ? undefined : revision,
        withdrawn === true ? undefined : withdrawn,
      ];
      return JSON.stringify([deal, kind, ...others.map((column) => optional(cells, column) ?? '')]);
    },
    fact(rows) {
      const [first = { row: 1, cells: [] }] = rows;
      const work = new FactMapping(first);
      const { revision: constant } = mapping;
      const revision = typeof constant === 'number' ? String(constant) : optional(first.cells, constant);
      const head = omitUndefined({
        source,
        deal: textIn(first.cells, mapping.deal),
        kind: kindIn(first.cells),
        id: optional(first.cells, mapping.id),
        revision: revision === undefined ? undefined : whole(revision),
        occurredAt: moment(first.cells, textIn).text,
        withdrawn: isWithdrawn(first.cells) ? true : undefined,
      });
      const placeOf = (field: string): CellPlace | undefined => work.placeOf(field);
      const errors = rowErrors(rows);
      if (errors.length === 0) errors.push(...contradictions(rows));
      if (errors.length > 0) return { errors, head, placeOf };
      const fact = work.fact(rows);
      return work.errors.length > 0 ? { errors: work.errors, head, placeOf } : { fact, errors: [], head, placeOf };
    },
    raw(rows) {
      const named = rows
        .map(({ cells }) =>
          JSON.stringify(Object.fromEntries(cells.map((text, index) => [names[index] ?? `column ${index + 1}`, text]))),
        )
        .sort(compareText);
      return named.length === 1 ? (named[0] ?? '') : `[${named.join(',')}]`;
    },
  };
}

/** A whole number; any other text is returned unchanged and refused with the fact. */
function whole(text: string): number | string {
  return /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text;
}

function momentReader(
  mapping: ColumnMapping,
): (cells: Cells, textIn: (cells: Cells, column: string) => string) => { column: string; text: string | undefined } {
  const { column, format, timeZone = 'UTC' } = momentColumn(mapping);
  const compiled = format === undefined ? undefined : compileDateFormat(format);
  const instants = new Map<string, string | undefined>();
  return (cells, textIn) => {
    const text = textIn(cells, column);
    if (instants.has(text)) return { column, text: instants.get(text) };
    const instant = compiled === undefined ? normalInstant(text) : compiled.instant(text, timeZone);
    if (instants.size < MOMENTS_CACHED_MAX) instants.set(text, instant);
    return { column, text: instant };
  };
}

function expectedMoment(mapping: ColumnMapping): string {
  const { column, format } = momentColumn(mapping);
  return format === undefined
    ? `${INSTANT_DESCRIPTION}; ` +
        `for dates of another form, map {"column": ${JSON.stringify(column)}, "format": …, "timeZone": …}`
    : `a date of the form ${format}`;
}

function momentColumn({ occurredAt }: ColumnMapping): { column: string; format?: string; timeZone?: string } {
  return typeof occurredAt === 'string' ? { column: occurredAt } : occurredAt;
}
