import { Body, Controller, Get, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiBody,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiPropertyOptional,
  ApiTags,
} from '@nestjs/swagger';
import { schemaOf } from '@tantieme/contracts/schemas';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { TakeFact } from '../fact/fact.commands.js';
import type { RefusalKind } from '../refusal/refusal.js';
import { FindDeal, ListDeals, ListRefusals } from './deal.queries.js';
import type { DealInBrief, KnownDeal, KnownRefusal } from './deal.queries.js';

export class DealsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'of this source system alone' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  source?: string;
}

export class RefusalsQuery extends DealsQuery {
  @ApiPropertyOptional({ enum: ['invalid', 'conflict'] })
  @IsOptional()
  @IsIn(['invalid', 'conflict'])
  kind?: RefusalKind;
}

/** What became of a fact that was taken. */
export interface FactTaken {
  readonly outcome: 'accepted' | 'repeated';
  readonly source: string;
  readonly deal: string;
  /** Which fact of the deal it is: `booked`, `returned:R-1`. */
  readonly identity: string;
  /** SHA-256 of the fact's canonical form. */
  readonly hash: string;
}

@ApiTags('deals')
@Controller()
export class DealsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post('deals/facts')
  @RolesOf(TakeFact)
  @ApiOperation({
    summary: 'One fact of a deal: registered, booked, invoiced, paid, sold through, amended, returned, cancelled',
  })
  @ApiBody({ schema: schemaOf('deal-fact') })
  @ApiCreatedResponse({ description: 'The fact is new' })
  @ApiOkResponse({ description: 'The same fact is known already' })
  @ApiConflictResponse({ description: 'The fact is known with other content; what was sent is kept aside' })
  async take(
    @Body() fact: unknown,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<FactTaken> {
    const { actor, correlationId } = context;
    const taken = await this.commands.execute(new TakeFact(fact, { actor, correlationId }));
    switch (taken.outcome) {
      case 'accepted':
      case 'repeated':
        reply.status(taken.outcome === 'accepted' ? HttpStatus.CREATED : HttpStatus.OK);
        return taken;
      case 'conflict':
      case 'refused':
        throw new DomainError(
          taken.code,
          `${taken.message} (kept aside as refusal ${taken.refusal})`,
          taken.outcome === 'conflict' ? 'conflict' : 'invalid',
          taken.errors,
        );
      default:
        return taken satisfies never;
    }
  }

  @Get('deals')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Deals in brief, in order of source and id' })
  list(@Query() { limit, cursor, source }: DealsQuery): Promise<Page<DealInBrief>> {
    return this.queries.execute(new ListDeals(limit, cursor, source));
  }

  @Get('deals/:source/:id')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'A deal, and the facts that it is a function of' })
  find(@Param('source') source: string, @Param('id') id: string): Promise<KnownDeal> {
    return this.queries.execute(new FindDeal(source, id));
  }

  @Get('refusals')
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'What was not accepted, with field and reason: the quarantine, and what conflicts with what is known',
  })
  refusals(@Query() { limit, cursor, kind, source }: RefusalsQuery): Promise<Page<KnownRefusal>> {
    return this.queries.execute(new ListRefusals(limit, cursor, kind, source));
  }
}
