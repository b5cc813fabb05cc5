/** Requests and answers of the statement routes. */
import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import type { Exchanged, LedgerLine, LineKind, PayoutTerms } from '@tantieme/contracts/ledger';
import type { Statement, StatementIssued, StatementPart } from '@tantieme/contracts/payout';
import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';

import { CALENDAR, PERIOD, PeriodFilter } from '../account/account-filter.dto.js';

export const STATEMENT_STATES = ['issued', 'approved', 'withdrawn'] as const;
export type StatementState = (typeof STATEMENT_STATES)[number];

/** A minus sign sorts in descending order. */
export const STATEMENT_SORTS = ['period', '-period', 'payee', '-payee', 'payable', '-payable'] as const;
export type StatementSort = (typeof STATEMENT_SORTS)[number];

export class StatementsQuery extends PeriodFilter {
  @ApiPropertyOptional({
    enum: STATEMENT_STATES,
    description:
      '`issued`: nobody has approved it yet. `approved`: its amount is released to finance. `withdrawn`: its period was reopened before anybody approved it',
  })
  @IsOptional()
  @IsIn(STATEMENT_STATES)
  state?: StatementState;

  @ApiPropertyOptional({
    description: 'Only statements whose id contains each of these words, in upper or lower case',
    example: 'acme 2026-03',
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  text?: string;

  @ApiPropertyOptional({
    enum: STATEMENT_SORTS,
    default: 'period',
    description: 'Order of the list, descending with a minus sign; `payable` compares numbers, whatever the currency',
  })
  @IsOptional()
  @IsIn(STATEMENT_SORTS)
  sort: StatementSort = 'period';
}

export class PeriodOfCalendar {
  @ApiProperty({ description: CALENDAR.description, example: CALENDAR.example })
  @Matches(CALENDAR.pattern, { message: CALENDAR.message })
  @MaxLength(CALENDAR.lengthMax)
  calendar!: string;

  @ApiProperty({ description: PERIOD.description, example: PERIOD.example })
  @Matches(PERIOD.pattern, { message: PERIOD.message })
  period!: string;
}

export class ExchangedAmount implements Exchanged {
  @ApiProperty({ description: 'Amount in the currency of the deals', example: '100.00' })
  readonly amount!: string;

  @ApiProperty({ description: 'Currency of the deals', example: 'GBP' })
  readonly currency!: string;

  @ApiProperty({
    description: 'The same in the currency of the statement, at the rates of the deals',
    example: '115.20',
  })
  readonly of!: string;
}

export class StatementPartTotal implements StatementPart {
  @ApiPropertyOptional({
    enum: ['self-billed', 'invoiced', 'credit-note', 'payroll'],
    description: 'The document that finance makes',
  })
  readonly as?: NonNullable<PayoutTerms['as']>;

  @ApiPropertyOptional({
    enum: ['by-partner', 'none'],
    description: '`by-partner`: tax as the partner is registered for it. `none`: no tax is added',
  })
  readonly tax?: NonNullable<PayoutTerms['tax']>;

  @ApiProperty({ description: 'Sum of the lines on these terms', example: '1250.00' })
  readonly total!: string;
}

const LINE_KINDS = [
  'earning',
  'adjustment',
  'clawback',
  'bonus',
  'reserve',
  'reserve-release',
  'draw-advance',
  'draw-recovery',
] as const satisfies readonly LineKind[];

export class StatementLine implements LedgerLine {
  @ApiProperty({ description: 'The period in which the line is posted', example: '2026-03' })
  readonly period!: string;

  @ApiProperty({
    description: 'The period that the line belongs to; earlier than `period` for a correction',
    example: '2026-03',
  })
  readonly origin!: string;

  @ApiProperty({ description: 'Id of the plan, or of the programme for a bonus', example: 'resellers-2026' })
  readonly plan!: string;

  @ApiProperty({ description: 'Component of the plan', example: 'hardware' })
  readonly component!: string;

  @ApiProperty({
    description: '`source|id` of the deal; empty for a bonus, which has no single deal',
    example: 'crm|D-1042',
  })
  readonly deal!: string;

  @ApiProperty({ description: '`occurrence|line` of the deal', example: 'booked|1' })
  readonly line!: string;

  @ApiProperty({ enum: LINE_KINDS, description: 'Why the line was posted' })
  readonly kind!: LineKind;

  @ApiProperty({ description: 'The measured basis, in the currency of the plan', example: '1000.00' })
  readonly basis!: string;

  @ApiProperty({ description: 'Negative for an amount that is taken back', example: '40.00' })
  readonly amount!: string;

  @ApiPropertyOptional({ type: [ExchangedAmount], description: 'Set if the deal has another currency than the plan' })
  readonly exchanged?: readonly ExchangedAmount[];
}

/** A statement without its lines. */
export class ListedStatement implements StatementIssued {
  @ApiProperty({
    description: '`payee|currency|calendar|period`',
    example: 'acme|EUR|monthly@Europe/Paris|2026-03',
  })
  readonly id!: string;

  @ApiProperty({ description: 'Id of the partner', example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ description: 'Currency of all its amounts, an ISO 4217 code', example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ description: CALENDAR.description, example: CALENDAR.example })
  readonly calendar!: string;

  @ApiProperty({ description: PERIOD.description, example: PERIOD.example })
  readonly period!: string;

  @ApiProperty({ description: 'Balance carried from the previous statement', example: '-20.00' })
  readonly opening!: string;

  @ApiProperty({ description: 'Sum of the lines', example: '1250.00' })
  readonly total!: string;

  @ApiProperty({ description: '`opening + total` if that is paid, else zero', example: '1230.00' })
  readonly payable!: string;

  @ApiProperty({ description: 'Balance carried to the next statement', example: '0.00' })
  readonly carried!: string;

  @ApiPropertyOptional({ description: 'A debt that is written off because the payee has left', example: '20.00' })
  readonly forgiven?: string;

  @ApiPropertyOptional({ type: [StatementPartTotal], description: 'Totals by the payout terms of the plans' })
  readonly parts?: readonly StatementPartTotal[];

  @ApiPropertyOptional({ type: [ExchangedAmount], description: 'The part of the balance earned in other currencies' })
  readonly exchanged?: readonly ExchangedAmount[];

  @ApiProperty({ type: 'integer', description: 'Number of lines', example: 17 })
  readonly lineCount!: number;

  @ApiProperty({
    description: 'SHA-256 in hex of the canonical JSON of the statement with its lines and without the hash',
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  })
  readonly hash!: string;

  @ApiPropertyOptional({ description: 'Who approved it; absent until then', example: 'alice' })
  readonly approvedBy?: string;

  @ApiPropertyOptional({ description: 'When it was approved; absent until then', example: '2026-04-04T09:00:00.000Z' })
  readonly approvedAt?: string;

  @ApiPropertyOptional({
    description: 'When it was withdrawn, because its period was reopened; absent unless it was',
    example: '2026-04-03T09:00:00.000Z',
  })
  readonly withdrawnAt?: string;
}

export class StatementPage extends ListedStatement {
  @ApiProperty({ type: [StatementLine], description: 'One page of the lines, in canonical order' })
  readonly lines!: readonly StatementLine[];

  @ApiPropertyOptional({ description: 'Cursor of the next page of lines; absent on the last one' })
  readonly next?: string;
}

export class StatementDocument
  extends OmitType(ListedStatement, ['lineCount', 'approvedBy', 'approvedAt', 'withdrawnAt'])
  implements Statement
{
  @ApiProperty({ type: [StatementLine], description: 'All lines, in canonical order' })
  readonly lines!: readonly StatementLine[];
}

export class StatementApproval {
  @ApiProperty({ description: 'Id of the statement', example: 'acme|EUR|monthly@Europe/Paris|2026-03' })
  readonly statement!: string;

  @ApiProperty({ description: 'Who approved it first', example: 'alice' })
  readonly approvedBy!: string;

  @ApiProperty({ description: 'False if it was approved before', example: true })
  readonly isNew!: boolean;
}

export class PeriodApproval {
  @ApiProperty({ description: CALENDAR.description, example: CALENDAR.example })
  readonly calendar!: string;

  @ApiProperty({ description: PERIOD.description, example: PERIOD.example })
  readonly period!: string;

  @ApiProperty({ type: 'integer', description: 'Statements of the period', example: 42 })
  readonly statements!: number;

  @ApiProperty({ type: 'integer', description: 'Statements that this request approved', example: 40 })
  readonly approved!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'What the new approvals pay, by currency',
    example: { EUR: '18230.50', USD: '940.00' },
  })
  readonly payable!: Readonly<Record<string, string>>;
}
