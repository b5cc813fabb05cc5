import { Readable } from 'node:stream';

import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { assertOwn, Caller, ownPartner, Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import { decodeCursor, encodeCursor, PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';

import { parseStatementId, statementDocument, statementUnknown } from '../account/statement.js';
import { ApprovePeriod } from './approve-period.commands.js';
import { ApproveStatement } from './approve-statement.commands.js';
import {
  ListedStatement,
  PeriodApproval,
  PeriodOfCalendar,
  StatementApproval,
  StatementDocument,
  StatementPage,
  StatementsQuery,
} from './statement.dto.js';
import { ExportStatements, ListStatements, ReadStatement } from './statement.queries.js';
import type { StatementWithLines } from './statement.queries.js';

const NDJSON = 'application/x-ndjson';

const STATEMENT_ID: MethodDecorator = ApiParam({
  name: 'id',
  description: 'Id of the statement, `payee|currency|calendar|period`, percent-encoded',
  example: 'acme|EUR|monthly@Europe/Paris|2026-03',
});
const UNKNOWN = { StatementUnknown: 'no statement has this id' };
const NOT_YOURS = { NotYours: 'a partner asked for a statement of another partner' };

@ApiTags('statements')
@Controller('statements')
export class StatementsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Get()
  @Roles('finance', 'auditor', 'approver', 'operator', 'partner')
  @ApiOperation({
    summary: 'List statements',
    description: 'Without their lines. A partner sees only its own statements.',
  })
  @ApiPage(ListedStatement)
  @ApiProblems({ 403: NOT_YOURS })
  list(@Query() query: StatementsQuery, @Caller() caller: Principal): Promise<Page<ListedStatement>> {
    const { sort, limit, cursor, ...filter } = query;
    const payee = ownPartner(caller, query.payee);
    return this.queries.execute(new ListStatements({ ...filter, payee }, sort, limit, cursor));
  }

  @Get('export')
  @Roles('finance', 'auditor', 'operator', 'partner')
  @Header('content-type', NDJSON)
  @ApiProduces(NDJSON)
  @ApiOperation({
    summary: 'Export all statements of a period',
    description:
      'The canonical document of each statement (RFC 8785), one per line, by payee and currency. A partner gets only its own.',
  })
  @ApiOkResponse({ type: StatementDocument, description: 'One statement per line' })
  async export(@Query() query: PeriodOfCalendar, @Caller() caller: Principal): Promise<StreamableFile> {
    const { calendar, period } = query;
    const documents: AsyncGenerator<string> = await this.queries.execute(
      new ExportStatements(calendar, period, ownPartner(caller, undefined)),
    );
    return new StreamableFile(Readable.from(documents, { objectMode: false }), { type: NDJSON });
  }

  @Post('approve')
  @HttpCode(200)
  @RolesOf(ApprovePeriod)
  @ApiOperation({
    summary: 'Approve all statements of a period',
    description:
      'Releases the payouts of all statements that are not approved yet. Repeating the request changes nothing.',
  })
  @ApiOkResponse({ type: PeriodApproval, description: 'What this request approved' })
  @ApiProblems({ 409: { StatementsNotIssued: 'the statement run of the period is not finished' } })
  approvePeriod(@Body() body: PeriodOfCalendar, @Context() context: RequestContext): Promise<PeriodApproval> {
    return this.commands.execute(new ApprovePeriod(body.calendar, body.period, context));
  }

  @Get(':id')
  @Roles('finance', 'auditor', 'approver', 'operator', 'partner')
  @STATEMENT_ID
  @ApiOperation({
    summary: 'Read one statement',
    description: 'With one page of its lines. A partner may read only its own statements.',
  })
  @ApiOkResponse({ type: StatementPage, description: 'The statement with one page of its lines' })
  @ApiProblems({ 403: NOT_YOURS, 404: UNKNOWN })
  async read(@Param('id') id: string, @Query() query: PageQuery, @Caller() caller: Principal): Promise<StatementPage> {
    const { statement, listed } = await this.statementOf(id, caller);
    const [from = 0] = decodeCursor(query.cursor, 1) ?? [];
    const until = Number(from) + query.limit;
    return omitUndefined({
      ...listed,
      lines: statement.lines.slice(Number(from), until),
      next: until < statement.lines.length ? encodeCursor([until]) : undefined,
    });
  }

  @Get(':id/document')
  @Roles('finance', 'auditor', 'approver', 'operator', 'partner')
  @Header('content-type', 'application/json; charset=utf-8')
  @STATEMENT_ID
  @ApiOperation({
    summary: 'Read the canonical bytes of one statement',
    description:
      'The whole statement as canonical JSON (RFC 8785): the same bytes on every machine. A partner may read only its own.',
  })
  @ApiOkResponse({ type: StatementDocument, description: 'The canonical JSON of the statement' })
  @ApiProblems({ 403: NOT_YOURS, 404: UNKNOWN })
  async document(@Param('id') id: string, @Caller() caller: Principal): Promise<string> {
    return statementDocument((await this.statementOf(id, caller)).statement);
  }

  @Post(':id/approve')
  @HttpCode(200)
  @RolesOf(ApproveStatement)
  @STATEMENT_ID
  @ApiOperation({
    summary: 'Approve one statement',
    description: 'Releases its payout to finance. Repeating the request changes nothing.',
  })
  @ApiOkResponse({ type: StatementApproval, description: 'The first approval of the statement' })
  @ApiProblems({ 404: UNKNOWN })
  approve(@Param('id') id: string, @Context() context: RequestContext): Promise<StatementApproval> {
    return this.commands.execute(new ApproveStatement(id, context));
  }

  private async statementOf(id: string, caller: Principal): Promise<StatementWithLines> {
    const name = parseStatementId(id);
    if (name === undefined) throw statementUnknown(id);
    assertOwn(caller, name.payee);
    return this.queries.execute(new ReadStatement(id));
  }
}
