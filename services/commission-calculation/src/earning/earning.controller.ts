import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { assertOwn, Caller, ownPartner, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { Explanation } from '../explanation/explanation.js';
import { ExplainLine } from '../explanation/explanation.queries.js';
import { ListEarnings, ListWaiting } from './earning.queries.js';
import type { EarningListed } from './earning.queries.js';
import type { WaitingRow } from '../credit/pending-deals.tables.js';
import { EarningsQuery, ExplainQuery, WaitingQuery } from '../requests.dto.js';

@ApiTags('earnings')
@Controller()
export class EarningsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get('earnings')
  @Roles('finance', 'approver', 'auditor', 'operator', 'plan-designer', 'partner')
  @ApiOperation({ summary: 'Posted ledger lines' })
  list(
    @Query() { payee, plan, period, deal, limit, cursor }: EarningsQuery,
    @Caller() caller: Principal,
  ): Promise<Page<EarningListed>> {
    return this.queries.execute(
      new ListEarnings({ payee: ownPartner(caller, payee), plan, period, deal }, limit, cursor),
    );
  }

  @Get('earnings/explain')
  @Roles('finance', 'approver', 'auditor', 'operator', 'plan-designer', 'partner')
  @ApiOperation({
    summary: 'How a ledger line came about: postings, rate, portions, credit, and the source line of the deal',
  })
  explain(
    @Query() { payee, plan, component, deal, line }: ExplainQuery,
    @Caller() caller: Principal,
  ): Promise<Explanation> {
    assertOwn(caller, payee);
    return this.queries.execute(
      new ExplainLine(payee, plan, component, deal, line, caller.limitedTo === undefined ? 'internal' : 'partner'),
    );
  }

  @Get('credits/waiting')
  @Roles('source', 'plan-designer', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Deals that are not credited, or not wholly, with the reason' })
  waiting(@Query() { code, subject, limit, cursor }: WaitingQuery): Promise<Page<WaitingRow>> {
    return this.queries.execute(new ListWaiting({ code, subject }, limit, cursor));
  }
}
