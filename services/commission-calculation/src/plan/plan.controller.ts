import { Body, Controller, Get, HttpCode, Inject, Param, ParseIntPipe, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { Finding } from '@tantieme/commission-engine/plan/lint/parse-plan';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { TextBody } from '@tantieme/service-kit/http/text-body';
import { ApprovePlan, DraftPlan, EndPlan, hashOfPlan, PublishPlan } from './plan.commands.js';
import type { PlanDraft } from './plan.commands.js';
import { PLAN_DOCUMENT, planTextOf } from './plan.dto.js';
import { ListPlans, ReadPlan, ReadPlanVersion } from './plan.queries.js';
import type { PlanListed, VersionRead } from './plan.queries.js';
import { EndBody, PublishBody } from '../requests.dto.js';

/** What is paid takes two people: whoever drafted a version neither approves nor publishes it. */
@ApiTags('plans')
@Controller('plans')
export class PlansController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post()
  @RolesOf(DraftPlan)
  @TextBody()
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody({ schema: PLAN_DOCUMENT })
  @ApiOperation({ summary: 'Draft a version of a plan; the newest one again changes nothing' })
  async draft(@Body() body: unknown, @Context() context: CommandContext): Promise<VersionRead & PlanDraft> {
    const draft: PlanDraft = await this.commands.execute(new DraftPlan(planTextOf(body), context));
    return { ...(await this.version(draft.plan, draft.version)), ...draft };
  }

  @Post('lint')
  @HttpCode(200)
  @Roles('plan-designer', 'approver', 'auditor')
  @TextBody()
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody({ schema: PLAN_DOCUMENT })
  @ApiOperation({ summary: 'What is to be said about a plan document; nothing is kept' })
  lint(@Body() body: unknown): { readonly findings: readonly Finding[]; readonly hash?: string } {
    const { document, findings } = parsePlan(planTextOf(body));
    return { findings, ...(document === undefined ? {} : { hash: hashOfPlan(document) }) };
  }

  @Post(':id/versions/:version/approve')
  @HttpCode(200)
  @RolesOf(ApprovePlan)
  @ApiOperation({ summary: 'Approve a version; 403 for whoever drafted it' })
  async approve(
    @Param('id') id: string,
    @Param('version', ParseIntPipe) version: number,
    @Context() context: CommandContext,
  ): Promise<VersionRead> {
    await this.commands.execute(new ApprovePlan(id, version, context));
    return this.version(id, version);
  }

  @Post(':id/versions/:version/publish')
  @HttpCode(200)
  @RolesOf(PublishPlan)
  @ApiOperation({
    summary: 'Let an approved version take effect, or move the day of one that is published',
    description:
      '403 for whoever drafted it. 409 where periods from its day on are closed in which another version was in force.',
  })
  async publish(
    @Param('id') id: string,
    @Param('version', ParseIntPipe) version: number,
    @Body() { effectiveFrom }: PublishBody,
    @Context() context: CommandContext,
  ): Promise<VersionRead> {
    await this.commands.execute(new PublishPlan(id, version, effectiveFrom, context));
    return this.version(id, version);
  }

  @Post(':id/end')
  @HttpCode(200)
  @RolesOf(EndPlan)
  @ApiOperation({
    summary: 'End a plan with a last day, or move the day; 409 where it lies before the end of a closed period',
  })
  async end(
    @Param('id') id: string,
    @Body() { lastDay }: EndBody,
    @Context() context: CommandContext,
  ): Promise<PlanListed> {
    await this.commands.execute(new EndPlan(id, lastDay, context));
    return this.read(id);
  }

  @Get()
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'Plans with their versions: the state of each, who drafted, approved and published it, findings',
  })
  list(@Query() { limit, cursor }: PageQuery): Promise<Page<PlanListed>> {
    return this.queries.execute(new ListPlans(limit, cursor));
  }

  @Get(':id')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'A plan with its versions' })
  read(@Param('id') id: string): Promise<PlanListed> {
    return this.queries.execute(new ReadPlan(id));
  }

  @Get(':id/versions/:version')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'A version of a plan with its document' })
  version(@Param('id') id: string, @Param('version', ParseIntPipe) version: number): Promise<VersionRead> {
    return this.queries.execute(new ReadPlanVersion(id, version));
  }
}
