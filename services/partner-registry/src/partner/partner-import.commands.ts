/** Files of partners, and of what they have from day to day. */
import { Inject, PayloadTooLargeException } from '@nestjs/common';
import { Command, CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { CommandRoles } from '@tantieme/service-kit/access/auth';
import { tabularProblem } from '@tantieme/service-kit/http/tabular-problem';
import type { CellFault } from '@tantieme/tabular/cell';
import { fileRecords } from '@tantieme/tabular/file-records';
import type { FileFormatName, FileRecord } from '@tantieme/tabular/file-records';
import { isKnownCountry } from './country.service.js';
import { documentRow, FIELDS_OF_FILE, recordRow } from './partner-files.js';
import type { PartnerFileKind, PartnerRow } from './partner-files.js';
import { Registry } from './registry.service.js';
import type { ChangeResult, PartnerRequest } from './registry.service.js';
import type { RequestedChange } from './requested-change.js';
import { unknownCountry } from './warnings.js';
import { FILE_BYTES_MAX } from '../limits.js';

/** Lines of the report: refused rows and warnings in order of the file, then the counts. */
export type ReportLine =
  | {
      readonly type: 'refused';
      /** Name of the file, as the client gave it. */
      readonly file?: string;
      readonly row: number;
      /** Empty where the row does not name one. */
      readonly partner: string;
      readonly code: string;
      readonly errors: readonly CellFault[];
    }
  | {
      readonly type: 'warning';
      readonly file?: string;
      readonly row: number;
      readonly partner: string;
      readonly errors: readonly CellFault[];
    }
  | {
      readonly type: 'result';
      readonly dryRun?: true;
      readonly rows: number;
      readonly changed: number;
      readonly unchanged: number;
      readonly refused: number;
    };

export interface PartnerFile {
  readonly kind: PartnerFileKind;
  readonly format: FileFormatName;
  /** Name of the file, as the client gave it. */
  readonly file?: string | undefined;
  readonly stream: AsyncIterable<Uint8Array | string>;
  /** The mapping document of a CSV file. */
  readonly mapping: object;
  /** True: what the rows state is withdrawn instead of recorded. */
  readonly withdraw: boolean;
  /** True: nothing is written. */
  readonly dryRun: boolean;
}

@CommandRoles('plan-designer', 'operator')
export class ImportPartners extends Command<readonly ReportLine[]> {
  constructor(
    readonly file: PartnerFile,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ImportPartners)
export class ImportPartnersHandler implements ICommandHandler<ImportPartners> {
  constructor(@Inject(Registry) private readonly registry: Registry) {}

  /** @throws {DomainError} `FileUnreadable`, `MappingInvalid`, `ColumnsMissing`: then no row of the file is used */
  async execute({ file, context }: ImportPartners): Promise<readonly ReportLine[]> {
    const records = await recordsOf(file);
    const rows = records.map((record) => rowOf(file, record));
    const requests = rows.filter((row): row is PartnerRequest => 'change' in row);
    const results = file.dryRun
      ? await this.registry.tryAll(requests, context)
      : await this.registry.changeAll(requests, context);
    return reportOf(file, records, rows, results);
  }
}

/** All of the file, before any of it is used: a file that breaks off changes nothing. */
async function recordsOf({ kind, format, stream, mapping }: PartnerFile): Promise<readonly FileRecord[]> {
  let bytes = 0;
  async function* limited(): AsyncGenerator<Uint8Array | string> {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > FILE_BYTES_MAX) return;
      yield chunk;
    }
  }
  const records: FileRecord[] = [];
  try {
    for await (const record of fileRecords(limited(), format, FIELDS_OF_FILE[kind], mapping)) records.push(record);
  } catch (error) {
    if (bytes <= FILE_BYTES_MAX) throw tabularProblem(error);
  }
  if (bytes > FILE_BYTES_MAX)
    throw new PayloadTooLargeException(`a file of partners may have ${FILE_BYTES_MAX} bytes; split it`);
  return records;
}

function rowOf({ kind, format, withdraw }: PartnerFile, { record, faults }: FileRecord): PartnerRow {
  if (faults.length > 0) return { id: '', faults };
  return kind === 'partners' && format === 'ndjson' ? documentRow(record) : recordRow(kind, record, withdraw);
}

function reportOf(
  file: PartnerFile,
  records: readonly FileRecord[],
  rows: readonly PartnerRow[],
  results: readonly ChangeResult[],
): readonly ReportLine[] {
  const counts = { changed: 0, unchanged: 0, refused: 0 };
  const lines: ReportLine[] = [];
  const remaining = results.values();
  for (const [index, row] of rows.entries()) {
    const record = records[index];
    if (record === undefined) throw new Error('a row has no record');
    const result = 'change' in row ? remaining.next().value : undefined;
    const refusal = refusalOf(row, result);
    counts[refusal === undefined ? (result?.outcome ?? 'refused') : 'refused'] += 1;
    const place = omitUndefined({ file: file.file, row: record.row, partner: row.id });
    if (refusal !== undefined)
      lines.push({ type: 'refused', ...place, code: refusal.code, errors: record.located(refusal.errors) });
    else if ('change' in row && hasUnknownCountry(row.change))
      lines.push({ type: 'warning', ...place, errors: record.located([countryWarning(row.change)]) });
  }
  return [...lines, { type: 'result', ...(file.dryRun ? { dryRun: true } : {}), rows: rows.length, ...counts }];
}

interface RowRefusal {
  readonly code: string;
  readonly errors: readonly CellFault[];
}

function refusalOf(row: PartnerRow, result: ChangeResult | undefined): RowRefusal | undefined {
  if ('faults' in row) return { code: 'PartnerInvalid', errors: row.faults };
  if (result === undefined) throw new Error('a change has no result');
  if (result.outcome !== 'refused') return undefined;
  const { code, message, fields } = result.error;
  const errors = fields.map(({ field, reason }) => ({ field: fieldOfRow(row.change, field), reason }));
  return { code, errors: errors.length > 0 ? errors : [{ field: '', reason: message }] };
}

/** A flat row has `until`, where the change that it makes has `agreement.until`. */
function fieldOfRow({ kind }: RequestedChange, field: string): string {
  return kind === 'document' ? field : (field.split('.').at(-1) ?? field);
}

type WithCountry = Extract<RequestedChange, { readonly kind: 'details' | 'document' }>;

function hasUnknownCountry(change: RequestedChange): change is WithCountry {
  return (change.kind === 'details' || change.kind === 'document') && !isKnownCountry(countryIn(change));
}

function countryIn(change: WithCountry): string {
  return change.kind === 'details' ? change.details.country : change.partner.country;
}

function countryWarning(change: WithCountry): CellFault {
  return { field: 'country', reason: unknownCountry(countryIn(change)) };
}
