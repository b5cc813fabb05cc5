import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Withdrawn } from '@tantieme/contracts/deal';
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { MessageField } from '@tantieme/service-kit/http/message-field';
import { IsOptional } from 'class-validator';
import { ChoiceFilter, TextFilter } from '../fields.dto.js';
import { WarningAnswer } from './warning/warnings.dto.js';

export const EXCHANGE_RATE: ExchangeRate = {
  base: 'EUR',
  quote: 'USD',
  date: '2026-03-05',
  rate: '1.0812',
  source: 'ecb',
  revision: 1,
};

export const QUOTA: Quota = {
  payee: 'acme',
  plan: 'resellers-2026',
  component: 'hardware',
  from: '2026-01-01',
  until: '2026-04-01',
  amount: '120000',
  revision: 1,
};

const WITHDRAWN = {
  oneOf: [
    { type: 'boolean', enum: [true] },
    { type: 'string', enum: ['revision'] },
  ],
  description:
    'In a list, `true` for what was withdrawn. In a withdrawal, `true`: its revision and all below; `revision`: its revision alone',
};

export class ExchangeRateAnswer implements Partial<ExchangeRate> {
  @ApiProperty({ example: EXCHANGE_RATE.base, description: 'ISO 4217 code' })
  readonly base!: string;

  @ApiProperty({ example: EXCHANGE_RATE.quote, description: 'ISO 4217 code' })
  readonly quote!: string;

  @ApiProperty({ example: EXCHANGE_RATE.date, description: 'Day of publication' })
  readonly date!: string;

  @ApiPropertyOptional({
    example: EXCHANGE_RATE.rate,
    description:
      'Units of the quote currency per unit of the base currency; exact decimal text without trailing zeros; absent in a withdrawal',
  })
  readonly rate?: string;

  @ApiProperty({ example: EXCHANGE_RATE.source, description: 'Publisher of the rate' })
  readonly source!: string;

  @ApiPropertyOptional({ example: EXCHANGE_RATE.revision, description: 'The highest of a date and source counts' })
  readonly revision?: number;

  @ApiPropertyOptional(WITHDRAWN)
  readonly withdrawn?: Withdrawn;
}

export class QuotaAnswer implements Partial<Quota> {
  @ApiProperty({ example: QUOTA.payee })
  readonly payee!: string;

  @ApiProperty({ example: QUOTA.plan })
  readonly plan!: string;

  @ApiProperty({ example: QUOTA.component })
  readonly component!: string;

  @ApiProperty({ example: QUOTA.from, description: 'First day with the quota' })
  readonly from!: string;

  @ApiPropertyOptional({ example: QUOTA.until, description: 'First day without the quota; absent for an open end' })
  readonly until?: string;

  @ApiPropertyOptional({
    example: QUOTA.amount,
    description:
      "For a whole measurement window: an amount in the plan's currency, or a number of units; absent in a withdrawal",
  })
  readonly amount?: string;

  @ApiProperty({ example: QUOTA.revision, description: 'The highest of a day counts' })
  readonly revision!: number;

  @ApiPropertyOptional(WITHDRAWN)
  readonly withdrawn?: Withdrawn;
}

const OUTCOME = {
  enum: ['accepted', 'repeated'],
  description: '`accepted`: the fact is new. `repeated`: the same fact was recorded before',
  example: 'accepted',
};

export class ExchangeRateRecordedAnswer {
  @ApiProperty(OUTCOME)
  readonly outcome!: 'accepted' | 'repeated';

  @ApiProperty({ description: 'The rate in its normal form' })
  readonly fact!: ExchangeRateAnswer;
}

export class QuotaRecordedAnswer {
  @ApiProperty(OUTCOME)
  readonly outcome!: 'accepted' | 'repeated';

  @ApiProperty({ description: 'The quota in its normal form' })
  readonly fact!: QuotaAnswer;

  @ApiProperty({
    type: [WarningAnswer],
    description: 'Names in the quota that do not exist. The quota is recorded all the same and applies once they do',
  })
  readonly warnings!: readonly WarningAnswer[];
}

export const EXCHANGE_RATE_SORTS = ['pair', 'newest'] as const;

export class ExchangeRatesQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'EUR', description: 'Base currency, ISO 4217' })
  @IsOptional()
  @MessageField('exchange-rate', 'base')
  base?: string;

  @ApiPropertyOptional({ example: 'USD', description: 'Quote currency, ISO 4217' })
  @IsOptional()
  @MessageField('exchange-rate', 'quote')
  quote?: string;

  @ApiPropertyOptional({ example: '2026-03-05', description: 'Day of publication' })
  @IsOptional()
  @MessageField('exchange-rate', 'date')
  date?: string;

  @TextFilter({ description: 'Publisher', example: 'ecb' })
  source?: string;

  @ChoiceFilter(EXCHANGE_RATE_SORTS, {
    description: '`pair`: by pair, date, source and revision. `newest`: latest date first',
    default: 'pair',
  })
  sort: (typeof EXCHANGE_RATE_SORTS)[number] = 'pair';
}

export class QuotasQuery extends PageQuery {
  @TextFilter({ description: 'Payee; partners see only their own', example: 'acme' })
  payee?: string;

  @TextFilter({ description: 'Plan', example: 'resellers-2026' })
  plan?: string;

  @TextFilter({ description: 'Component of the plan', example: 'hardware' })
  component?: string;
}
