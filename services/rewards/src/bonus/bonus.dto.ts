/** Requests and answers of the bonus route. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

export class BonusesQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only of this partner', example: 'acme' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee?: string;

  @ApiPropertyOptional({ description: 'Only of this programme', example: 'volume-bonus-2026' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  programme?: string;

  @ApiPropertyOptional({ description: 'Only of this window', example: '2026-Q1' })
  @IsOptional()
  @IsString()
  @MaxLength(10)
  window?: string;

  @ApiPropertyOptional({ description: 'Only in this currency, an ISO 4217 code', example: 'EUR' })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: 'is not an ISO 4217 currency code, such as EUR' })
  currency?: string;
}

export class BonusLine implements LedgerLine {
  @ApiProperty({ description: 'The period in which the line is posted', example: '2026-03' })
  readonly period!: string;

  @ApiProperty({ description: 'The last period of the window', example: '2026-03' })
  readonly origin!: string;

  @ApiProperty({ description: 'Id of the programme', example: 'volume-bonus-2026' })
  readonly plan!: string;

  @ApiProperty({ description: 'Id of the programme', example: 'volume-bonus-2026' })
  readonly component!: string;

  @ApiProperty({ description: 'Always empty: a bonus has no single deal', example: '' })
  readonly deal!: string;

  @ApiProperty({ description: 'Id of the window', example: '2026-Q1' })
  readonly line!: string;

  @ApiProperty({
    enum: ['bonus', 'adjustment'],
    description: '`adjustment`: posted after the last period of the window',
  })
  readonly kind!: LedgerLine['kind'];

  @ApiProperty({ description: 'Measured basis since the previous line', example: '60000.00' })
  readonly basis!: string;

  @ApiProperty({ description: 'Difference to the previous lines', example: '500.00' })
  readonly amount!: string;
}

/** What one window of a participant measures and pays now. */
export class Bonus {
  @ApiProperty({ description: 'Id of the partner', example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ description: 'Id of the programme', example: 'volume-bonus-2026' })
  readonly programme!: string;

  @ApiProperty({ description: 'Currency of all its amounts, an ISO 4217 code', example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ description: 'Calendar of the programme', example: 'monthly@Europe/Paris' })
  readonly calendar!: string;

  @ApiProperty({ description: 'The measured period, quarter, half-year or year', example: '2026-Q1' })
  readonly window!: string;

  @ApiProperty({ description: 'Sum of the measured basis', example: '60000.00' })
  readonly measured!: string;

  @ApiProperty({ description: 'Sum of the lines', example: '500.00' })
  readonly amount!: string;

  @ApiProperty({ type: [BonusLine], description: 'In order of period' })
  readonly lines!: readonly BonusLine[];
}
