/** What routes take. */
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { DAY_DESCRIPTION, DAY_FORM } from '@tantieme/time/day';
import { IsISO8601, IsOptional, IsString, Matches, MaxLength, MinLength } from 'class-validator';

const CURRENCY = /^[A-Z]{3}$/;
const DEAL_LENGTH_MAX = 500;
const LINE_LENGTH_MAX = 1000;

export class PublishBody {
  @ApiProperty({ example: '2026-01-01', description: 'day from which it takes effect, in its time zone' })
  @Matches(DAY_FORM, { message: `effectiveFrom must be ${DAY_DESCRIPTION}` })
  @IsISO8601({ strict: true })
  effectiveFrom!: string;
}

export class EndBody {
  @ApiProperty({ example: '2026-12-31', description: 'last day on which anything counts, in its time zone' })
  @Matches(DAY_FORM, { message: `lastDay must be ${DAY_DESCRIPTION}` })
  @IsISO8601({ strict: true })
  lastDay!: string;
}

export class ClosePeriodBody {
  @ApiPropertyOptional({ description: 'why it is closed while deals are waiting' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(LINE_LENGTH_MAX)
  force?: string;
}

export class PeriodsQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'monthly@Europe/Paris' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  calendar?: string;
}

export class EarningsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'a partner sees only their own' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  plan?: string;

  @ApiPropertyOptional({ example: '2026-03', description: 'period that the lines are posted in' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  period?: string;

  @ApiPropertyOptional({ example: 'crm|D-1' })
  @IsOptional()
  @IsString()
  @MaxLength(DEAL_LENGTH_MAX)
  deal?: string;
}

export class ExplainQuery {
  @ApiProperty()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee!: string;

  @ApiProperty()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  plan!: string;

  @ApiProperty()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  component!: string;

  @ApiProperty({ example: 'crm|D-1' })
  @IsString()
  @MaxLength(DEAL_LENGTH_MAX)
  deal!: string;

  @ApiProperty({ example: 'booked|1' })
  @IsString()
  @MaxLength(LINE_LENGTH_MAX)
  line!: string;
}

export class ExchangeRatesQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'EUR', description: 'published for one unit of this currency' })
  @IsOptional()
  @Matches(CURRENCY, { message: 'must be an ISO 4217 code, such as EUR' })
  base?: string;

  @ApiPropertyOptional({ example: 'USD', description: 'published in units of this currency' })
  @IsOptional()
  @Matches(CURRENCY, { message: 'must be an ISO 4217 code, such as EUR' })
  quote?: string;
}

export class QuotasQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'a partner sees only their own' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  plan?: string;
}

export class WaitingQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'PartnerMissing' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  code?: string;

  @ApiPropertyOptional({ example: 'partner:P1' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  subject?: string;
}
