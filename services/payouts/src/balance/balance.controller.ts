import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, ownPartner, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';

import { AccountFilter } from '../account/account-filter.dto.js';
import { Balance } from './balance.dto.js';
import { ListBalances } from './balance.queries.js';

@ApiTags('payouts')
@Controller('balances')
export class BalancesController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('finance', 'auditor', 'operator', 'partner')
  @ApiOperation({
    summary: 'List balances',
    description:
      'What the newest statements carry: amounts below the minimum, and debts. By payee, currency and calendar. A partner sees only its own.',
  })
  @ApiPage(Balance)
  @ApiProblems({ 403: { NotYours: 'a partner asked for balances of another partner' } })
  list(@Query() query: AccountFilter, @Caller() caller: Principal): Promise<Page<Balance>> {
    const { limit, cursor, ...filter } = query;
    const payee = ownPartner(caller, query.payee);
    return this.queries.execute(new ListBalances({ ...filter, payee }, limit, cursor));
  }
}
