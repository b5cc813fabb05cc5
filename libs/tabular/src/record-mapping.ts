/**
 * Flat records of a CSV file: a row is a record, a cell a field. Without a mapping the header names the fields; a
 * mapping document names other columns, constants and formats: `{ "tier": "Level", "from": "Since", "locale": "de-DE"
 * }`.
 */
import { suggest } from '@tantieme/contracts/suggest';

import { faultOf, missingColumns } from './cell.js';
import type { CellFault, CellPlace } from './cell.js';
import { createCellReader, FILE_FORMAT_FIELDS, readFileFormat } from './file-format.js';
import type { FileFormat, FormatOfLocale, ReadCell } from './file-format.js';
import { ObjectReader } from './object-reader.js';
import { mappingInvalid, TabularError } from './tabular-error.js';

export interface RecordField {
  /** `number`: decimal text. `whole`: a whole number from 0. `day`: `2026-03-05`. `flag`: `true`; `false` is no field. */
  readonly kind: 'text' | 'number' | 'whole' | 'day' | 'flag';
  /**
   * What an empty cell means; by default it is refused. `absent`: the record has no such field, and the file need not
   * have the column. `null`: the field is `null`, and the column is needed, because the record replaces what is
   * recorded: a forgotten column would remove it.
   */
  readonly empty?: 'absent' | 'null';
}

/** By name, in the order in which messages list them. */
export type RecordFields = Readonly<Record<string, RecordField>>;

type Source =
  | { readonly value: string }
  | { readonly column: string; readonly prefix: string; readonly values: Readonly<Record<string, string>> | undefined };

export interface RecordMapping extends FileFormat {
  /** Fields that the mapping names; the others have the columns of their names. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** @throws {TabularError} `MappingInvalid` with every fault */
export function recordMapping(value: unknown, fields: RecordFields, formatOfLocale: FormatOfLocale): RecordMapping {
  const faults: CellFault[] = [];
  const document = new ObjectReader('', value, faults);
  document.expectOnly([...Object.keys(fields), ...FILE_FORMAT_FIELDS]);
  const sources = new Map<string, Source>();
  for (const name of Object.keys(fields)) {
    if (!document.has(name)) continue;
    if (typeof document.get(name) === 'string')
      sources.set(name, { column: document.text(name), prefix: '', values: undefined });
    else sources.set(name, sourceOf(document.object(name)));
  }
  const mapping = { ...readFileFormat(document, formatOfLocale), sources };
  if (faults.length > 0) throw mappingInvalid(faults);
  return mapping;
}

function sourceOf(source: ObjectReader): Source {
  source.expectOnly(['column', 'prefix', 'values', 'value']);
  if (source.has('value')) return { value: source.text('value') };
  return {
    column: source.text('column'),
    prefix: source.optionalText('prefix') ?? '',
    values: source.optionalTexts('values'),
  };
}

export interface MappedRecord {
  /** Not checked beyond the form of its cells; absent where `faults` say why. */
  readonly record?: Readonly<Record<string, unknown>>;
  readonly faults: readonly CellFault[];
}

export interface RecordReader {
  readonly read: (row: number, cells: readonly string[]) => MappedRecord;
  /** The cell that a field comes from; undefined for a constant, or a field that the file does not have. */
  readonly placeOf: (field: string, row: number, cells: readonly string[]) => CellPlace | undefined;
}

/** @throws {TabularError} `ColumnsMissing` for columns that are needed and missing, or known to nobody */
export function createRecordReader(
  mapping: RecordMapping,
  fields: RecordFields,
  header: readonly string[],
): RecordReader {
  const sources = sourcesIn(header, mapping, fields);
  const cellReader = createCellReader(mapping);
  const placeOf = (field: string, row: number, cells: readonly string[]): CellPlace | undefined => {
    const source = sources.get(field);
    if (source === undefined || 'value' in source) return undefined;
    return { row, column: source.column, text: cells[header.indexOf(source.column)]?.trim() ?? '' };
  };
  return {
    placeOf,
    read(row, cells) {
      // Cells of a row of another length may be in the wrong columns.
      if (cells.length !== header.length)
        return {
          faults: [{ field: 'row', reason: `has ${cells.length} cells where the header has ${header.length}`, row }],
        };
      const faults: CellFault[] = [];
      const record: Record<string, unknown> = {};
      for (const [name, source] of sources) {
        const place = placeOf(name, row, cells) ?? { row, column: name, text: 'value' in source ? source.value : '' };
        const read = readField(place.text, source, fields[name], cellReader);
        if ('fault' in read) faults.push(faultOf(name, read.fault, place));
        else if (read.value !== undefined) record[name] = read.value;
      }
      return faults.length > 0 ? { faults } : { record, faults };
    },
  };
}

function sourcesIn(
  header: readonly string[],
  { sources }: RecordMapping,
  fields: RecordFields,
): ReadonlyMap<string, Source> {
  const faults: CellFault[] = [];
  const found = new Map<string, Source>();
  for (const [name, { empty }] of Object.entries(fields)) {
    const source = sources.get(name);
    if (source !== undefined) found.set(name, source);
    else if (header.includes(name) || empty !== 'absent')
      found.set(name, { column: name, prefix: '', values: undefined });
  }
  const columns = [...found.values()].flatMap((source) => ('column' in source ? [source.column] : []));
  faults.push(...missingColumns(columns, header));
  // With a mapping, the other columns are nobody's; without one, a column is there for a field.
  if (sources.size === 0) faults.push(...unknownNames(header, fields));
  if (faults.length > 0)
    throw new TabularError('ColumnsMissing', 'the columns of the file do not fit its fields', faults);
  return found;
}

function unknownNames(given: Iterable<string>, fields: RecordFields): readonly CellFault[] {
  const names = Object.keys(fields);
  return [...given]
    .filter((column) => !names.includes(column))
    .map((column) => {
      const nearest = suggest(column, names);
      const hint = nearest === undefined ? `known fields are ${names.join(', ')}` : `did you mean "${nearest}"?`;
      return { field: column, reason: `is not a field of these records; ${hint}` };
    });
}

type ReadField = { readonly value: string | number | true | null | undefined } | { readonly fault: string };

function readField(
  cell: string,
  source: Source,
  { kind, empty }: RecordField = { kind: 'text' },
  cellReader: ReturnType<typeof createCellReader>,
): ReadField {
  if (cell === '') {
    if (empty === undefined) return { fault: 'is empty' };
    return { value: empty === 'null' ? null : undefined };
  }
  const mapped = mappedText(cell, source);
  if (mapped === undefined) return { fault: `${JSON.stringify(cell)} is not one of the values that the mapping lists` };
  switch (kind) {
    case 'text':
      return { value: mapped };
    case 'day':
      return valueOf(cellReader.day(mapped));
    case 'number':
      return valueOf(cellReader.number(mapped));
    case 'whole': {
      const number = cellReader.number(mapped);
      if ('fault' in number) return number;
      return /^(0|[1-9][0-9]{0,14})$/.test(number.text)
        ? { value: Number(number.text) }
        : { fault: `${JSON.stringify(mapped)} is not a whole number` };
    }
    case 'flag':
      return mapped === 'true' || mapped === 'false'
        ? { value: mapped === 'true' ? true : undefined }
        : { fault: `${JSON.stringify(mapped)} is not true, false or empty` };
    default:
      return kind satisfies never;
  }
}

function valueOf(read: ReadCell): ReadField {
  return 'fault' in read ? read : { value: read.text };
}

function mappedText(cell: string, source: Source): string | undefined {
  if ('value' in source) return source.value;
  if (source.values === undefined) return source.prefix + cell;
  return Object.hasOwn(source.values, cell) ? source.prefix + source.values[cell] : undefined;
}

/** What is wrong with a record of unknown shape, such as a line of NDJSON: its fields and the types of their values. */
export function recordFaults(record: unknown, fields: RecordFields): readonly CellFault[] {
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    return [{ field: '', reason: 'must be an object' }];
  const values = new Map<string, unknown>(Object.entries(record));
  const faults: CellFault[] = [];
  faults.push(...unknownNames(values.keys(), fields));
  for (const [field, { kind, empty }] of Object.entries(fields)) {
    const value = values.get(field);
    if (value === undefined) {
      if (empty !== 'absent')
        faults.push({ field, reason: empty === 'null' ? 'is missing; null means none' : 'is missing' });
    } else if (value === null) {
      if (empty !== 'null') faults.push({ field, reason: 'must not be null' });
    } else if (kind === 'flag') {
      if (value !== true) faults.push({ field, reason: 'must be true' });
    } else if (kind === 'whole' ? !Number.isSafeInteger(value) : typeof value !== 'string' || value === '')
      faults.push({ field, reason: kind === 'whole' ? 'must be a whole number' : 'must be a text that is not empty' });
  }
  return faults;
}
