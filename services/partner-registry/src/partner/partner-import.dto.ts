/** What the routes that import files of partners accept and answer. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { CellFault } from '@tantieme/tabular/cell';
import { FILE_FORMATS } from '@tantieme/tabular/file-records';
import type { FileFormatName } from '@tantieme/tabular/file-records';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Length, MaxLength } from 'class-validator';

export const DATED_FILE_KINDS = ['tiers', 'uplines', 'agreements', 'certifications'] as const;
export type DatedFileKind = (typeof DATED_FILE_KINDS)[number];

export class DatedFilePath {
  @ApiProperty({ enum: DATED_FILE_KINDS, description: 'What the rows of the file are about' })
  @IsIn(DATED_FILE_KINDS)
  kind!: DatedFileKind;
}

export class PartnerFileQuery {
  @ApiPropertyOptional({ enum: FILE_FORMATS, description: 'How the file is written; by its content type if left out' })
  @IsOptional()
  @IsIn(FILE_FORMATS)
  format?: FileFormatName;

  @ApiPropertyOptional({ example: 'partners.csv', description: 'Name of the file, for the lines about refused rows' })
  @IsOptional()
  @IsString()
  @Length(1, 255)
  file?: string;

  @ApiPropertyOptional({
    example: '{"id":"Number","name":"Company"}',
    description:
      'CSV: the mapping document (JSON), unless it is sent as a header. Without one, the header names the fields',
  })
  @IsOptional()
  @IsString()
  mapping?: string;

  @ApiPropertyOptional({
    example: 'de-DE',
    description: 'CSV: how numbers and dates are written (BCP 47). Replaces `locale` of the mapping',
  })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  locale?: string;

  @ApiPropertyOptional({ default: false, description: 'True: answers what would happen, and writes nothing' })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean({ message: 'is neither true nor false' })
  dryRun: boolean = false;
}

class RowError implements CellFault {
  @ApiProperty({ example: 'from', description: 'Field of the row; empty for the whole row' })
  readonly field!: string;
  @ApiProperty({ example: '"31.02.2026" is not a date of the form dd.MM.yyyy' })
  readonly reason!: string;
  @ApiPropertyOptional({ example: 12, description: 'Row of the file; its first row, the header of a CSV file, is 1' })
  readonly row?: number;
  @ApiPropertyOptional({ example: 'Since', description: 'Name of the column' })
  readonly column?: string;
  @ApiPropertyOptional({ example: '31.02.2026', description: 'What the cell holds' })
  readonly cell?: string;
}

class RowLine {
  @ApiPropertyOptional({ example: 'partners.csv', description: 'Name of the file, as the client gave it' })
  readonly file?: string;
  @ApiProperty({ example: 12 })
  readonly row!: number;
  @ApiProperty({ example: 'P-1', description: 'Id of the partner; empty where the row does not name one' })
  readonly partner!: string;
  @ApiProperty({ type: [RowError] })
  readonly errors!: readonly RowError[];
}

export class RefusedRowLine extends RowLine {
  @ApiProperty({ enum: ['refused'] })
  readonly type!: 'refused';
  @ApiProperty({ example: 'PartnerInvalid' })
  readonly code!: string;
}

export class RowWarningLine extends RowLine {
  @ApiProperty({ enum: ['warning'] })
  readonly type!: 'warning';
}

export class PartnerImportResultLine {
  @ApiProperty({ enum: ['result'] })
  readonly type!: 'result';
  @ApiPropertyOptional({ description: 'True for a dry run: nothing was written' })
  readonly dryRun?: boolean;
  @ApiProperty({ example: 120, description: 'The sum of the other counts' })
  readonly rows!: number;
  @ApiProperty({ example: 100 })
  readonly changed!: number;
  @ApiProperty({ example: 18, description: 'Rows that say what is recorded already' })
  readonly unchanged!: number;
  @ApiProperty({ example: 2 })
  readonly refused!: number;
}
