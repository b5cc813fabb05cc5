import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Exchanged, LedgerLine, LineKind } from '@tantieme/contracts/ledger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { ChoiceFilter, TextFilter } from '../fields.dto.js';
import { DEAL_LENGTH_MAX } from '../limits.js';

const LINE_KINDS: readonly LineKind[] = [
  'earning',
  'adjustment',
  'clawback',
  'bonus',
  'reserve',
  'reserve-release',
  'draw-advance',
  'draw-recovery',
];

export const EARNING_SORTS = ['payee', 'deal'] as const;
export type EarningSort = (typeof EARNING_SORTS)[number];

export class EarningsQuery extends PageQuery {
  @TextFilter({ description: 'Payee; partners see only their own', example: 'acme' })
  payee?: string;

  @TextFilter({ description: 'Plan', example: 'resellers-2026' })
  plan?: string;

  @TextFilter({ description: 'Period in which the lines are posted', example: '2026-03' })
  period?: string;

  @TextFilter({ description: '`source|id` of the deal', example: 'crm|D-1', lengthMax: DEAL_LENGTH_MAX })
  deal?: string;

  @ChoiceFilter(EARNING_SORTS, {
    description: '`payee`: by payee, plan, deal and period. `deal`: by deal, payee, plan and period',
    default: 'payee',
  })
  sort: EarningSort = 'payee';
}

export class ExchangedAnswer implements Exchanged {
  @ApiProperty({ example: '40.00', description: "Amount in the deal's currency, at the rate that converted the deal" })
  readonly amount!: string;

  @ApiProperty({ example: 'USD', description: "The deal's currency" })
  readonly currency!: string;

  @ApiProperty({ example: '32.00', description: "The part of the line's amount that it stands for" })
  readonly of!: string;
}

export class EarningListed implements LedgerLine {
  @ApiProperty({ example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ example: 'EUR', description: 'Currency of basis and amount' })
  readonly currency!: string;

  @ApiProperty({ example: '2026-03', description: 'Period in which the line is posted' })
  readonly period!: string;

  @ApiProperty({ example: '2026-02', description: 'Period that the line belongs to' })
  readonly origin!: string;

  @ApiProperty({ example: 'resellers-2026' })
  readonly plan!: string;

  @ApiProperty({ example: 'hardware' })
  readonly component!: string;

  @ApiProperty({
    example: 'crm|D-1',
    description:
      '`source|id` of the deal. For lines of no single deal: `|<component>` for what a limit deferred, `|*` for guarantee and draw',
  })
  readonly deal!: string;

  @ApiProperty({ example: 'booked|1', description: '`occurrence|line` of the deal' })
  readonly line!: string;

  @ApiProperty({
    enum: LINE_KINDS,
    example: 'adjustment',
    description: '`earning` in its own period, `adjustment` in a later one, `clawback` for a return',
  })
  readonly kind!: LineKind;

  @ApiProperty({ example: '100.00' })
  readonly basis!: string;

  @ApiProperty({ example: '4.00' })
  readonly amount!: string;

  @ApiPropertyOptional({
    type: [ExchangedAnswer],
    description: "Absent where the deal is in the plan's currency",
  })
  readonly exchanged?: readonly ExchangedAnswer[];
}
