import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { streamOfParked } from '@tantieme/event-sourcing/parking/parked';
import { OPEN_STATUSES } from '@tantieme/event-sourcing/parking/parked.projection';
import type { ParkedRow, ParkedTables } from '@tantieme/event-sourcing/parking/parked.projection';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { Roles } from '../access/auth.js';
import { Background } from '../background/background.js';
import { ApiPage, ApiProblems } from '../http/api-answers.js';
import { Context } from '../http/context.js';
import { decodeCursor, pageOf } from '../http/cursor.js';
import type { Page } from '../http/cursor.js';
import { DATABASE, PARKED_PROPOSALS } from '../runtime/runtime-tokens.js';
import { DiscardBody, ProposalRead } from '../two-people/proposal.dto.js';
import type { Proposals } from '../two-people/proposals.js';
import { DISCARD_PARKED } from './discard-parked.js';
import { ParkedQuery, ParkedRead, ParkedRetry } from './parked.dto.js';

/** What was refused for good and set aside: to be looked at, retried, or discarded by two people. */
@ApiTags('parked')
@Controller('parked')
export class ParkedController {
  constructor(
    @Inject(DATABASE) private readonly db: Kysely<ParkedTables>,
    @Inject(Background) private readonly background: Background,
    @Inject(PARKED_PROPOSALS) private readonly proposals: Proposals,
  ) {}

  @Get()
  @Roles('operator', 'finance', 'auditor')
  @ApiOperation({
    summary: 'List parked items',
    description: 'Messages that a process refused for good, and events that could not be published. Newest first.',
  })
  @ApiPage(ParkedRead)
  async list(@Query() { status, process, limit, cursor }: ParkedQuery): Promise<Page<ParkedRead>> {
    const after = decodeCursor(cursor, 2);
    let query = this.db
      .selectFrom('parked_items')
      .selectAll()
      .where('status', 'in', status === undefined ? OPEN_STATUSES : [status]);
    if (process !== undefined) query = query.where('process', '=', process);
    if (after !== undefined) query = query.where(sql<boolean>`(parked_at, id) < (${sql.join([...after])})`);
    const rows = await query
      .orderBy('parked_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    const page = pageOf(rows, limit, ({ parked_at: parkedAt, id }) => [parkedAt, id]);
    return { ...page, items: page.items.map(readOf) };
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Roles('operator', 'finance')
  @ApiOperation({
    summary: 'Retry a parked item',
    description: 'The process that refused it gets it again, in the background. `GET /parked` shows what came of it.',
  })
  @ApiParam({ name: 'id', description: 'Id of the item', example: '84d86570-8378-5032-a1f9-b38677db91ec' })
  @ApiAcceptedResponse({ type: ParkedRetry, description: 'The retry is on its way' })
  @ApiProblems({
    404: { ParkedUnknown: 'nothing is parked under this id' },
    409: {
      ParkedClosed: 'it was handled or discarded',
      ParkedMessageCut: 'the message was too long to be kept whole',
    },
  })
  async retry(@Param('id') id: string, @Context() context: RequestContext): Promise<ParkedRetry> {
    const at = new Date().toISOString();
    const command = { type: 'request-retry', at, by: context.actor } as const;
    await this.background.parking.runtime.handle(streamOfParked(id), command, context);
    return { id, status: 'retrying' };
  }

  @Post(':id/discard')
  @HttpCode(202)
  @Roles('operator', 'finance')
  @ApiOperation({
    summary: 'Propose to discard a parked item',
    description:
      'Once somebody else confirms the proposal, nothing waits for the item any longer: readiness does not count it, ' +
      'and closings need no reason for it. It stays listed as discarded.',
  })
  @ApiParam({ name: 'id', description: 'Id of the item', example: '84d86570-8378-5032-a1f9-b38677db91ec' })
  @ApiAcceptedResponse({ type: ProposalRead, description: 'The proposal' })
  @ApiProblems({
    404: { ParkedUnknown: 'nothing is parked under this id' },
    409: {
      ParkedClosed: 'it was handled or discarded',
      ProposalInProgress: 'an earlier proposal is being carried out',
    },
  })
  discard(
    @Param('id') id: string,
    @Body() { reason }: DiscardBody,
    @Context() context: RequestContext,
  ): Promise<ProposalRead> {
    return this.proposals.propose(DISCARD_PARKED, id, { reason }, context);
  }
}

function readOf(row: ParkedRow): ParkedRead {
  const { id, process, topic, origin, reason, status, parked_at: parkedAt } = row;
  const { discard_reason: why, discard_proposed_by: proposedBy, discarded_by: confirmedBy, discarded_at: at } = row;
  const discard =
    why === null || proposedBy === null || confirmedBy === null || at === null
      ? undefined
      : { reason: why, proposedBy, confirmedBy, at };
  const touchesFrom = row.touches_from ?? undefined;
  return omitUndefined({ id, process, topic, origin, reason, status, parkedAt, touchesFrom, discard });
}
