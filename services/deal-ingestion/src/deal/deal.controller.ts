import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DEAL_WITH_FACTS_EXAMPLE, DEAL_WITH_FACTS_SCHEMA, DealPath, DealsQuery, DealSummary } from './deal.dto.js';
import type { DealWithFacts } from './deal.dto.js';
import { FindDeal, ListDeals } from './deal.queries.js';

@ApiTags('deals')
@Controller('deals')
export class DealsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List deals',
    description:
      'Deals in brief, as the read model has them: a deal that was recorded this moment may still be missing.',
  })
  @ApiPage(DealSummary)
  list(@Query() query: DealsQuery): Promise<Page<DealSummary>> {
    return this.queries.execute(new ListDeals(query));
  }

  @Get(':source/:id')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'Show a deal',
    description: 'The deal as it is now, and the facts that it is a function of.',
  })
  @ApiOkResponse({
    description: 'The deal',
    content: { 'application/json': { schema: DEAL_WITH_FACTS_SCHEMA, example: DEAL_WITH_FACTS_EXAMPLE } },
  })
  @ApiProblems({ 404: { DealUnknown: 'no fact of this deal is recorded' } })
  find(@Param() { source, id }: DealPath): Promise<DealWithFacts> {
    return this.queries.execute(new FindDeal(source, id));
  }
}
