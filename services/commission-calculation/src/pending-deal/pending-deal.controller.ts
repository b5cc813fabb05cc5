import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { ApiPage } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { PendingDeal, PendingDealsQuery } from './pending-deal.dto.js';
import { ListPendingDeals } from './pending-deal.queries.js';

@ApiTags('pending-deals')
@Controller('pending-deals')
export class PendingDealsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('source', 'plan-designer', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List pending deals',
    description:
      'Deals that cannot be credited, or not completely, and deals that earn nothing until a quota is recorded. They are calculated as soon as the missing fact arrives; until then, a period only closes with a reason.',
  })
  @ApiPage(PendingDeal)
  list(
    @Query() { code, subject, deal, partner, plan, sort, limit, cursor }: PendingDealsQuery,
  ): Promise<Page<PendingDeal>> {
    return this.queries.execute(new ListPendingDeals({ code, subject, deal, partner, plan }, sort, limit, cursor));
  }
}
