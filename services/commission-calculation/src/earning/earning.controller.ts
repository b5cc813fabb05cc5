import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, ownPartner, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { EarningListed, EarningsQuery } from './earning.dto.js';
import { ListEarnings } from './earning.queries.js';

@ApiTags('earnings')
@Controller('earnings')
export class EarningsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('finance', 'approver', 'auditor', 'operator', 'plan-designer', 'partner')
  @ApiOperation({
    summary: 'List earnings',
    description: 'Posted ledger lines of all payees; partners see only their own.',
  })
  @ApiPage(EarningListed)
  @ApiProblems({ 403: { NotYours: 'a partner asked for the earnings of another payee' } })
  list(
    @Query() { payee, plan, period, deal, sort, limit, cursor }: EarningsQuery,
    @Caller() caller: Principal,
  ): Promise<Page<EarningListed>> {
    const filter = { payee: ownPartner(caller, payee), plan, period, deal };
    return this.queries.execute(new ListEarnings(filter, sort, limit, cursor));
  }
}
