/** What the routes of refusals accept and answer. */
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import type { CellFault } from '@tantieme/tabular/cell';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { DISCARDED, REFUSAL_KINDS, RESOLUTIONS } from './refusal.js';
import type { RefusalKind } from './refusal.js';

export const REFUSAL_STATES = ['open', 'resolved'] as const;
export type RefusalListState = (typeof REFUSAL_STATES)[number];

/** How refusals end. */
export const ENDS = [...RESOLUTIONS, DISCARDED] as const;

export const REFUSAL_SORTS = ['at', '-at'] as const;
export type RefusalSort = (typeof REFUSAL_SORTS)[number];

export class RefusalPath {
  @ApiProperty({
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    description: 'Id of the refusal',
  })
  @Matches(/^[0-9a-f]{64}$/, { message: 'is not the id of a refusal: 64 digits from 0 to f' })
  id!: string;
}

export class RefusalsQuery extends PageQuery {
  @ApiPropertyOptional({ example: '9f86d081884c', description: 'Only refusals whose id starts with these digits' })
  @IsOptional()
  @Matches(/^[0-9a-f]{1,64}$/, { message: 'is not the beginning of the id of a refusal: up to 64 digits from 0 to f' })
  id?: string;

  @ApiPropertyOptional({ enum: REFUSAL_STATES, description: 'Only refusals in this state; both if left out' })
  @IsOptional()
  @IsIn(REFUSAL_STATES)
  state?: RefusalListState;

  @ApiPropertyOptional({ enum: REFUSAL_KINDS, description: 'Only refusals of this kind' })
  @IsOptional()
  @IsIn(REFUSAL_KINDS)
  kind?: RefusalKind;

  @ApiPropertyOptional({ example: 'crm', description: 'Only refusals of this source system' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  source?: string;

  @ApiPropertyOptional({ example: 'march.csv', description: 'Only refusals from a file of this name' })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  file?: string;

  @ApiPropertyOptional({
    example: '0190f6f2-7d3c-4b7e-9a51-3f3a5b7f6c11',
    description: 'Only refusals that this import brought, also where an earlier one had brought them already',
  })
  @IsOptional()
  @IsString()
  @Length(1, 100)
  import?: string;

  @ApiPropertyOptional({
    example: 'D-10',
    description: 'Only refusals whose deal starts with this text, or whose content or reasons contain it',
  })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  text?: string;

  @ApiPropertyOptional({
    enum: REFUSAL_SORTS,
    default: 'at',
    description: 'Order by time; with a minus sign, the newest first',
  })
  @IsOptional()
  @IsIn(REFUSAL_SORTS)
  sort: RefusalSort = 'at';
}

/** A reason, and where in the file it is. */
export class RefusalError implements CellFault {
  @ApiProperty({
    example: 'terms.lines.0.net',
    description: 'Path of the field in the fact, or the column where no field could be filled',
  })
  readonly field!: string;

  @ApiProperty({ example: '"1.234.5" is not a number with "," before its decimals and "." between thousands' })
  readonly reason!: string;

  @ApiPropertyOptional({ example: 12, description: 'Row of the file; its first row, the header of a CSV file, is 1' })
  readonly row?: number;

  @ApiPropertyOptional({ example: 'Net', description: 'Name of the column' })
  readonly column?: string;

  @ApiPropertyOptional({ example: '1.234.5', description: 'What the cell holds' })
  readonly cell?: string;
}

class RefusalDiscardRead {
  @ApiProperty({ example: 'an order of last year, which the old system pays' })
  readonly reason!: string;

  @ApiProperty({ description: 'Subject of the person who proposed it', example: 'olga@example.com' })
  readonly proposedBy!: string;

  @ApiProperty({ description: 'Subject of the person who confirmed it', example: 'ada@example.com' })
  readonly confirmedBy!: string;
}

export class Refusal {
  @ApiProperty({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' })
  readonly id!: string;

  @ApiProperty({ example: '2026-03-05T10:00:00.000Z', description: 'When it arrived first' })
  readonly at!: string;

  @ApiProperty({ enum: REFUSAL_STATES })
  readonly state!: RefusalListState;

  @ApiProperty({
    enum: REFUSAL_KINDS,
    description: '`invalid`: it is not a valid fact. `conflict`: the same fact is recorded with other content',
  })
  readonly kind!: RefusalKind;

  @ApiPropertyOptional({ example: 'crm', description: 'The source system, as far as it can be read' })
  readonly source?: string;

  @ApiPropertyOptional({ example: 'D-1042', description: 'Id of the deal, as far as it can be read' })
  readonly deal?: string;

  @ApiPropertyOptional({ example: 'returned:R-1', description: 'Which fact of the deal, as far as it can be read' })
  readonly fact?: string;

  @ApiPropertyOptional({
    example: '0190f6f2-7d3c-4b7e-9a51-3f3a5b7f6c11',
    description: 'The import that brought it first',
  })
  readonly import?: string;

  @ApiPropertyOptional({ example: 'march.csv', description: 'Name of the file, as the client gave it' })
  readonly file?: string;

  @ApiPropertyOptional({ type: [Number], example: [12, 13], description: 'Rows of the file that make the fact' })
  readonly rows?: readonly number[];

  @ApiProperty({ type: [RefusalError] })
  readonly errors!: readonly RefusalError[];

  @ApiProperty({
    example: '{"Order":"D-1042","Net":"1.234.5"}',
    description: 'What was sent: the fact as JSON, or the rows of a CSV file as JSON objects',
  })
  readonly raw!: string;

  @ApiPropertyOptional({
    description: 'In a list, true where `raw` is only the beginning: the refusal itself has all of it',
  })
  readonly truncated?: boolean;

  @ApiProperty({ example: 'olga', description: 'Who sent it' })
  readonly actor!: string;

  @ApiPropertyOptional({
    enum: ENDS,
    description:
      '`recorded`: the same fact arrived later and was right. `amended`: an amendment replaced the terms in conflict. `revised`: a higher revision of the fact replaced both. `withdrawn`: the fact was withdrawn. `retried`: it was recorded from what was stored. `discarded`: two people decided that nobody has to correct it',
  })
  readonly resolution?: (typeof ENDS)[number];

  @ApiPropertyOptional({ example: '2026-03-06T08:00:00.000Z' })
  readonly resolvedAt?: string;

  @ApiPropertyOptional({ type: RefusalDiscardRead, description: 'Who discarded it, and why' })
  readonly discard?: RefusalDiscardRead;
}
