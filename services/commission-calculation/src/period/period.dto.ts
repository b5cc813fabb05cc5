import { ApiProperty, ApiPropertyOptional, PartialType } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { ChoiceFilter, TextFilter } from '../fields.dto.js';
import { TEXT_LENGTH_MAX } from '../limits.js';
import { OUTSTANDING } from '../calendar/calendar.js';
import type { Outstanding } from '../calendar/calendar.js';
import { CLOSING_STEPS, REOPENING_STEPS } from '@tantieme/contracts/closing';
import type { Step } from './period.js';
import { PERIOD_STATES } from './period.tables.js';

export class ClosePeriodBody {
  @ApiPropertyOptional({
    example: 'the partner of crm|D-1 will never register',
    description: 'Reason to close although something is outstanding',
  })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(TEXT_LENGTH_MAX)
  force?: string;
}

export class ReopenPeriodBody {
  @ApiProperty({ example: 'the invoices of 31 March were missing', description: 'Why it is reopened' })
  @IsString()
  @MinLength(1)
  @MaxLength(TEXT_LENGTH_MAX)
  reason!: string;
}

class OutstandingRead implements Outstanding {
  @ApiProperty({ enum: OUTSTANDING, example: 'DealsPending' })
  readonly code!: Outstanding['code'];

  @ApiProperty({ example: 3 })
  readonly count!: number;

  @ApiProperty({ example: '3 deals are pending (GET /pending-deals)' })
  readonly message!: string;
}

class ClosingRefusal {
  @ApiProperty({ example: 'EarlierPeriodOpen' })
  readonly code!: string;

  @ApiProperty({ example: '2026-02 is still open; close it first' })
  readonly message!: string;
}

/** What reopening a period would do now. */
export class ReopeningPreview {
  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ example: '2026-03' })
  readonly period!: string;

  @ApiProperty({ example: 1, description: 'Number of the closing that it withdraws; 0 where the period is open' })
  readonly closing!: number;

  @ApiProperty({ example: 12, description: 'Earning streams that the closing has closed' })
  readonly streams!: number;

  @ApiProperty({ example: 140, description: 'Ledger lines in its manifest' })
  readonly lines!: number;

  @ApiPropertyOptional({ type: ClosingRefusal, description: 'Why the period cannot be reopened' })
  readonly refusal?: ClosingRefusal;
}

/** What a closing would do now. */
export class ClosingPreview {
  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ example: '2026-03' })
  readonly period!: string;

  @ApiProperty({
    example: 12,
    description: 'Statements with lines so far; guarantees, draws and bonuses may add some when the period closes',
  })
  readonly statements!: number;

  @ApiProperty({ example: 140, description: 'Ledger lines so far' })
  readonly lines!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { EUR: '9350.00' },
    description: 'Sum of these lines by currency',
  })
  readonly totals!: Readonly<Record<string, string>>;

  @ApiPropertyOptional({ type: ClosingRefusal, description: 'Why the period cannot be closed, not even with a reason' })
  readonly refusal?: ClosingRefusal;

  @ApiProperty({ type: [OutstandingRead], description: 'Why closing it needs a reason; empty where it needs none' })
  readonly outstanding!: readonly OutstandingRead[];

  @ApiProperty({
    type: [String],
    example: ['hardware of resellers takes effect on 2026-02-01, inside 2026-Q1, so it pays nothing before 2026-04-01'],
    description: 'Components that pay nothing yet, since their plan starts inside a measurement window',
  })
  readonly notices!: readonly string[];
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

/** Who reopened a period, when and why. */
class ReopenedRead {
  @ApiProperty({ example: '2026-04-03T08:00:00.000Z' })
  readonly at!: string;

  @ApiProperty({ example: 'fiona@example.com', description: 'Subject of the person who proposed it' })
  readonly by!: string;

  @ApiProperty({ example: 'ada@example.com', description: 'Subject of the person who confirmed it' })
  readonly confirmedBy!: string;

  @ApiProperty({ example: 'the invoices of 31 March were missing' })
  readonly reason!: string;
}

class StepRead {
  @ApiProperty({ enum: [...CLOSING_STEPS, 'approval-begun', ...REOPENING_STEPS], example: 'sealed' })
  readonly step!: Step;

  @ApiProperty({ example: '2026-04-02T08:00:01.000Z', description: 'When it was reached' })
  readonly since!: string;
}

/** Who closed a period, when, and what was left behind. */
export class ClosingRead {
  @ApiProperty({ example: '2026-04-02T08:00:00.000Z', description: 'When the closing began' })
  readonly closingSince!: string;

  @ApiProperty({ example: 'fiona@example.com', description: 'Subject of the person who proposed the closing' })
  readonly closedBy!: string;

  @ApiProperty({ example: 'ada@example.com', description: 'Subject of the person who confirmed it' })
  readonly confirmedBy!: string;

  @ApiPropertyOptional({ example: 'crm|D-1 will be settled by hand', description: 'Why it was closed all the same' })
  readonly force?: string;

  @ApiProperty({ type: [OutstandingRead], description: 'What was outstanding' })
  readonly outstanding!: readonly OutstandingRead[];

  @ApiPropertyOptional({ type: ReopenedRead, description: 'Its newest reopening' })
  readonly reopened?: ReopenedRead;
}

export class PeriodRead extends PartialType(ClosingRead) {
  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ example: '2026-03' })
  readonly period!: string;

  @ApiProperty({ enum: ['open', ...PERIOD_STATES], example: 'closing' })
  readonly state!: 'open' | (typeof PERIOD_STATES)[number];

  @ApiProperty({ example: 1, description: 'Number of the newest closing: 2 after a reopening; 0 before the first' })
  readonly closing!: number;

  @ApiProperty({ type: [StepRead], description: 'Steps of the newest closing and its reopening, in order' })
  readonly steps!: readonly StepRead[];

  @ApiPropertyOptional({
    example: 'rewards to close the period',
    description: 'Why it is not finished; absent unless the period is being closed or reopened',
  })
  readonly waitsFor?: string;

  @ApiPropertyOptional({
    type: [OutstandingRead],
    description: 'What has come up since the closing was confirmed, and keeps it from being sealed',
  })
  readonly unconfirmed?: readonly OutstandingRead[];

  @ApiProperty({ example: 0, description: 'Earning streams in the manifest so far' })
  readonly streams!: number;

  @ApiProperty({ example: 0, description: 'Ledger lines in the manifest so far' })
  readonly lines!: number;
}

export class PeriodListed extends ClosingRead {
  @ApiProperty({ example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ example: '2026-03' })
  readonly period!: string;

  @ApiProperty({ enum: PERIOD_STATES, example: 'closed' })
  readonly state!: (typeof PERIOD_STATES)[number];
}
