import { ApiProperty } from '@nestjs/swagger';
import type { UncreditedCode } from '@tantieme/commission-engine/credit/uncredited';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { ChoiceFilter, TextFilter } from '../fields.dto.js';
import { DEAL_LENGTH_MAX } from '../limits.js';

const CODES = [
  'NotCovered',
  'PlanEnded',
  'WindowNotBegun',
  'NotTriggered',
  'ConditionsNotMet',
  'NoPartners',
  'Cancelled',
  'Withdrawn',
  'Pending',
] as const satisfies readonly UncreditedCode[];

export class UncreditedDealsQuery extends PageQuery {
  @ChoiceFilter(CODES, { description: 'Reason' })
  code?: UncreditedCode;

  @TextFilter({ description: '`source|id` of the deal', example: 'crm|D-1', lengthMax: DEAL_LENGTH_MAX })
  deal?: string;
}

export class UncreditedDeal {
  @ApiProperty({ example: 'crm|D-1', description: '`source|id` of the deal' })
  readonly deal!: string;

  @ApiProperty({
    enum: CODES,
    example: 'NotCovered',
    description:
      'Stable. `NotCovered`: the agreement had ended. `WindowNotBegun`: the plan started inside a measurement window. `Pending`: see GET /pending-deals',
  })
  readonly code!: UncreditedCode;

  @ApiProperty({ example: 'partner:acme', description: 'What the reason is about' })
  readonly subject!: string;

  @ApiProperty({ example: 'no agreement of the partner acme covers the days of this deal' })
  readonly message!: string;

  @ApiProperty({
    example: '2026-03-05T10:00:00.000Z',
    description: 'Time of the fact for which the deal was credited last',
  })
  readonly since!: string;
}
