import { Body, Controller, Get, HttpCode, Inject, Param, ParseIntPipe, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { parsePlan } from '@tantieme/commission-engine/plan/lint/parse-plan';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { TextBody } from '@tantieme/service-kit/http/text-body';
import { ApprovePlan, DraftPlan, EndPlan, hashOfPlan, PublishPlan } from './plan.commands.js';
import type { PlanDraft } from './plan.commands.js';
import {
  EndBody,
  PLAN_BODY,
  PlanDraftAnswer,
  PlanLint,
  PlansQuery,
  PlanSummary,
  planTextOf,
  PlanVersionDetail,
  PublishBody,
} from './plan.dto.js';
import { ListPlans, ReadPlan, ReadPlanVersion } from './plan.queries.js';

const PLAN_ID = { name: 'id', description: 'Id of the plan', example: 'resellers-2026' };
const VERSION = { name: 'version', description: 'Number of the version, from 1', example: 1 };

const VERSION_UNKNOWN = { PlanVersionUnknown: 'the plan does not exist, or has no version of this number' };
const SECOND_PERSON = { SecondPersonNeeded: 'the author of a version can neither approve nor publish it' };
const PERIOD_CLOSED = 'it would change the terms of closed periods';

/** What a plan pays takes two people: the author of a version can neither approve nor publish it. */
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
  @ApiBody(PLAN_BODY)
  @ApiOperation({
    summary: 'Draft a version of a plan',
    description: 'Sending the newest version again changes nothing and answers with it (`isNew: false`).',
  })
  @ApiCreatedResponse({ type: PlanDraftAnswer, description: 'The draft, or the newest version that equals it' })
  @ApiProblems({
    409: {
      PlanVersionRefused: 'currency, calendar or triggers differ from the published versions',
      PlanVersionsTooMany: 'the plan has the most versions that a plan can have',
    },
    422: { PlanInvalid: 'the document has errors, listed with path, line and column' },
  })
  async draft(@Body() body: unknown, @Context() context: RequestContext): Promise<PlanDraftAnswer> {
    const { plan, version, isNew }: PlanDraft = await this.commands.execute(new DraftPlan(planTextOf(body), context));
    return { ...(await this.version(plan, version)), isNew };
  }

  @Post('lint')
  @HttpCode(200)
  @Roles('plan-designer', 'approver', 'auditor')
  @TextBody()
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody(PLAN_BODY)
  @ApiOperation({
    summary: 'Check a plan document',
    description: 'Lists errors and warnings of the document. Nothing is stored.',
  })
  @ApiOkResponse({ type: PlanLint, description: 'Findings; none for a document without errors and warnings' })
  lint(@Body() body: unknown): PlanLint {
    const { document, findings } = parsePlan(planTextOf(body));
    return omitUndefined({ findings, hash: document && hashOfPlan(document) });
  }

  @Post(':id/versions/:version/approve')
  @HttpCode(200)
  @RolesOf(ApprovePlan)
  @ApiOperation({
    summary: 'Approve a version',
    description: 'Somebody other than the author of the version has to approve it. Approving again changes nothing.',
  })
  @ApiParam(PLAN_ID)
  @ApiParam(VERSION)
  @ApiOkResponse({ type: PlanVersionDetail, description: 'The approved version' })
  @ApiProblems({ 403: SECOND_PERSON, 404: VERSION_UNKNOWN })
  async approve(
    @Param('id') id: string,
    @Param('version', ParseIntPipe) version: number,
    @Context() context: RequestContext,
  ): Promise<PlanVersionDetail> {
    await this.commands.execute(new ApprovePlan(id, version, context));
    return this.version(id, version);
  }

  @Post(':id/versions/:version/publish')
  @HttpCode(200)
  @RolesOf(PublishPlan)
  @ApiOperation({
    summary: 'Publish an approved version',
    description:
      'The version takes effect on the given day. Publishing a published version again moves it to another day. Terms of closed periods never change.',
  })
  @ApiParam(PLAN_ID)
  @ApiParam(VERSION)
  @ApiOkResponse({ type: PlanVersionDetail, description: 'The published version' })
  @ApiProblems({
    403: SECOND_PERSON,
    404: VERSION_UNKNOWN,
    409: {
      PlanVersionNotApproved: 'somebody other than its author has to approve the version first',
      PlanVersionRefused: 'currency, calendar or triggers differ from the published versions',
      PlanPeriodClosed: PERIOD_CLOSED,
      PlanOver: "the day is after the plan's last day",
    },
  })
  async publish(
    @Param('id') id: string,
    @Param('version', ParseIntPipe) version: number,
    @Body() { effectiveFrom }: PublishBody,
    @Context() context: RequestContext,
  ): Promise<PlanVersionDetail> {
    await this.commands.execute(new PublishPlan(id, version, effectiveFrom, context));
    return this.version(id, version);
  }

  @Post(':id/end')
  @HttpCode(200)
  @RolesOf(EndPlan)
  @ApiOperation({
    summary: 'End a plan',
    description: 'Nothing is credited after the last day. Ending an ended plan again moves its last day.',
  })
  @ApiParam(PLAN_ID)
  @ApiOkResponse({ type: PlanSummary, description: 'The plan with its last day' })
  @ApiProblems({
    409: { PlanNotPublished: 'no version of the plan is published', PlanPeriodClosed: PERIOD_CLOSED },
  })
  async end(
    @Param('id') id: string,
    @Body() { lastDay }: EndBody,
    @Context() context: RequestContext,
  ): Promise<PlanSummary> {
    await this.commands.execute(new EndPlan(id, lastDay, context));
    return this.read(id);
  }

  @Get()
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List plans',
    description: 'Plans in order of id, with the state of each version and who drafted, approved and published it.',
  })
  @ApiPage(PlanSummary)
  list(@Query() { state, text, limit, cursor }: PlansQuery): Promise<Page<PlanSummary>> {
    return this.queries.execute(new ListPlans({ state, text }, limit, cursor));
  }

  @Get(':id')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Read a plan', description: 'The plan with all its versions, without their documents.' })
  @ApiParam(PLAN_ID)
  @ApiOkResponse({ type: PlanSummary, description: 'The plan' })
  @ApiProblems({ 404: { PlanUnknown: 'there is no plan with this id' } })
  read(@Param('id') id: string): Promise<PlanSummary> {
    return this.queries.execute(new ReadPlan(id));
  }

  @Get(':id/versions/:version')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Read a version of a plan', description: 'The version with its document.' })
  @ApiParam(PLAN_ID)
  @ApiParam(VERSION)
  @ApiOkResponse({ type: PlanVersionDetail, description: 'The version' })
  @ApiProblems({ 404: VERSION_UNKNOWN })
  version(@Param('id') id: string, @Param('version', ParseIntPipe) version: number): Promise<PlanVersionDetail> {
    return this.queries.execute(new ReadPlanVersion(id, version));
  }
}
