/** Records of a file, row by row, whether it is CSV or NDJSON. */
import { faultOf } from './cell.js';
import type { CellFault, CellPlace } from './cell.js';
import { csvRows } from './csv-rows.js';
import { formatOfLocale } from './locale.js';
import { ndjsonLines } from './ndjson-lines.js';
import { createRecordReader, recordMapping } from './record-mapping.js';
import type { RecordFields, RecordReader } from './record-mapping.js';

export const FILE_FORMATS = ['ndjson', 'csv'] as const;
export type FileFormatName = (typeof FILE_FORMATS)[number];

export interface FileRecord {
  /** Number of the row in the file, from 1. */
  readonly row: number;
  /** Not checked beyond the form of its cells; undefined where `faults` say why. */
  readonly record: unknown;
  readonly faults: readonly CellFault[];
  /** Adds to faults that were found later where in the file they are. */
  readonly located: (faults: readonly CellFault[]) => readonly CellFault[];
}

/**
 * @param mapping the mapping document of a CSV file; without one, the header names the fields
 * @throws {TabularError} `FileUnreadable`, `MappingInvalid`, `ColumnsMissing`
 */
export function fileRecords(
  stream: AsyncIterable<Uint8Array | string>,
  format: FileFormatName,
  fields: RecordFields,
  mapping: unknown = {},
): AsyncGenerator<FileRecord> {
  return format === 'csv' ? csvRecords(stream, fields, mapping) : ndjsonRecords(stream);
}

async function* csvRecords(
  stream: AsyncIterable<Uint8Array | string>,
  fields: RecordFields,
  document: unknown,
): AsyncGenerator<FileRecord> {
  const mapping = recordMapping(document, fields, formatOfLocale);
  let reader: RecordReader | undefined;
  for await (const { row, cells, fault } of csvRows(stream, mapping)) {
    if (reader === undefined) {
      reader = createRecordReader(mapping, fields, cells);
      continue;
    }
    const { placeOf } = reader;
    const { record, faults } = fault === undefined ? reader.read(row, cells) : brokenRow(row, fault);
    yield { row, record, faults, located: (later) => later.map((one) => at(one, row, placeOf(one.field, row, cells))) };
  }
}

function brokenRow(
  row: number,
  reason: string,
): { readonly record?: undefined; readonly faults: readonly CellFault[] } {
  return { faults: [{ field: 'row', reason, row }] };
}

async function* ndjsonRecords(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<FileRecord> {
  for await (const lines of ndjsonLines(stream))
    for (const { row, text, fault } of lines) {
      const parsed = fault === undefined ? parsedJson(text) : { fault };
      const faults = 'fault' in parsed ? [{ field: 'line', reason: parsed.fault, row }] : [];
      const record = 'value' in parsed ? parsed.value : undefined;
      yield { row, record, faults, located: (later) => later.map((one) => at(one, row, undefined)) };
    }
}

function at(fault: CellFault, row: number, place: CellPlace | undefined): CellFault {
  return place === undefined ? { ...fault, row } : faultOf(fault.field, fault.reason, place);
}

export type ParsedJson = { readonly value: unknown } | { readonly fault: string };

/** A JSON text, or why it is none. */
export function parsedJson(text: string): ParsedJson {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { fault: `is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
