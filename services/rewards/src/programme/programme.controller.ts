import { Body, Controller, Get, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';

import { PublishProgramme } from './programme.commands.js';
import { ProgrammeDto, ProgrammeReceipt, ProgrammesQuery, PublishedProgramme } from './programme.dto.js';
import type { ProgrammeDocument } from './programme.js';
import { ListProgrammes, ReadProgramme } from './programme.queries.js';

@ApiTags('rewards')
@Controller('programmes')
export class ProgrammesController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post()
  @RolesOf(PublishProgramme)
  @ApiOperation({
    summary: 'Publish a programme',
    description:
      'A published programme never changes. Earnings from before its publication are measured as well. Publishing the same document again changes nothing.',
  })
  @ApiCreatedResponse({ type: ProgrammeReceipt, description: 'The programme is new' })
  @ApiOkResponse({ type: ProgrammeReceipt, description: 'The same document was published before' })
  @ApiProblems({
    409: { ProgrammePublished: 'another document is published under the same id' },
    422: { ProgrammeInvalid: 'fields of the document contradict each other, or are not known values' },
  })
  async publish(
    @Body() body: ProgrammeDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<ProgrammeReceipt> {
    // Plain JSON for the event: without undefined fields, and without null, which a request may give for an absent
    // field.
    const text = JSON.stringify(body, (_, value: unknown) => value ?? undefined);
    const receipt: ProgrammeReceipt = await this.commands.execute(
      new PublishProgramme(JSON.parse(text) as ProgrammeDocument, context),
    );
    reply.status(receipt.isNew ? HttpStatus.CREATED : HttpStatus.OK);
    return receipt;
  }

  @Get()
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'List programmes', description: 'All published programmes, in order of id.' })
  @ApiPage(PublishedProgramme)
  list(@Query() { text, limit, cursor }: ProgrammesQuery): Promise<Page<PublishedProgramme>> {
    return this.queries.execute(new ListProgrammes(text, limit, cursor));
  }

  @Get(':id')
  @Roles('plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiParam({ name: 'id', description: 'Id of the programme', example: 'volume-bonus-2026' })
  @ApiOperation({ summary: 'Read one programme', description: 'The document as it was published, with its hash.' })
  @ApiOkResponse({ type: PublishedProgramme, description: 'The programme' })
  @ApiProblems({ 404: { ProgrammeUnknown: 'no programme has this id' } })
  read(@Param('id') id: string): Promise<PublishedProgramme> {
    return this.queries.execute(new ReadProgramme(id));
  }
}
