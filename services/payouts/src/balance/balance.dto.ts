/** Answers of the balance route. */
import { ApiProperty } from '@nestjs/swagger';

import { CALENDAR, PERIOD } from '../account/account-filter.dto.js';

export class Balance {
  @ApiProperty({ description: 'Id of the partner', example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ description: 'Currency of the balance, an ISO 4217 code', example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ description: CALENDAR.description, example: CALENDAR.example })
  readonly calendar!: string;

  @ApiProperty({ description: 'Period of the newest statement', example: PERIOD.example })
  readonly period!: string;

  @ApiProperty({
    description: 'What the newest statement carries to the next one; negative if the partner owes it',
    example: '-20.00',
  })
  readonly carried!: string;
}
