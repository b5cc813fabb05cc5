import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';

import { PageQuery } from '../http/cursor.js';
import { PROPOSAL_STATES } from './proposal.js';
import type { JsonObject, Proposal, ProposalState } from './proposal.js';
import { REASON_LENGTH_MAX, ACTION_LENGTH_MAX } from '../limits.js';

export class ProposalsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: PROPOSAL_STATES, description: 'State of the proposal' })
  @IsOptional()
  @IsIn(PROPOSAL_STATES)
  state?: ProposalState;

  @ApiPropertyOptional({ description: 'What is proposed', example: 'close-period' })
  @IsOptional()
  @IsString()
  @MaxLength(ACTION_LENGTH_MAX)
  action?: string;
}

export class RejectProposalBody {
  @ApiPropertyOptional({ description: 'Why', example: 'the returns of the last week are missing' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(REASON_LENGTH_MAX)
  reason?: string;
}

export class DiscardBody {
  @ApiProperty({ description: 'Why it is discarded', example: 'a test of the shop, never meant for us' })
  @IsString()
  @MinLength(1)
  @MaxLength(REASON_LENGTH_MAX)
  reason!: string;
}

class RefusalRead {
  @ApiProperty({ example: 'ClosingInProgress' })
  readonly code!: string;

  @ApiProperty({ example: 'the closing of 2026-02 is still running' })
  readonly message!: string;
}

export class ProposalRead implements Proposal {
  @ApiProperty({ description: '`action|subject|number`', example: 'close-period|monthly@Europe/Paris|2026-03|1' })
  readonly id!: string;

  @ApiProperty({ description: 'What is proposed', example: 'close-period' })
  readonly action!: string;

  @ApiProperty({ description: 'What it is about', example: 'monthly@Europe/Paris|2026-03' })
  readonly subject!: string;

  @ApiProperty({ description: 'From 1, for each action and subject', example: 1 })
  readonly number!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Parameters of the action',
    example: { force: 'the partner of crm|D-1 will never register' },
  })
  readonly request!: JsonObject;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Revisions and totals that the proposer read; if they change, the proposal cannot be confirmed',
    example: { statements: 12, totals: { EUR: '9350.00' } },
  })
  readonly read!: JsonObject;

  @ApiProperty({
    enum: PROPOSAL_STATES,
    description:
      '`superseded`: replaced by a newer proposal. `confirmed`: being carried out. `refused`: confirmed, but the action was no longer possible',
    example: 'open',
  })
  readonly state!: ProposalState;

  @ApiProperty({ description: 'Subject of the person who proposed it', example: 'fiona@example.com' })
  readonly proposedBy!: string;

  @ApiProperty({ example: '2026-04-02T08:00:00.000Z' })
  readonly proposedAt!: string;

  @ApiPropertyOptional({
    description: 'Subject of the person who confirmed or rejected it',
    example: 'ada@example.com',
  })
  readonly decidedBy?: string;

  @ApiPropertyOptional({ example: '2026-04-02T09:00:00.000Z' })
  readonly decidedAt?: string;

  @ApiPropertyOptional({ description: 'Why it was rejected', example: 'the returns of the last week are missing' })
  readonly reason?: string;

  @ApiPropertyOptional({ type: RefusalRead, description: 'Why the action was not possible any more' })
  readonly refusal?: RefusalRead;
}
