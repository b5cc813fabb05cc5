/**
 * Requests and answers of the programme routes. The DTO checks the shape of a document; `compileProgramme` checks what
 * its fields mean. `programme.dto.spec.ts` compares the DTO with the OpenAPI document and with the JSON Schema of
 * calendars.
 */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { ChannelType } from '@tantieme/contracts/partner';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { FISCAL_WEEKS, OVERS, PERIODS } from '@tantieme/time/calendar/document';
import type { Calendar, FiscalYear, Over } from '@tantieme/time/calendar/document';
import { DAY_DESCRIPTION, DAY_FORM } from '@tantieme/time/day';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';

import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import type { ProgrammeDocument } from './programme.js';
import { ITEMS_MAX, AMOUNT_LENGTH_MAX } from '../limits.js';

const DATE_LENGTH = 10;

export class FiscalYearDto {
  @ApiProperty({
    pattern: '^\\d{2}-\\d{2}$',
    example: '02-01',
    description: 'Month and day on which the fiscal year starts',
  })
  @Matches(/^\d{2}-\d{2}$/, { message: 'is not a month and day (MM-DD)' })
  yearStarts!: string;

  @ApiPropertyOptional({
    enum: FISCAL_WEEKS,
    description: 'Weeks of the three months of a quarter; calendar months if absent',
  })
  @IsOptional()
  @IsIn(FISCAL_WEEKS)
  weeks?: NonNullable<FiscalYear['weeks']>;
}

export class CalendarDto {
  @ApiProperty({ enum: PERIODS, description: 'Length of a period', example: 'monthly' })
  @IsIn(PERIODS)
  periods!: Calendar['periods'];

  @ApiProperty({
    minLength: 1,
    maxLength: 64,
    example: 'Europe/Paris',
    description: 'IANA time zone: days begin and end at its midnight',
  })
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  timeZone!: string;

  @ApiPropertyOptional({
    pattern: DAY_FORM.source,
    example: '2026-01-05',
    description: 'A day on which a week or fortnight begins',
  })
  @IsOptional()
  @Matches(DAY_FORM, { message: `must be ${DAY_DESCRIPTION}` })
  starts?: string;

  @ApiPropertyOptional({ type: FiscalYearDto, description: 'The calendar year if absent' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => FiscalYearDto)
  fiscal?: FiscalYearDto;
}

export class MeasureDto {
  @ApiProperty({ enum: ['basis'], description: 'The basis of ledger lines, summed', example: 'basis' })
  @IsIn(['basis'])
  of!: 'basis';

  @ApiProperty({ enum: OVERS, description: 'The window that is measured', example: 'quarter' })
  @IsIn(OVERS)
  over!: Over;

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', maxLength: ID_LENGTH_MAX },
    maxItems: ITEMS_MAX,
    description: 'Plans whose lines count; all plans of the calendar and currency if absent',
    example: ['resellers-2026'],
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @IsString({ each: true })
  @MaxLength(ID_LENGTH_MAX, { each: true })
  plans?: string[];

  @ApiPropertyOptional({
    type: 'array',
    items: { type: 'string', maxLength: ID_LENGTH_MAX },
    maxItems: ITEMS_MAX,
    description: 'Components whose lines count; all components if absent',
    example: ['hardware'],
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @IsString({ each: true })
  @MaxLength(ID_LENGTH_MAX, { each: true })
  components?: string[];
}

export class EligibleDto {
  @ApiPropertyOptional({
    enum: CHANNEL_TYPES,
    isArray: true,
    maxItems: ITEMS_MAX,
    description: 'Channels whose partners take part; all channels if absent',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @IsIn(CHANNEL_TYPES, { each: true })
  channel?: ChannelType[];
}

export class TierDto {
  @ApiProperty({
    maxLength: AMOUNT_LENGTH_MAX,
    example: '50000.00',
    description: 'The tier is reached from this measured basis on: decimal text',
  })
  @IsString()
  @MaxLength(AMOUNT_LENGTH_MAX)
  from!: string;

  @ApiProperty({ maxLength: AMOUNT_LENGTH_MAX, example: '500.00', description: 'What the tier pays: decimal text' })
  @IsString()
  @MaxLength(AMOUNT_LENGTH_MAX)
  pay!: string;
}

export class ProgrammeDto implements ProgrammeDocument {
  @ApiProperty({ minLength: 1, maxLength: 100, example: 'volume-bonus-2026', description: 'Id of the programme' })
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  programme!: string;

  @ApiProperty({ minLength: 1, maxLength: 200, example: 'Volume bonus 2026', description: 'Name for people' })
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  title!: string;

  @ApiProperty({
    maxLength: 3,
    example: 'EUR',
    description: 'Currency of its amounts and of the measured plans, an ISO 4217 code',
  })
  @IsString()
  @MaxLength(3)
  currency!: string;

  @ApiProperty({ type: CalendarDto, description: 'Calendar of the measured plans' })
  @IsObject()
  @ValidateNested()
  @Type(() => CalendarDto)
  calendar!: CalendarDto;

  @ApiProperty({ type: MeasureDto, description: 'What is measured' })
  @IsObject()
  @ValidateNested()
  @Type(() => MeasureDto)
  measure!: MeasureDto;

  @ApiPropertyOptional({ type: EligibleDto, description: 'Who takes part; everybody if absent' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => EligibleDto)
  eligible?: EligibleDto;

  @ApiProperty({
    type: [TierDto],
    minItems: 1,
    maxItems: ITEMS_MAX,
    description: 'In rising order of `from`; only the highest tier that is reached pays',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => TierDto)
  tiers!: TierDto[];

  @ApiProperty({
    maxLength: DATE_LENGTH,
    example: '2026-01-01',
    description: 'Windows that start on this day or later count',
  })
  @IsString()
  @MaxLength(DATE_LENGTH)
  from!: string;

  @ApiPropertyOptional({
    maxLength: DATE_LENGTH,
    example: '2027-01-01',
    description: 'Windows that start on this day or later do not count',
  })
  @IsOptional()
  @IsString()
  @MaxLength(DATE_LENGTH)
  until?: string;
}

export class ProgrammesQuery extends PageQuery {
  @ApiPropertyOptional({
    description: 'Only programmes whose id or title contains each of these words, in upper or lower case',
    example: 'volume 2026',
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  text?: string;
}

export class ProgrammeReceipt {
  @ApiProperty({ description: 'Id of the programme', example: 'volume-bonus-2026' })
  readonly programme!: string;

  @ApiProperty({
    description: 'SHA-256 in hex of the canonical JSON of the document',
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  readonly hash!: string;

  @ApiProperty({ description: 'False if the same document was published before', example: true })
  readonly isNew!: boolean;
}

export class PublishedProgramme {
  @ApiProperty({ description: 'Id of the programme', example: 'volume-bonus-2026' })
  readonly programme!: string;

  @ApiProperty({
    description: 'SHA-256 in hex of the canonical JSON of the document',
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  readonly hash!: string;

  @ApiProperty({ description: 'When it was published', example: '2026-01-01T08:00:00.000Z' })
  readonly publishedAt!: string;

  @ApiProperty({ description: 'Who published it', example: 'dora' })
  readonly publishedBy!: string;

  @ApiProperty({ type: ProgrammeDto, description: 'The document as it was published' })
  readonly document!: ProgrammeDocument;
}
