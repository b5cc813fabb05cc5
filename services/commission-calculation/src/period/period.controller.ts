import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { ClosePeriod } from './period.commands.js';
import { ListPeriods, ReadPeriod } from './period.queries.js';
import type { PeriodListed, PeriodRead } from './period.queries.js';
import { ClosePeriodBody, PeriodsQuery } from '../requests.dto.js';

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
    summary:
      'Begin to close a period of a calendar (`monthly@Europe/Paris`); one that is closed stays so. While deals are waiting, only with a reason',
  })
  async close(
    @Param('calendar') calendar: string,
    @Param('period') period: string,
    @Body() { force }: ClosePeriodBody,
    @Context() context: CommandContext,
  ): Promise<PeriodRead> {
    await this.commands.execute(new ClosePeriod(calendar, period, force, context));
    return this.queries.execute(new ReadPeriod(calendar, period));
  }

  @Get(':calendar/:period')
  @Roles('operator', 'finance', 'approver', 'auditor', 'plan-designer')
  @ApiOperation({ summary: 'Whether a period is open, and how far its closing has come' })
  read(@Param('calendar') calendar: string, @Param('period') period: string): Promise<PeriodRead> {
    return this.queries.execute(new ReadPeriod(calendar, period));
  }

  @Get()
  @Roles('operator', 'finance', 'approver', 'auditor', 'plan-designer')
  @ApiOperation({ summary: 'Periods that were closed, or are being closed' })
  list(@Query() { calendar, limit, cursor }: PeriodsQuery): Promise<Page<PeriodListed>> {
    return this.queries.execute(new ListPeriods(calendar, limit, cursor));
  }
}
