import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { parsePlan } from '@tantieme/commission-engine/plan';
import type { Finding } from '@tantieme/commission-engine/plan';
import type { CommandContext } from '@tantieme/event-sourcing/runtime';
import { Roles } from '@tantieme/service-kit/auth';
import { Context } from '@tantieme/service-kit/context';
import { PageQuery } from '@tantieme/service-kit/cursor';
import type { Page } from '@tantieme/service-kit/cursor';
import { hashOfPlan, PublishPlanText } from './commands/publish-plan.js';
import type { PublishedPlan } from './commands/publish-plan.js';
import { ListPlans, ReadPlan } from './queries/list-plans.js';
import type { PlanListed, PlanRead } from './queries/list-plans.js';
import { LintBody, PlanBody } from './requests.js';

@ApiTags('plans')
@Controller('plans')
export class PlansController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post()
  @Roles('plan-designer')
  @ApiOperation({ summary: 'Publish a version of a plan; the same again changes nothing' })
  publish(@Body() { document, effectiveFrom }: PlanBody, @Context() context: CommandContext): Promise<PublishedPlan> {
    return this.commands.execute(new PublishPlanText(document, effectiveFrom, context));
  }

  @Post('lint')
  @HttpCode(200)
  @Roles('plan-designer', 'approver', 'auditor')
  @ApiOperation({ summary: 'What is to be said about a plan document; nothing is published' })
  lint(@Body() { document: text }: LintBody): { readonly findings: readonly Finding[]; readonly hash?: string } {
    const { document, findings } = parsePlan(text);
    return { findings, ...(document === undefined ? {} : { hash: hashOfPlan(document) }) };
  }

  @Get()
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Plans with their versions' })
  list(@Query() { limit, cursor }: PageQuery): Promise<Page<PlanListed>> {
    return this.queries.execute(new ListPlans(limit, cursor));
  }

  @Get(':id')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'A plan with the documents of its versions' })
  read(@Param('id') id: string): Promise<PlanRead> {
    return this.queries.execute(new ReadPlan(id));
  }
}
