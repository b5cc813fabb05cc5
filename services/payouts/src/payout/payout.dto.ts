/** Requests and answers of the payout routes. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { PaymentRecorded, PayoutDue } from '@tantieme/contracts/payout';
import { IsIn, IsOptional } from 'class-validator';

import { CALENDAR, PERIOD, PeriodFilter } from '../account/account-filter.dto.js';
import { Payment, PAYMENT_STATES } from '../payment/payment.dto.js';
import { ExchangedAmount, StatementPartTotal } from '../statement/statement.dto.js';

export const PAYOUT_STATES = ['due', ...PAYMENT_STATES] as const;
export type PayoutState = (typeof PAYOUT_STATES)[number];

const STATE_DESCRIPTION =
  '`due`: finance has not answered. `settled`: it was paid in full. `failed`: the newest payment failed';

export class PayoutsQuery extends PeriodFilter {
  @ApiPropertyOptional({ enum: PAYOUT_STATES, description: STATE_DESCRIPTION })
  @IsOptional()
  @IsIn(PAYOUT_STATES)
  state?: PayoutState;
}

export class Payout implements PayoutDue {
  @ApiProperty({
    description: 'Finance pays each id once',
    example: 'payout|acme|EUR|monthly@Europe/Paris|2026-03',
  })
  readonly id!: string;

  @ApiProperty({ enum: PAYOUT_STATES, description: STATE_DESCRIPTION })
  readonly state!: PayoutState;

  @ApiProperty({ description: 'Id of the statement', example: 'acme|EUR|monthly@Europe/Paris|2026-03' })
  readonly statement!: string;

  @ApiProperty({ description: 'Id of the partner', example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ description: 'Currency of the amount, an ISO 4217 code', example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ description: CALENDAR.description, example: CALENDAR.example })
  readonly calendar!: string;

  @ApiProperty({ description: PERIOD.description, example: PERIOD.example })
  readonly period!: string;

  @ApiProperty({ description: 'The amount to pay', example: '1230.00' })
  readonly amount!: string;

  @ApiPropertyOptional({
    type: [StatementPartTotal],
    description: 'Totals of the statement by the payout terms of the plans',
  })
  readonly parts?: readonly StatementPartTotal[];

  @ApiPropertyOptional({
    type: [ExchangedAmount],
    description: 'The part of the balance earned in other currencies',
  })
  readonly exchanged?: readonly ExchangedAmount[];

  @ApiProperty({ description: 'Who approved the statement', example: 'alice' })
  readonly approvedBy!: string;

  @ApiPropertyOptional({ type: Payment, description: 'The newest payment; absent while the payout is due' })
  readonly payment?: PaymentRecorded;
}
