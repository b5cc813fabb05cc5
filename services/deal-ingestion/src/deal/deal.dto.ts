/** What the routes of deals accept and answer. */
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import { TrueOrFalse } from '@tantieme/service-kit/http/file-import';
import { schemaOf } from '@tantieme/contracts/schemas';
import type { Deal, DealFact } from '@tantieme/contracts/deal';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { PERIOD } from './deal-period.js';
import { DEAL_STAGES } from './deal-stage.js';
import type { DealStage } from './deal-stage.js';
import type { OverReturn } from './over-returns.js';
import { OVER_RETURNS_MAX } from '../limits.js';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const NOT_A_DAY = { message: 'is not a calendar date (YYYY-MM-DD)' };

export const DEAL_SORTS = ['id', '-id', 'occurredAt', '-occurredAt', 'customer', '-customer'] as const;
export type DealSort = (typeof DEAL_SORTS)[number];

export class DealPath {
  @ApiProperty({ example: 'crm', description: 'The source system' })
  @IsString()
  @Length(1, ID_LENGTH_MAX)
  source!: string;

  @ApiProperty({ example: 'D-1042', description: 'Id of the deal in its source' })
  @IsString()
  @Length(1, ID_LENGTH_MAX)
  id!: string;
}

export class DealsQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'crm', description: 'Only deals of this source system' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  source?: string;

  @ApiPropertyOptional({ example: 'P-1', description: 'Only deals that name this partner, in any role' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  partner?: string;

  @ApiPropertyOptional({
    example: '2026-Q1',
    description: 'Only deals of this year, quarter or month (`2026`, `2026-Q1`, `2026-03`), in UTC',
  })
  @IsOptional()
  @Matches(PERIOD, { message: 'is not a year, quarter or month, such as 2026, 2026-Q1 or 2026-03' })
  period?: string;

  @ApiPropertyOptional({ example: '2026-03-01', description: 'Only deals on or after this day of UTC' })
  @IsOptional()
  @Matches(DAY, NOT_A_DAY)
  from?: string;

  @ApiPropertyOptional({ example: '2026-04-01', description: 'Only deals before this day of UTC' })
  @IsOptional()
  @Matches(DAY, NOT_A_DAY)
  until?: string;

  @ApiPropertyOptional({ example: 'EUR', description: 'Only deals in this currency (ISO 4217)' })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: 'is not a currency code of three capital letters, such as EUR' })
  currency?: string;

  @ApiPropertyOptional({ enum: DEAL_STAGES, description: 'Only deals whose last stage this is' })
  @IsOptional()
  @IsIn(DEAL_STAGES)
  state?: DealStage;

  @ApiPropertyOptional({
    description: 'True: only deals with returns of more than was sold; false: only deals without',
  })
  @TrueOrFalse()
  overReturned?: boolean;

  @ApiPropertyOptional({ example: 'D-10', description: 'Only deals whose id or customer starts with this text' })
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  text?: string;

  @ApiPropertyOptional({
    enum: DEAL_SORTS,
    default: 'id',
    description: 'Order of the list; with a minus sign, the last first. `id` is by source, then id',
  })
  @IsOptional()
  @IsIn(DEAL_SORTS)
  sort: DealSort = 'id';
}

const OVER_RETURN_DESCRIPTION =
  'A return of more than was sold. Nothing is taken back for what exceeds the line: correct the return, or withdraw it';

export class OverReturnAnswer implements OverReturn {
  @ApiProperty({ example: 'R-2', description: 'Id of the return' })
  readonly return!: string;

  @ApiProperty({ example: '1' })
  readonly line!: string;

  @ApiProperty({ example: '100.00', description: 'Net amount of the line that was sold' })
  readonly sold!: string;

  @ApiProperty({ example: '50.00', description: 'By how much the return exceeds what the returns before it left' })
  readonly exceeds!: string;
}

/** A deal in a list. */
export class DealSummary {
  @ApiProperty({ example: 'crm' })
  readonly source!: string;

  @ApiProperty({ example: 'D-1042' })
  readonly id!: string;

  @ApiProperty({ example: 3, description: 'Revision of the deal, from 0: the number of its facts less one' })
  readonly revision!: number;

  @ApiProperty({ enum: DEAL_STAGES, description: 'The last stage that the deal has reached' })
  readonly state!: DealStage;

  @ApiPropertyOptional({
    example: '2026-03-05T10:00:00.000Z',
    description: 'When it was booked, else registered, else first invoiced',
  })
  readonly occurredAt?: string;

  @ApiPropertyOptional({ example: 'EUR' })
  readonly currency?: string;

  @ApiPropertyOptional({ example: 'C-77', description: 'The end customer, as a pseudonymous key' })
  readonly customer?: string;

  @ApiProperty({ example: 2 })
  readonly lineCount!: number;

  @ApiPropertyOptional({ example: '2026-02-20T10:00:00.000Z' })
  readonly registeredAt?: string;

  @ApiPropertyOptional({ example: '2026-03-05T10:00:00.000Z' })
  readonly bookedAt?: string;

  @ApiProperty({ example: 1 })
  readonly invoiceCount!: number;

  @ApiProperty({ example: 0 })
  readonly paymentCount!: number;

  @ApiProperty({ example: 0 })
  readonly returnCount!: number;

  @ApiPropertyOptional({ example: '2026-03-20T10:00:00.000Z' })
  readonly cancelledAt?: string;

  @ApiPropertyOptional({
    type: [OverReturnAnswer],
    description: 'Returns of more than was sold; absent if there are none',
  })
  readonly overReturns?: readonly OverReturnAnswer[];
}

/** A deal with the facts that it is a function of. */
export interface DealWithFacts extends Deal {
  /** Revision of the deal, from 0. */
  readonly revision: number;
  /** In the order in which they were recorded. */
  readonly facts: readonly { readonly identity: string; readonly hash: string; readonly fact: DealFact }[];
  /** In order of time. */
  readonly overReturns: readonly OverReturn[];
}

interface JsonSchema {
  readonly $id?: string;
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

/** Without its `$id`: with more fields it is another schema. */
const { $id: _, ...DEAL_SCHEMA }: JsonSchema = schemaOf('deal');

/** {@link DealWithFacts}: the schema of the message with three more fields. */
export const DEAL_WITH_FACTS_SCHEMA: object = {
  ...DEAL_SCHEMA,
  required: [...(DEAL_SCHEMA.required ?? []), 'revision', 'facts', 'overReturns'],
  properties: {
    ...DEAL_SCHEMA.properties,
    revision: { type: 'integer', minimum: 0, description: 'Revision of the deal, from 0' },
    overReturns: {
      type: 'array',
      description: `${OVER_RETURN_DESCRIPTION}. At most ${OVER_RETURNS_MAX} are listed`,
      items: {
        type: 'object',
        required: ['return', 'line', 'sold', 'exceeds'],
        properties: {
          return: { type: 'string', description: 'Id of the return' },
          line: { type: 'string' },
          sold: { type: 'string', description: 'Net amount of the line that was sold' },
          exceeds: { type: 'string', description: 'By how much the return exceeds what the returns before it left' },
        },
      },
    },
    facts: {
      type: 'array',
      description: 'The facts that the deal is a function of, in the order in which they were recorded',
      items: {
        type: 'object',
        required: ['identity', 'hash', 'fact'],
        properties: {
          identity: { type: 'string', description: 'Which fact of the deal it is: `booked`, `returned:R-1`' },
          hash: { type: 'string', description: 'SHA-256 of its normal form' },
          fact: schemaOf('deal-fact'),
        },
      },
    },
  },
};

export const DEAL_WITH_FACTS_EXAMPLE: DealWithFacts = {
  source: 'crm',
  id: 'D-1042',
  terms: {
    currency: 'EUR',
    lines: [{ id: '1', category: 'hardware', net: '100.00' }],
    partners: [{ role: 'seller', partner: 'P-1' }],
  },
  bookedAt: '2026-03-05T10:00:00.000Z',
  invoices: [],
  payments: [],
  soldThrough: [],
  returns: [],
  overReturns: [],
  revision: 0,
  facts: [
    {
      identity: 'booked',
      hash: '5f2b0c61d2a6a5a8f2f6b3c1b6f3a1c94d5a0f2f6c1d7b8e9a0b1c2d3e4f5a6b',
      fact: {
        source: 'crm',
        deal: 'D-1042',
        kind: 'booked',
        occurredAt: '2026-03-05T10:00:00.000Z',
        terms: {
          currency: 'EUR',
          lines: [{ id: '1', category: 'hardware', net: '100.00' }],
          partners: [{ role: 'seller', partner: 'P-1' }],
        },
      },
    },
  ],
};
