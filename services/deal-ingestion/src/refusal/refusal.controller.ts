import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { Refusal, RefusalPath, RefusalsQuery } from './refusal.dto.js';
import { FindRefusal, ListRefusals } from './refusal.queries.js';

@ApiTags('refusals')
@Controller('refusals')
export class RefusalsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List refusals',
    description:
      'Facts that were not recorded, with their reasons: what is not valid, and what conflicts with what is recorded. ' +
      'A refusal is resolved when the same fact arrives and is right.',
  })
  @ApiPage(Refusal)
  list(@Query() query: RefusalsQuery): Promise<Page<Refusal>> {
    return this.queries.execute(new ListRefusals(query));
  }

  @Get(':id')
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Show a refusal', description: 'What was refused, why, and whether it is resolved.' })
  @ApiOkResponse({ type: Refusal, description: 'The refusal' })
  @ApiProblems({ 404: { RefusalUnknown: 'there is no refusal with this id' } })
  find(@Param() { id }: RefusalPath): Promise<Refusal> {
    return this.queries.execute(new FindRefusal(id));
  }
}
