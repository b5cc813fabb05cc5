import { Body, Controller, Get, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Caller, ownPartner, Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import { PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { IsOptional, IsString, MaxLength } from 'class-validator';

import { PublishProgramme } from './programme/programme.commands.js';
import type { ProgrammePublished } from './programme/programme.commands.js';
import type { ProgrammeDocument } from './programme/programme.js';
import { ProgrammeDto } from './programme/programme.dto.js';
import { ListBonuses } from './bonus/bonus.queries.js';
import type { BonusRead } from './bonus/bonus.queries.js';
import { ListProgrammes, ReadProgramme } from './programme/programme.queries.js';
import type { ProgrammeRead } from './programme/programme.queries.js';

class BonusesQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(100)
  programme?: string;

  @ApiPropertyOptional({ example: '2026-Q1' })
  @IsOptional()
  @IsString()
  @MaxLength(10)
  window?: string;
}

/** What the HTTP adapter's reply is asked for here. */
interface Reply {
  status(code: number): unknown;
}

@ApiTags('rewards')
@Controller()
export class RewardsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post('programmes')
  @RolesOf(PublishProgramme)
  @ApiOperation({
    summary: 'Publish a programme',
    description: 'The same document again answers 200; another one under the same id 409.',
  })
  async publish(
    @Body() body: ProgrammeDto,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<ProgrammePublished> {
    // The event holds plain JSON, without the fields that were left out (or given as null, which says the same).
    const document: ProgrammeDocument = JSON.parse(JSON.stringify(body, (_, value: unknown) => value ?? undefined));
    const published: ProgrammePublished = await this.commands.execute(new PublishProgramme(document, context));
    reply.status(published.isNew ? HttpStatus.CREATED : HttpStatus.OK);
    return published;
  }

  @Get('programmes')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Published programmes' })
  list(@Query() query: PageQuery): Promise<Page<ProgrammeRead>> {
    return this.queries.execute(new ListProgrammes(query.limit, query.cursor));
  }

  @Get('programmes/:id')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'One programme' })
  read(@Param('id') id: string): Promise<ProgrammeRead> {
    return this.queries.execute(new ReadProgramme(id));
  }

  @Get('bonuses')
  @Roles('plan-designer', 'finance', 'auditor', 'operator', 'partner')
  @ApiOperation({ summary: 'What windows measure and pay at the moment, by payee, programme and window' })
  bonuses(@Query() query: BonusesQuery, @Caller() caller: Principal): Promise<Page<BonusRead>> {
    const { programme, window, limit, cursor } = query;
    const payee = ownPartner(caller, query.payee);
    return this.queries.execute(new ListBonuses({ payee, programme, window }, limit, cursor));
  }
}
