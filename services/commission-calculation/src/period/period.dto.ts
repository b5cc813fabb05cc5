import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { ChoiceFilter, TextFilter } from '../fields.dto.js';
import { TEXT_LENGTH_MAX } from '../limits.js';
import { STAGES } from './period.js';
import type { Stage } from './period.js';
import { PERIOD_STATES } from './period.tables.js';

export class ClosePeriodBody {
  @ApiPropertyOptional({
    example: 'the partner of crm|D-1 will never register',
    description: 'Reason to close although deals are pending',
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(TEXT_LENGTH_MAX)
  force?: string;
}

export const PERIOD_SORTS = ['oldest', 'newest'] as const;
export type PeriodSort = (typeof PERIOD_SORTS)[number];

export class PeriodsQuery extends PageQuery {
  @TextFilter({ description: 'Key of the calendar', example: 'monthly@Europe/Paris' })
  calendar?: string;

  @ChoiceFilter(PERIOD_STATES, { description: 'State of the period' })
  state?: (typeof PERIOD_STATES)[number];

  @ChoiceFilter(PERIOD_SORTS, { description: 'By calendar and period, ascending or descending', default: 'oldest' })
  sort: PeriodSort = 'oldest';
}

export class PeriodRead {
  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ example: '2026-03' })
  readonly period!: string;

  @ApiProperty({ enum: ['open', 'closing', 'closed'], example: 'closing' })
  readonly state!: 'open' | 'closing' | 'closed';

  @ApiProperty({
    enum: STAGES,
    isArray: true,
    example: ['facts-credited'],
    description: 'Stages the closing has passed',
  })
  readonly stages!: readonly Stage[];

  @ApiProperty({ example: 0, description: 'Earning streams in the manifest so far' })
  readonly streams!: number;

  @ApiProperty({ example: 0, description: 'Ledger lines in the manifest so far' })
  readonly lines!: number;
}

export class PeriodListed {
  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ example: '2026-03' })
  readonly period!: string;

  @ApiProperty({ enum: PERIOD_STATES, example: 'closed' })
  readonly state!: (typeof PERIOD_STATES)[number];

  @ApiProperty({ example: '2026-04-02T08:00:00.000Z', description: 'When the closing began' })
  readonly closingSince!: string;

  @ApiProperty({ example: 'fiona@example.com', description: 'Subject of the person who started the closing' })
  readonly closedBy!: string;
}
