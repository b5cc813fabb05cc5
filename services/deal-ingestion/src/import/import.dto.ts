/** What the routes of imports accept and answer. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsIn, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { REFUSAL_STATES, RefusalError } from '../refusal/refusal.dto.js';
import type { RefusalListState } from '../refusal/refusal.dto.js';
import { FACT_KINDS } from '../deal/deal-fact.js';
import type { DealFactKind } from '@tantieme/contracts/deal';
import { IMPORT_FORMATS } from './import.js';
import type { ImportCounts, ImportFormat, UndoneImport } from './import.js';

export class ImportPath {
  @ApiProperty({ example: '0190f6f2-7d3c-4b7e-9a51-3f3a5b7f6c11', description: 'Id of the import' })
  @IsString()
  @Length(1, 100)
  id!: string;
}

export const IMPORT_SORTS = ['at', '-at'] as const;
export type ImportSort = (typeof IMPORT_SORTS)[number];

export const IMPORT_STATES = ['running', 'interrupted', 'completed', 'failed', 'undone'] as const;
export type ImportListState = (typeof IMPORT_STATES)[number];

export class ImportsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: IMPORT_STATES, description: 'Only imports in this state' })
  @IsOptional()
  @IsIn(IMPORT_STATES)
  state?: ImportListState;

  @ApiPropertyOptional({ example: 'march', description: 'Only files whose name contains this text' })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  file?: string;

  @ApiPropertyOptional({ example: 'olga', description: 'Only imports by this person or system' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  actor?: string;

  @ApiPropertyOptional({
    enum: IMPORT_SORTS,
    default: '-at',
    description: 'Order by time; with a minus sign, the newest first',
  })
  @IsOptional()
  @IsIn(IMPORT_SORTS)
  sort: ImportSort = '-at';
}

export class RejectedQuery {
  @ApiPropertyOptional({
    enum: REFUSAL_STATES,
    description: 'Only rows whose refusal is in this state; all if left out',
  })
  @IsOptional()
  @IsIn(REFUSAL_STATES)
  state?: RefusalListState;
}

export class ImportCountsBody implements ImportCounts {
  @ApiProperty({ example: 1200, description: 'The sum of the other counts' })
  readonly facts!: number;
  @ApiProperty({ example: 1180, description: 'New facts' })
  readonly accepted!: number;
  @ApiProperty({ example: 15, description: 'Recorded before with the same content' })
  readonly repeated!: number;
  @ApiProperty({ example: 1, description: 'Recorded before with other content, and refused' })
  readonly conflicts!: number;
  @ApiProperty({ example: 4, description: 'Not valid, and refused' })
  readonly refused!: number;
}

export class ImportFailure {
  @ApiProperty({ example: 'FileUnreadable' })
  readonly code!: string;
  @ApiProperty({ example: 'nothing was imported: the file has no header' })
  readonly detail!: string;
}

export class Import {
  @ApiProperty({ example: '0190f6f2-7d3c-4b7e-9a51-3f3a5b7f6c11' })
  readonly id!: string;

  @ApiPropertyOptional({ example: 'march.csv', description: 'Name of the file, as the client gave it' })
  readonly file?: string;

  @ApiProperty({ enum: IMPORT_FORMATS })
  readonly format!: ImportFormat;

  @ApiProperty({
    enum: IMPORT_STATES,
    description:
      '`interrupted`: the server was killed meanwhile; the counts say how far it came, and importing the file again records the rest',
  })
  readonly state!: ImportListState;

  @ApiProperty({ example: 'olga', description: 'Who imported the file' })
  readonly actor!: string;

  @ApiProperty({ example: '2026-03-05T10:00:00.000Z', description: 'When the import started' })
  readonly at!: string;

  @ApiPropertyOptional({ example: '2026-03-05T10:00:07.000Z' })
  readonly endedAt?: string;

  @ApiPropertyOptional({ example: 1200, description: 'The sum of the other counts: so far, until the import ends' })
  readonly facts?: number;

  @ApiPropertyOptional({ example: 1180, description: 'New facts' })
  readonly accepted?: number;

  @ApiPropertyOptional({ example: 15, description: 'Recorded before with the same content' })
  readonly repeated?: number;

  @ApiPropertyOptional({ example: 1, description: 'Recorded before with other content, and refused' })
  readonly conflicts?: number;

  @ApiPropertyOptional({ example: 4, description: 'Not valid, and refused' })
  readonly refused?: number;

  @ApiPropertyOptional({ example: '2026-03-06T09:00:00.000Z', description: 'When it was undone last' })
  readonly undoneAt?: string;

  @ApiPropertyOptional({ example: 1178, description: 'Facts that were withdrawn when it was undone' })
  readonly withdrawn?: number;

  @ApiPropertyOptional({
    example: 2,
    description: 'Facts that a higher revision from elsewhere had replaced: they stay',
  })
  readonly replaced?: number;

  @ApiPropertyOptional({ type: ImportFailure, description: 'Why a failed import ended' })
  readonly error?: ImportFailure;
}

// ── Lines of the answer to an undo ──────────────────────────────────────────────────────────────────────────────────

export class UndoneFactLine {
  @ApiProperty({
    enum: ['withdrawn', 'replaced'],
    description: '`withdrawn`: by this request. `replaced`: a higher revision from elsewhere counts, and it stays',
  })
  readonly type!: 'withdrawn' | 'replaced';
  @ApiProperty({ example: 'crm' })
  readonly source!: string;
  @ApiProperty({ example: 'D-1042' })
  readonly deal!: string;
  @ApiProperty({ example: 'returned:R-1', description: 'Which fact of the deal' })
  readonly fact!: string;
}

export class UndoResultLine implements UndoneImport {
  @ApiProperty({ enum: ['result'] })
  readonly type!: 'result';
  @ApiProperty({ description: 'True: nothing was withdrawn' })
  readonly dryRun!: boolean;
  @ApiProperty({ example: 1178, description: 'Facts that are withdrawn by this request' })
  readonly withdrawn!: number;
  @ApiProperty({ example: 0, description: 'Facts that were withdrawn before' })
  readonly withdrawnBefore!: number;
  @ApiProperty({ example: 2, description: 'Facts that a higher revision from elsewhere replaced: they stay' })
  readonly replaced!: number;
  @ApiProperty({ type: () => [AmountTotalBody], description: 'Amounts of the facts that are withdrawn' })
  readonly amounts!: readonly AmountTotalBody[];
}

// ── Lines of the answer to an import ────────────────────────────────────────────────────────────────────────────────

export class ImportStartedLine {
  @ApiProperty({ enum: ['started'] })
  readonly type!: 'started';
  @ApiProperty({ example: '0190f6f2-7d3c-4b7e-9a51-3f3a5b7f6c11', description: 'Id of the import' })
  readonly import!: string;
}

export class ImportProgressLine {
  @ApiProperty({ enum: ['progress'] })
  readonly type!: 'progress';
  @ApiProperty({ example: 5000, description: 'Facts read so far' })
  readonly staged!: number;
  @ApiProperty({ example: 3000, description: 'Facts recorded or refused so far' })
  readonly done!: number;
}

export class WouldBeRefusedLine {
  @ApiProperty({ enum: ['conflict', 'refused'] })
  readonly type!: 'conflict' | 'refused';
  @ApiProperty({ example: 'FactInvalid' })
  readonly code!: string;
  @ApiPropertyOptional({ example: 'erp' })
  readonly source?: string;
  @ApiPropertyOptional({ example: 'D-1042' })
  readonly deal?: string;
  @ApiPropertyOptional({ example: 'booked', description: 'Which fact of the deal' })
  readonly fact?: string;
  @ApiPropertyOptional({ type: [Number], example: [12, 13], description: 'Rows of the file that make the fact' })
  readonly rows?: readonly number[];
  @ApiProperty({ type: [RefusalError] })
  readonly errors!: readonly RefusalError[];
}

export class AmountTotalBody {
  @ApiProperty({ enum: FACT_KINDS })
  readonly kind!: DealFactKind;
  @ApiProperty({ example: 'EUR' })
  readonly currency!: string;
  @ApiProperty({ example: 1180 })
  readonly facts!: number;
  @ApiProperty({ example: '412033.50', description: 'Net of the lines, or the amounts paid' })
  readonly amount!: string;
}

export class ImportResultLine extends ImportCountsBody {
  @ApiProperty({ enum: ['result'] })
  readonly type!: 'result';
  @ApiPropertyOptional({ description: 'True for a dry run: nothing was written' })
  readonly dryRun?: boolean;
  @ApiPropertyOptional({
    type: [AmountTotalBody],
    description: 'Of a dry run: amounts of the facts that would be accepted',
  })
  readonly amounts?: readonly AmountTotalBody[];
}

export class ImportErrorLine {
  @ApiProperty({ enum: ['error'] })
  readonly type!: 'error';
  @ApiProperty({ example: 'ColumnsMissing' })
  readonly code!: string;
  @ApiProperty({ example: 'the mapping names columns that the file does not have once' })
  readonly detail!: string;
  @ApiProperty({ type: [RefusalError] })
  readonly errors!: readonly RefusalError[];
  @ApiProperty({ example: '6f1c7f0e-3a52-4b44-8a9e-7e8f0e7d1b11' })
  readonly correlationId!: string;
}

export const MAPPING_EXAMPLE = {
  source: 'erp',
  kind: 'booked',
  deal: 'Order',
  occurredAt: { column: 'Date', timeZone: 'Europe/Berlin' },
  locale: 'de-DE',
  currency: 'EUR',
  line: { id: 'Row', product: 'Product', net: 'Net' },
  partners: { seller: 'Partner' },
};

export const CSV_EXAMPLE = 'Order;Row;Date;Product;Net;Partner\nD-1042;1;05.03.2026;P-7;1.234,50;P-1\n';
