import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, ownPartner, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';

import { Bonus, BonusesQuery } from './bonus.dto.js';
import { ListBonuses } from './bonus.queries.js';

@ApiTags('rewards')
@Controller('bonuses')
export class BonusesController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('plan-designer', 'finance', 'auditor', 'operator', 'partner')
  @ApiOperation({
    summary: 'List bonuses',
    description:
      'What each window of each participant measures and pays now, by payee, programme and window. A partner sees only its own.',
  })
  @ApiPage(Bonus)
  @ApiProblems({ 403: { NotYours: 'a partner asked for bonuses of another partner' } })
  list(@Query() query: BonusesQuery, @Caller() caller: Principal): Promise<Page<Bonus>> {
    const { limit, cursor, ...filter } = query;
    const payee = ownPartner(caller, query.payee);
    return this.queries.execute(new ListBonuses({ ...filter, payee }, limit, cursor));
  }
}
