import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';

import { PageQuery } from '../http/cursor.js';
import { PROCESS_LENGTH_MAX } from '../limits.js';

export const PARKED_STATUSES = ['parked', 'retrying', 'handled', 'discarded'] as const;

export class ParkedQuery extends PageQuery {
  @ApiPropertyOptional({ enum: PARKED_STATUSES, description: 'Status; by default what is still open' })
  @IsOptional()
  @IsIn(PARKED_STATUSES)
  status?: (typeof PARKED_STATUSES)[number];

  @ApiPropertyOptional({ description: 'Name of the process that refused it', example: 'deal-ingestion-inbound' })
  @IsOptional()
  @IsString()
  @MaxLength(PROCESS_LENGTH_MAX)
  process?: string;
}

class ParkedDiscard {
  @ApiProperty({ example: 'a test of the shop, never meant for us' })
  readonly reason!: string;

  @ApiProperty({ description: 'Subject of the person who proposed it', example: 'olga@example.com' })
  readonly proposedBy!: string;

  @ApiProperty({ description: 'Subject of the person who confirmed it', example: 'ada@example.com' })
  readonly confirmedBy!: string;

  @ApiProperty({ example: '2026-03-06T10:00:00.000Z' })
  readonly at!: string;
}

export class ParkedRead {
  @ApiProperty({ example: '84d86570-8378-5032-a1f9-b38677db91ec' })
  readonly id!: string;

  @ApiProperty({ description: 'The process that refused it, or the publication', example: 'deal-ingestion-inbound' })
  readonly process!: string;

  @ApiProperty({ description: 'Topic of the message', example: 'deals.inbound' })
  readonly topic!: string;

  @ApiProperty({ description: 'Message of the topic, or event of the log', example: 'deals.inbound/0@17' })
  readonly origin!: string;

  @ApiProperty({ description: 'Why it was refused', example: 'the message is not JSON' })
  readonly reason!: string;

  @ApiProperty({ enum: PARKED_STATUSES })
  readonly status!: (typeof PARKED_STATUSES)[number];

  @ApiProperty({ example: '2026-03-05T10:00:00.000Z' })
  readonly parkedAt!: string;

  @ApiPropertyOptional({
    description: 'Nothing before it can change by the item; left out where that is not known',
    example: '2026-03-04T10:00:00.000Z',
  })
  readonly touchesFrom?: string;

  @ApiPropertyOptional({ type: ParkedDiscard, description: 'Who discarded it, and why' })
  readonly discard?: ParkedDiscard;
}

export class ParkedRetry {
  @ApiProperty({ example: '84d86570-8378-5032-a1f9-b38677db91ec' })
  readonly id!: string;

  @ApiProperty({ enum: ['retrying'] })
  readonly status!: 'retrying';
}
