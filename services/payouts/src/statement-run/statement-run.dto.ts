/** Requests and answers of the statement-run routes. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsIn, IsOptional, Matches } from 'class-validator';

import { CALENDAR, PERIOD } from '../account/account-filter.dto.js';

export const STATEMENT_RUN_STATES = ['awaiting-manifests', 'issuing', 'issued', 'withdrawn'] as const;
export type StatementRunState = (typeof STATEMENT_RUN_STATES)[number];

const STATE_DESCRIPTION =
  '`awaiting-manifests`: commissions or rewards have not closed the period. `issuing`: statements wait for their lines or are being written. `issued`: every statement can be read. `withdrawn`: the period was reopened';

export class StatementRunsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only of this calendar', example: CALENDAR.example })
  @IsOptional()
  @Matches(CALENDAR.pattern, { message: CALENDAR.message })
  calendar?: string;

  @ApiPropertyOptional({ description: 'Only of this period', example: PERIOD.example })
  @IsOptional()
  @Matches(PERIOD.pattern, { message: PERIOD.message })
  period?: string;

  @ApiPropertyOptional({ enum: STATEMENT_RUN_STATES, description: STATE_DESCRIPTION })
  @IsOptional()
  @IsIn(STATEMENT_RUN_STATES)
  state?: StatementRunState;
}

export class ManifestProgress {
  @ApiProperty({ type: 'integer', description: 'Pages received', example: 2 })
  readonly received!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Pages of the whole manifest; 0 until the first page arrives',
    example: 3,
  })
  readonly pages!: number;
}

export class ManifestsProgress {
  @ApiProperty({ type: ManifestProgress, description: 'The manifest of commission-calculation' })
  readonly commissions!: ManifestProgress;

  @ApiProperty({ type: ManifestProgress, description: 'The manifest of rewards' })
  readonly rewards!: ManifestProgress;
}

export class StatementRunProgress {
  @ApiProperty({ description: CALENDAR.description, example: CALENDAR.example })
  readonly calendar!: string;

  @ApiProperty({ description: PERIOD.description, example: PERIOD.example })
  readonly period!: string;

  @ApiPropertyOptional({
    type: 'integer',
    description:
      'Number of the closing: 2 where the period was reopened once and closed again; absent before the first',
    example: 1,
  })
  readonly closing?: number;

  @ApiProperty({ enum: STATEMENT_RUN_STATES, description: STATE_DESCRIPTION })
  readonly state!: StatementRunState;

  @ApiProperty({ type: ManifestsProgress, description: 'How much of the manifests has arrived' })
  readonly manifests!: ManifestsProgress;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Number of statements; absent until all are issued',
    example: 42,
  })
  readonly statements?: number;
}
