import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { ProposalRead } from '@tantieme/service-kit/two-people/proposal.dto';
import { ClosePeriod } from './period.commands.js';
import { ClosePeriodBody, ClosingPreview, PeriodListed, PeriodRead, PeriodsQuery } from './period.dto.js';
import { ListPeriods, PreviewClosing, ReadPeriod } from './period.queries.js';

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
    summary: 'Propose the closing of a period',
    description:
      'The closing starts when somebody else confirms the proposal; GET /periods/{calendar}/{period} shows its progress. While something is outstanding, it needs a reason.',
  })
  @ApiParam(CALENDAR_KEY)
  @ApiParam(PERIOD)
  @ApiBody({
    type: ClosePeriodBody,
    required: false,
    examples: {
      plain: { summary: 'Nothing is outstanding', value: {} },
      forced: { summary: 'Although deals are pending', value: { force: 'the partner of crm|D-1 will never register' } },
    },
  })
  @ApiAcceptedResponse({ type: ProposalRead, description: 'The proposal, which somebody else confirms' })
  @ApiProblems({
    409: {
      PeriodClosed: 'the period is closed already',
      ClosingInProgress: 'a period of the calendar is being closed',
      CalendarUnused: 'no published plan has this calendar',
      EarlierPeriodOpen: 'an earlier period is still open',
      PeriodNotEnded: 'the period has not ended, and the request gives no reason to close it all the same',
      DealsPending: 'deals that may touch the period are pending, and the request gives no reason',
      QuotasMissing: 'deals of the period have no quota, and the request gives no reason',
      ItemsParked: 'parked items may concern the period, and the request gives no reason',
      ProposalInProgress: 'an earlier proposal is being carried out',
    },
    422: PERIOD_INVALID,
  })
  close(
    @Param('calendar') calendar: string,
    @Param('period') period: string,
    @Body() { force }: ClosePeriodBody,
    @Context() context: RequestContext,
  ): Promise<ProposalRead> {
    return this.commands.execute(new ClosePeriod(calendar, period, force, context));
  }

  @Get(':calendar/:period/closing-preview')
  @Roles('finance', 'approver', 'auditor', 'operator')
  @ApiOperation({
    summary: 'Preview the closing of a period',
    description: 'How many statements it would issue, over which amounts, and what stands in its way. Changes nothing.',
  })
  @ApiParam(CALENDAR_KEY)
  @ApiParam(PERIOD)
  @ApiOkResponse({ type: ClosingPreview, description: 'What the closing would do now' })
  @ApiProblems({ 422: PERIOD_INVALID })
  preview(@Param('calendar') calendar: string, @Param('period') period: string): Promise<ClosingPreview> {
    return this.queries.execute(new PreviewClosing(calendar, period));
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
