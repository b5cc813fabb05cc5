import { Controller, Get, Inject, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { assertOwn, Caller, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { ExplainQuery, ExplanationAnswer } from './explanation.dto.js';
import { ExplainLine } from './explanation.queries.js';

@ApiTags('earnings')
@Controller('earnings/explain')
export class ExplanationsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('finance', 'approver', 'auditor', 'operator', 'plan-designer', 'partner')
  @ApiOperation({
    summary: 'Explain a ledger line',
    description: 'Postings, rate with its portions, credit, and the source line of the deal; as data and in sentences.',
  })
  @ApiOkResponse({ type: ExplanationAnswer, description: 'The explanation' })
  @ApiProblems({
    403: { NotYours: 'a partner asked for a line of another payee' },
    404: { LineUnknown: 'the payee has neither a posting nor a credit of this component, deal and line' },
  })
  explain(
    @Query() { payee, plan, component, deal, line }: ExplainQuery,
    @Caller() caller: Principal,
  ): Promise<ExplanationAnswer> {
    assertOwn(caller, payee);
    const audience = caller.limitedTo === undefined ? 'internal' : 'partner';
    return this.queries.execute(new ExplainLine(payee, plan, component, deal, line, audience));
  }
}
