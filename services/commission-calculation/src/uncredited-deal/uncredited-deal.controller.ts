import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { ApiPage } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { UncreditedDeal, UncreditedDealsQuery } from './uncredited-deal.dto.js';
import { ListUncreditedDeals } from './uncredited-deal.queries.js';

@ApiTags('pending-deals')
@Controller('uncredited-deals')
export class UncreditedDealsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('source', 'plan-designer', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List deals that earn nothing',
    description:
      'Deals that are credited to nobody, each with its reasons. They block no closing, except for those that are pending.',
  })
  @ApiPage(UncreditedDeal)
  list(@Query() { limit, cursor, ...filter }: UncreditedDealsQuery): Promise<Page<UncreditedDeal>> {
    return this.queries.execute(new ListUncreditedDeals(filter, limit, cursor));
  }
}
