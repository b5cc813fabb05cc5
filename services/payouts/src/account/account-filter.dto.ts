/** What the lists of payouts filter by. */
import { ApiPropertyOptional } from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { PERIOD_ID } from '@tantieme/contracts/ledger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

export const CALENDAR = {
  pattern: /^[a-z-]+(\.[\w.-]+)?@[\w+/-]+$/,
  /** As in messages. */
  lengthMax: 100,
  message: 'is not a calendar; write it as in monthly@Europe/Paris',
  description: 'Calendar of the plans: length of its periods, and time zone',
  example: 'monthly@Europe/Paris',
};
export const PERIOD = {
  pattern: PERIOD_ID,
  message: 'is not a period; write it as in 2026-03, 2026-Q1 or FY2026-P03',
  description: 'Period of the calendar',
  example: '2026-03',
};

/** Accounts of a payee, a currency or a calendar. */
export class AccountFilter extends PageQuery {
  @ApiPropertyOptional({ description: 'Only of this partner', example: 'acme' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee?: string;

  @ApiPropertyOptional({ description: 'Only in this currency, an ISO 4217 code', example: 'EUR' })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: 'is not an ISO 4217 currency code, such as EUR' })
  currency?: string;

  @ApiPropertyOptional({ description: `Only of this calendar`, example: CALENDAR.example })
  @IsOptional()
  @Matches(CALENDAR.pattern, { message: CALENDAR.message })
  @MaxLength(CALENDAR.lengthMax)
  calendar?: string;
}

export class PeriodFilter extends AccountFilter {
  @ApiPropertyOptional({ description: 'Only of this period', example: PERIOD.example })
  @IsOptional()
  @Matches(PERIOD.pattern, { message: PERIOD.message })
  period?: string;
}
