import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { DiscardBody, ProposalRead } from '@tantieme/service-kit/two-people/proposal.dto';
import { ProposeDiscard } from './discard.commands.js';
import { Refusal, RefusalPath, RefusalsQuery } from './refusal.dto.js';
import { FindRefusal, ListRefusals } from './refusal.queries.js';

@ApiTags('refusals')
@Controller('refusals')
export class RefusalsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

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
  @Post(':id/discard')
  @HttpCode(202)
  @RolesOf(ProposeDiscard)
  @ApiOperation({
    summary: 'Propose to discard a refusal',
    description:
      'Once somebody else confirms the proposal, nobody has to correct the fact any longer. It stays listed as discarded.',
  })
  @ApiAcceptedResponse({ type: ProposalRead, description: 'The proposal' })
  @ApiProblems({
    404: { RefusalUnknown: 'there is no refusal with this id' },
    409: {
      RefusalResolved: 'it is resolved or discarded already',
      ProposalInProgress: 'an earlier proposal is being carried out',
    },
  })
  discard(
    @Param() { id }: RefusalPath,
    @Body() { reason }: DiscardBody,
    @Context() context: RequestContext,
  ): Promise<ProposalRead> {
    return this.commands.execute(new ProposeDiscard(id, reason, context));
  }
}
