import { ApiProperty } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { IsString, MaxLength, MinLength } from 'class-validator';
import { ChoiceFilter, TextFilter } from '../fields.dto.js';
import { DEAL_LENGTH_MAX, TEXT_LENGTH_MAX } from '../limits.js';
import type { PendingDealRow } from '../credit/pending-deals.tables.js';

export const PENDING_DEAL_SORTS = ['deal', 'oldest'] as const;
export type PendingDealSort = (typeof PENDING_DEAL_SORTS)[number];

export class PendingDealsQuery extends PageQuery {
  @TextFilter({ description: 'Kind of the missing fact', example: 'PartnerMissing' })
  code?: string;

  @TextFilter({ description: 'What is missing', example: 'partner:acme', lengthMax: DEAL_LENGTH_MAX })
  subject?: string;

  @TextFilter({ description: '`source|id` of the deal', example: 'crm|D-1', lengthMax: DEAL_LENGTH_MAX })
  deal?: string;

  @TextFilter({
    description: 'Deals that need a fact about this partner: the partner, an agreement, or a quota',
    example: 'acme',
  })
  partner?: string;

  @TextFilter({
    description: 'Deals that need a fact about this plan: the plan, or a quota under it',
    example: 'resellers-2026',
  })
  plan?: string;

  @TextFilter({
    description: 'With `period`: only deals for which the closing of this period waits',
    example: 'monthly@Europe/Paris',
  })
  calendar?: string;

  @TextFilter({ description: 'With `calendar`: the period', example: '2026-03' })
  period?: string;

  @ChoiceFilter(PENDING_DEAL_SORTS, {
    description: '`deal`: by deal, code and subject. `oldest`: the deals that have been pending longest first',
    default: 'deal',
  })
  sort: PendingDealSort = 'deal';
}

export class WaiveDealBody {
  @ApiProperty({ example: 'the partner will never register', description: 'Why no closing waits for the deal' })
  @IsString()
  @MinLength(1)
  @MaxLength(TEXT_LENGTH_MAX)
  reason!: string;
}

export class PendingDeal implements PendingDealRow {
  @ApiProperty({ example: 'crm|D-1', description: '`source|id` of the deal' })
  readonly deal!: string;

  @ApiProperty({
    example: 'PartnerMissing',
    description:
      'Stable: `PartnerMissing`, `PlanMissing`, `PlanNotInForce`, `AgreementMissing`, `ExchangeRateMissing`, `QuotaMissing`, `TermsMissing`, `TermsInvalid`, `DealTooLarge` and others of the engine',
  })
  readonly code!: string;

  @ApiProperty({ example: 'partner:acme', description: 'What is missing' })
  readonly subject!: string;

  @ApiProperty({ example: 'there is no partner acme' })
  readonly message!: string;

  @ApiProperty({
    example: '2026-03-05T10:00:00.000Z',
    description: 'Time of the fact for which the deal was credited or earned last',
  })
  readonly since!: string;
}
