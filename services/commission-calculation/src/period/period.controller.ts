import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { ClosePeriod } from './period.commands.js';
import { ClosePeriodBody, PeriodListed, PeriodRead, PeriodsQuery } from './period.dto.js';
import { ListPeriods, ReadPeriod } from './period.queries.js';

const CALENDAR_KEY = { name: 'calendar', description: 'Key of the calendar', example: 'monthly@Europe/Paris' };
const PERIOD = { name: 'period', description: 'Period of the calendar', example: '2026-03' };
const PERIOD_INVALID = { PeriodInvalid: 'the calendar key is not valid, or the period is not one of the calendar' };

@ApiTags('periods')
@Controller('periods')
export class PeriodsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post(':calendar/:period/close')
  @HttpCode(202)
  @RolesOf(ClosePeriod)
  @ApiOperation({
    summary: 'Start the closing of a period',
    description:
      'The closing runs in the background; GET /periods/{calendar}/{period} shows its progress. A closed period stays closed. While deals are pending, a closing needs a reason.',
  })
  @ApiParam(CALENDAR_KEY)
  @ApiParam(PERIOD)
  @ApiBody({
    type: ClosePeriodBody,
    required: false,
    examples: {
      plain: { summary: 'No deal is pending', value: {} },
      forced: { summary: 'Although deals are pending', value: { force: 'the partner of crm|D-1 will never register' } },
    },
  })
  @ApiAcceptedResponse({ type: PeriodRead, description: 'The closing has started, or the period is closed already' })
  @ApiProblems({
    409: {
      ClosingInProgress: 'another period of the calendar is being closed',
      EarlierPeriodOpen: 'an earlier period is still open',
      DealsPending: 'deals are pending, and the request gives no reason to close all the same',
    },
    422: PERIOD_INVALID,
  })
  async close(
    @Param('calendar') calendar: string,
    @Param('period') period: string,
    @Body() { force }: ClosePeriodBody,
    @Context() context: CommandContext,
  ): Promise<PeriodRead> {
    await this.commands.execute(new ClosePeriod(calendar, period, force, context));
    return this.read(calendar, period);
  }

  @Get(':calendar/:period')
  @Roles('operator', 'finance', 'approver', 'auditor', 'plan-designer')
  @ApiOperation({
    summary: 'Read a period',
    description: 'Whether the period is open, closing or closed, and the stages its closing has passed.',
  })
  @ApiParam(CALENDAR_KEY)
  @ApiParam(PERIOD)
  @ApiOkResponse({ type: PeriodRead, description: 'The period' })
  @ApiProblems({ 422: PERIOD_INVALID })
  read(@Param('calendar') calendar: string, @Param('period') period: string): Promise<PeriodRead> {
    return this.queries.execute(new ReadPeriod(calendar, period));
  }

  @Get()
  @Roles('operator', 'finance', 'approver', 'auditor', 'plan-designer')
  @ApiOperation({ summary: 'List periods', description: 'Periods that are closed or being closed.' })
  @ApiPage(PeriodListed)
  list(@Query() { calendar, state, sort, limit, cursor }: PeriodsQuery): Promise<Page<PeriodListed>> {
    return this.queries.execute(new ListPeriods({ calendar, state }, sort, limit, cursor));
  }
}
