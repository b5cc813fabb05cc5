import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { ProposalRead } from '@tantieme/service-kit/two-people/proposal.dto';
import { WaiveDeal } from './pending-deal.commands.js';
import { PendingDeal, PendingDealsQuery, WaiveDealBody } from './pending-deal.dto.js';
import { ListPendingDeals } from './pending-deal.queries.js';

@ApiTags('pending-deals')
@Controller('pending-deals')
export class PendingDealsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Get()
  @Roles('source', 'plan-designer', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List pending deals',
    description:
      'Deals that cannot be credited, or not completely, and deals that earn nothing until a quota is recorded. They are calculated as soon as the missing fact arrives; until then, a period that they may touch only closes with a reason. Without those that were waived.',
  })
  @ApiPage(PendingDeal)
  @ApiProblems({ 422: { PeriodInvalid: 'the calendar key is not valid, or the period is not one of the calendar' } })
  list(@Query() { sort, limit, cursor, ...filter }: PendingDealsQuery): Promise<Page<PendingDeal>> {
    return this.queries.execute(new ListPendingDeals(filter, sort, limit, cursor));
  }

  @Post(':deal/waive')
  @HttpCode(202)
  @RolesOf(WaiveDeal)
  @ApiOperation({
    summary: 'Propose to waive what a deal waits for',
    description:
      'Once somebody else confirms the proposal, no closing waits for it. If the missing fact arrives later, the deal is calculated as usual.',
  })
  @ApiParam({ name: 'deal', description: '`source|id` of the deal', example: 'crm|D-1' })
  @ApiAcceptedResponse({ type: ProposalRead, description: 'The proposal' })
  @ApiProblems({
    404: { NothingPending: 'the deal waits for nothing' },
    409: { ProposalInProgress: 'an earlier proposal is being carried out' },
  })
  waive(
    @Param('deal') deal: string,
    @Body() { reason }: WaiveDealBody,
    @Context() context: RequestContext,
  ): Promise<ProposalRead> {
    return this.commands.execute(new WaiveDeal(deal, reason, context));
  }
}
