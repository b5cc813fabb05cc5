import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import type { CreditLine } from '@tantieme/commission-engine/credit/credit-line';
import type { Trace } from '@tantieme/commission-engine/rate/trace';
import type { Deal, DealLine } from '@tantieme/contracts/deal';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { IsString, MaxLength } from 'class-validator';
import type { UsedPartner } from '../credit/credit.js';
import { EarningListed } from '../earning/earning.dto.js';
import { TEXT_LENGTH_MAX } from '../limits.js';
import { DEAL_LENGTH_MAX } from '../limits.js';
import type { ExplainedCredit, ExplainedLine, ExplainedSource, Explanation } from './explanation.js';

export class ExplainQuery {
  @ApiProperty({ example: 'acme', description: 'Payee; partners can ask for their own lines only' })
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee!: string;

  @ApiProperty({ example: 'resellers-2026', description: 'Plan' })
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  plan!: string;

  @ApiProperty({ example: 'hardware', description: 'Component of the plan' })
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  component!: string;

  @ApiProperty({ example: 'crm|D-1', description: '`source|id` of the deal' })
  @IsString()
  @MaxLength(DEAL_LENGTH_MAX)
  deal!: string;

  @ApiProperty({ example: 'booked|1', description: '`occurrence|line`, as in the ledger line' })
  @IsString()
  @MaxLength(TEXT_LENGTH_MAX)
  line!: string;
}

class PostedLineAnswer extends OmitType(EarningListed, ['payee', 'currency', 'plan', 'deal'] as const) {}

class ExplainedLineAnswer implements ExplainedLine {
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The credited line: component, occurrence, time, window, basis',
    example: { component: 'hardware', occurrence: 'booked', line: '1', window: '2026-03', basis: '100.00' },
  })
  readonly line!: CreditLine;

  @ApiProperty({ example: '4.00', description: 'Current earnings of the line' })
  readonly amount!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'How the amount came about; the fields depend on the kind of rate',
    example: { rate: 'percent', basis: '100.00', percent: '0.04', rounding: 'half-up' },
  })
  readonly trace!: Trace;
}

class ExplainedCreditAnswer implements ExplainedCredit {
  @ApiProperty({ example: 'credit-crm|D-1' })
  readonly stream!: string;

  @ApiProperty({ example: 0 })
  readonly revision!: number;

  @ApiProperty({ example: 1, description: 'Crediting number of the deal, from 1' })
  readonly number!: number;

  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    description: 'Partners as the credit looked them up',
    example: [
      {
        key: 'partner:acme',
        revision: 3,
        plans: ['resellers-2026'],
        asOf: [{ day: '2026-03-05', channel: 'retail', country: 'FR', tier: 'gold', upline: null, plans: [] }],
      },
    ],
  })
  readonly partners!: readonly UsedPartner[];
}

class ExplainedSourceAnswer implements ExplainedSource {
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The deal, as in schemas/deal.v1.json',
    example: { source: 'crm', id: 'D-1', bookedAt: '2026-03-05T10:00:00Z' },
  })
  readonly deal!: Deal;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'The line of the deal that was credited',
    example: { id: '1', category: 'hardware', quantity: '1', net: '100.00' },
  })
  readonly line?: DealLine;
}

export class ExplanationAnswer implements Explanation {
  @ApiProperty({ example: 'acme' })
  readonly payee!: string;

  @ApiProperty({ example: 'resellers-2026' })
  readonly plan!: string;

  @ApiProperty({ example: 'EUR' })
  readonly currency!: string;

  @ApiProperty({ type: [PostedLineAnswer], description: 'Postings of the line, in all periods' })
  readonly posted!: readonly PostedLineAnswer[];

  @ApiProperty({ type: [ExplainedLineAnswer], description: 'The credited lines behind it' })
  readonly earned!: readonly ExplainedLineAnswer[];

  @ApiPropertyOptional({ description: 'The event that credited the line' })
  readonly credit?: ExplainedCreditAnswer;

  @ApiPropertyOptional({ description: 'The deal; for partners without costs and without other partners' })
  readonly source?: ExplainedSourceAnswer;

  @ApiProperty({
    type: [String],
    description: 'The same in sentences',
    example: ['4.00 EUR is posted to acme in 2026-03 as earning of component hardware for booked|1.'],
  })
  readonly text!: readonly string[];
}
