import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';

import { Caller, Roles } from '../access/auth.js';
import type { Principal } from '../access/auth.js';
import { ApiPage, ApiProblems } from '../http/api-answers.js';
import { Context } from '../http/context.js';
import type { Page } from '../http/cursor.js';
import { ProposalRead, ProposalsQuery, RejectProposalBody } from './proposal.dto.js';
import type { Proposals } from './proposals.js';

const UNKNOWN = { ProposalUnknown: 'there is no such proposal' };
const DECIDED = {
  ProposalDecided: 'somebody has confirmed or rejected it',
  ProposalSuperseded: 'there is a newer proposal of the same action and subject',
};

/**
 * The routes for the proposals of one service.
 * @param path first segment of the routes, by which a reverse proxy finds the service: `commission-proposals`
 * @param proposals token of the service's {@link Proposals}
 */
export function proposalsController(path: string, proposals: symbol): Type {
  @ApiTags('proposals')
  @Controller(path)
  class ProposalsController {
    constructor(@Inject(proposals) private readonly proposals: Proposals) {}

    @Get()
    @Roles('finance', 'approver', 'operator', 'auditor', 'plan-designer')
    @ApiOperation({
      summary: 'List proposals',
      description: 'What somebody proposed and another person confirms or rejects. Newest first.',
    })
    @ApiPage(ProposalRead)
    list(@Query() { state, action, limit, cursor }: ProposalsQuery): Promise<Page<ProposalRead>> {
      return this.proposals.list({ state, action }, limit, cursor);
    }

    @Get(':id')
    @Roles('finance', 'approver', 'operator', 'auditor', 'plan-designer')
    @ApiOperation({ summary: 'Read a proposal', description: 'With everything that its confirmation depends on.' })
    @ApiParam({ name: 'id', description: 'Id of the proposal' })
    @ApiOkResponse({ type: ProposalRead, description: 'The proposal' })
    @ApiProblems({ 404: UNKNOWN })
    read(@Param('id') id: string): Promise<ProposalRead> {
      return this.proposals.find(id);
    }

    @Post(':id/confirm')
    @HttpCode(200)
    @Roles('finance', 'approver', 'operator')
    @ApiOperation({
      summary: 'Confirm a proposal',
      description:
        'Carries the action out. Only somebody other than its proposer can confirm it, and only while everything it was based on is unchanged. Repeating it changes nothing.',
    })
    @ApiParam({ name: 'id', description: 'Id of the proposal' })
    @ApiOkResponse({ type: ProposalRead, description: 'The proposal; `refusal` says why the action was not possible' })
    @ApiProblems({
      403: { SecondPersonNeeded: 'the caller proposed it', RoleMissing: 'the action needs another role' },
      404: UNKNOWN,
      409: { ...DECIDED, ProposalChanged: 'revisions or totals have changed since it was proposed' },
    })
    confirm(
      @Param('id') id: string,
      @Caller() caller: Principal,
      @Context() context: RequestContext,
    ): Promise<ProposalRead> {
      return this.proposals.confirm(id, caller, context);
    }

    @Post(':id/reject')
    @HttpCode(200)
    @Roles('finance', 'approver', 'operator')
    @ApiOperation({ summary: 'Reject a proposal', description: 'Its proposer takes it back in the same way.' })
    @ApiParam({ name: 'id', description: 'Id of the proposal' })
    @ApiOkResponse({ type: ProposalRead, description: 'The rejected proposal' })
    @ApiProblems({ 403: { RoleMissing: 'the action needs another role' }, 404: UNKNOWN, 409: DECIDED })
    reject(
      @Param('id') id: string,
      @Body() { reason }: RejectProposalBody,
      @Caller() caller: Principal,
      @Context() context: RequestContext,
    ): Promise<ProposalRead> {
      return this.proposals.reject(id, reason, caller, context);
    }
  }
  return ProposalsController;
}
