import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Roles } from '@tantieme/service-kit/access/auth';
import { ApiPage } from '@tantieme/service-kit/http/api-answers';
import type { Page } from '@tantieme/service-kit/http/cursor';

import { CALENDAR, PERIOD } from '../account/account-filter.dto.js';
import { StatementRunProgress, StatementRunsQuery } from './statement-run.dto.js';
import { ListStatementRuns, ReadStatementRun } from './statement-run.queries.js';

@ApiTags('statements')
@Controller('statement-runs')
export class StatementRunsController {
  constructor(@Inject(QueryBus) private readonly queries: QueryBus) {}

  @Get()
  @Roles('finance', 'auditor', 'approver', 'operator')
  @ApiOperation({
    summary: 'List statement runs',
    description: 'One per calendar and period, from the first page of a manifest on; by calendar and period.',
  })
  @ApiPage(StatementRunProgress)
  list(@Query() query: StatementRunsQuery): Promise<Page<StatementRunProgress>> {
    const { limit, cursor, ...filter } = query;
    return this.queries.execute(new ListStatementRuns(filter, limit, cursor));
  }

  @Get(':calendar/:period')
  @Roles('finance', 'auditor', 'approver', 'operator')
  @ApiParam({ name: 'calendar', description: `${CALENDAR.description}; percent-encoded`, example: CALENDAR.example })
  @ApiParam({ name: 'period', description: PERIOD.description, example: PERIOD.example })
  @ApiOperation({
    summary: 'Read the progress of one statement run',
    description: 'A period that nobody has closed yet is answered as `awaiting-manifests`, not as unknown.',
  })
  @ApiOkResponse({ type: StatementRunProgress, description: 'The progress of the period' })
  read(@Param('calendar') calendar: string, @Param('period') period: string): Promise<StatementRunProgress> {
    return this.queries.execute(new ReadStatementRun(calendar, period));
  }
}
