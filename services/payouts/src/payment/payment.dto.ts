/** Requests and answers of the payment routes. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { ExchangeDifference, PaymentRate, PaymentRecorded } from '@tantieme/contracts/payout';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';

import { PERIOD, PeriodFilter } from '../account/account-filter.dto.js';

export const PAYMENT_STATES = ['settled', 'failed'] as const;
export type PaymentState = (typeof PAYMENT_STATES)[number];

const PAYOUT_ID = 'payout|acme|EUR|monthly@Europe/Paris|2026-03';
const STATE_DESCRIPTION = '`settled`: the payout was paid in full. `failed`: it was not paid';

/** A body of `POST /payments` for each state. */
export const PAYMENT_EXAMPLES = {
  settled: {
    summary: 'Paid in full',
    value: { payout: PAYOUT_ID, state: 'settled', on: '2026-04-10', amount: '1230.00', currency: 'EUR' },
  },
  settledAbroad: {
    summary: 'Paid out of another currency',
    value: {
      payout: 'payout|acme|USD|monthly@Europe/Paris|2026-03',
      state: 'settled',
      on: '2026-04-10',
      amount: '110.00',
      currency: 'USD',
      exchange: { base: 'EUR', quote: 'USD', rate: '1.05', source: 'bank' },
    },
  },
  failed: {
    summary: 'Not paid',
    value: { payout: PAYOUT_ID, state: 'failed', on: '2026-04-10', reason: 'account closed' },
  },
};

export class PaymentsQuery extends PeriodFilter {
  @ApiPropertyOptional({ description: 'Only of this payout', example: PAYOUT_ID })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  payout?: string;

  @ApiPropertyOptional({ enum: PAYMENT_STATES, description: STATE_DESCRIPTION })
  @IsOptional()
  @IsIn(PAYMENT_STATES)
  state?: PaymentState;
}

export class PaymentExchangeRate implements PaymentRate {
  @ApiProperty({ description: 'One unit of this currency …', example: 'EUR' })
  readonly base!: string;

  @ApiProperty({ description: '… costs `rate` units of this one', example: 'USD' })
  readonly quote!: string;

  @ApiProperty({ description: 'Decimal text', example: '1.05' })
  readonly rate!: string;

  @ApiProperty({ description: 'Who published the rate', example: 'bank' })
  readonly source!: string;
}

export class PaymentExchangeDifference implements ExchangeDifference {
  @ApiProperty({ description: 'Currency of the payer', example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ description: 'Value of the payout at the rates of the deals', example: '100.00' })
  readonly accrued!: string;

  @ApiProperty({ description: 'Value of the payout at the rate of the payment', example: '104.76' })
  readonly paid!: string;

  @ApiProperty({ description: '`paid − accrued`; positive for a loss of the payer', example: '4.76' })
  readonly difference!: string;

  @ApiProperty({ description: 'The part of the payout earned in the currency of the payer', example: '110.00' })
  readonly of!: string;
}

/** A payment as it was recorded. */
export class Payment {
  @ApiProperty({ description: 'Id of the payout', example: PAYOUT_ID })
  readonly payout!: string;

  @ApiProperty({ enum: PAYMENT_STATES, description: STATE_DESCRIPTION })
  readonly state!: PaymentState;

  @ApiProperty({ description: 'Day of the payment or of its failure', format: 'date', example: '2026-04-10' })
  readonly on!: string;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'The highest revision of a payout counts; 0 if absent',
    example: 0,
  })
  readonly revision?: number;

  @ApiPropertyOptional({ description: 'Amount paid; only of a settled payment', example: '1230.00' })
  readonly amount?: string;

  @ApiPropertyOptional({ description: 'Currency of the amount; only of a settled payment', example: 'EUR' })
  readonly currency?: string;

  @ApiPropertyOptional({ type: PaymentExchangeRate, description: 'The rate, if paid out of another currency' })
  readonly exchange?: PaymentExchangeRate;

  @ApiPropertyOptional({ description: 'Why it failed; only of a failed payment', example: 'account closed' })
  readonly reason?: string;

  @ApiProperty({ description: 'Id of the statement', example: 'acme|EUR|monthly@Europe/Paris|2026-03' })
  readonly statement!: string;

  @ApiProperty({ description: 'Id of the partner', example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ description: PERIOD.description, example: PERIOD.example })
  readonly period!: string;

  @ApiPropertyOptional({
    type: PaymentExchangeDifference,
    description: 'What the payer books if it paid at another rate than the lines were earned at',
  })
  readonly difference?: PaymentExchangeDifference;
}

export class PaymentReceipt {
  @ApiProperty({
    enum: ['accepted', 'repeated'],
    description: '`repeated`: this payment, or a later revision of it, was recorded before',
  })
  readonly outcome!: 'accepted' | 'repeated';

  @ApiProperty({ type: Payment, description: 'The newest payment of the payout' })
  readonly payment!: PaymentRecorded;
}
