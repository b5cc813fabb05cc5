import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { FISCAL_WEEKS, OVERS, PERIODS } from '@tantieme/time/calendar/document';
import type { Calendar, FiscalYear, Over } from '@tantieme/time/calendar/document';
import { DAY_DESCRIPTION, DAY_FORM } from '@tantieme/time/day';
import { CHANNEL_TYPES } from '@tantieme/contracts/partner';
import type { ChannelType } from '@tantieme/contracts/partner';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsDefined,
  IsIn,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
  ValidateNested,
} from 'class-validator';

import type { ProgrammeDocument } from './programme.js';

/** Tiers, plans, components of one programme: far more than a person writes. */
const ITEMS_MAX = 200;

class FiscalDto {
  @ApiProperty({ example: '02-01', description: 'month and day that the fiscal year starts on' })
  @Matches(/^\d{2}-\d{2}$/, { message: 'yearStarts must be month and day, as 02-01' })
  yearStarts!: string;

  @ApiPropertyOptional({
    enum: FISCAL_WEEKS,
    description: 'weeks of the months of a quarter; calendar months if left out',
  })
  @IsOptional()
  @IsIn(FISCAL_WEEKS)
  weeks?: NonNullable<FiscalYear['weeks']>;
}

class CalendarDto {
  @ApiProperty({ enum: PERIODS })
  @IsIn(PERIODS)
  periods!: Calendar['periods'];

  @ApiProperty({ example: 'Europe/Paris' })
  @IsString()
  @MaxLength(100)
  timeZone!: string;

  @ApiPropertyOptional({ example: '2026-01-05', description: 'a day on which a week or fortnight begins' })
  @IsOptional()
  @Matches(DAY_FORM, { message: `starts must be ${DAY_DESCRIPTION}` })
  starts?: string;

  @ApiPropertyOptional({ type: FiscalDto })
  @IsOptional()
  @ValidateNested()
  @Type(() => FiscalDto)
  fiscal?: FiscalDto;
}

class MeasureDto {
  @ApiProperty({ enum: ['basis'] })
  @IsIn(['basis'])
  of!: 'basis';

  @ApiProperty({ enum: OVERS })
  @IsIn(OVERS)
  over!: Over;

  @ApiPropertyOptional({ type: [String], description: 'plans whose lines count; all if left out' })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @IsString({ each: true })
  plans?: string[];

  @ApiPropertyOptional({ type: [String], description: 'components whose lines count; all if left out' })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @IsString({ each: true })
  components?: string[];
}

class EligibleDto {
  @ApiPropertyOptional({ enum: CHANNEL_TYPES, isArray: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @IsIn(CHANNEL_TYPES, { each: true })
  channel?: ChannelType[];
}

class TierDto {
  @ApiProperty({ example: '50000.00', description: 'measured basis from which on it pays: decimal text' })
  @IsString()
  @MaxLength(40)
  from!: string;

  @ApiProperty({ example: '500.00', description: 'decimal text' })
  @IsString()
  @MaxLength(40)
  pay!: string;
}

/** A programme as it comes in: its shape. What it means is checked by the domain. */
export class ProgrammeDto implements ProgrammeDocument {
  @ApiProperty({ example: 'volume-bonus-2026' })
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  programme!: string;

  @ApiProperty({ example: 'Volume bonus 2026' })
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  title!: string;

  @ApiProperty({ example: 'EUR' })
  @IsString()
  @MaxLength(3)
  currency!: string;

  @ApiProperty({ type: CalendarDto })
  @IsDefined()
  @ValidateNested()
  @Type(() => CalendarDto)
  calendar!: CalendarDto;

  @ApiProperty({ type: MeasureDto })
  @IsDefined()
  @ValidateNested()
  @Type(() => MeasureDto)
  measure!: MeasureDto;

  @ApiPropertyOptional({ type: EligibleDto })
  @IsOptional()
  @ValidateNested()
  @Type(() => EligibleDto)
  eligible?: EligibleDto;

  @ApiProperty({ type: [TierDto] })
  @IsArray()
  @ArrayMaxSize(ITEMS_MAX)
  @ValidateNested({ each: true })
  @Type(() => TierDto)
  tiers!: TierDto[];

  @ApiProperty({ example: '2026-01-01', description: 'windows count that start on this day or later' })
  @IsString()
  @MaxLength(10)
  from!: string;

  @ApiPropertyOptional({ example: '2027-01-01', description: 'windows count that start before this day' })
  @IsOptional()
  @IsString()
  @MaxLength(10)
  until?: string;
}
