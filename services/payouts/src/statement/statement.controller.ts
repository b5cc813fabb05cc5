import { Readable } from 'node:stream';

import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiPropertyOptional, ApiProperty, ApiTags } from '@nestjs/swagger';
import { ID_LENGTH_MAX } from '@tantieme/contracts/ids';
import type { LedgerLine } from '@tantieme/contracts/ledger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { assertOwn, Caller, ownPartner, Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import { decodeCursor, encodeCursor, PageQuery } from '@tantieme/service-kit/http/cursor';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

import { ApprovePeriod } from './approve-period.commands.js';
import type { PeriodApproved } from './approve-period.commands.js';
import { ApproveStatement } from './approve-statement.commands.js';
import type { Approved } from './approve-statement.commands.js';
import { parseStatementId, statementDocument } from './statement.js';
import { ExportStatements, ListStatements, ReadStatement } from './statement.queries.js';
import type { ListedStatement, StatementRead } from './statement.queries.js';

const CALENDAR = { pattern: /^[a-z-]+(\.[\w.-]+)?@[\w+/-]+$/, example: 'monthly@Europe/Paris' };
const PERIOD = { pattern: /^(FY)?\d{4}(-([PWB]?\d{2}|Q[1-4]|H[12]))?$/, example: '2026-03' };

class StatementsQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(ID_LENGTH_MAX)
  payee?: string;

  @ApiPropertyOptional({ example: 'EUR' })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: 'currency must be an ISO 4217 code' })
  currency?: string;

  @ApiPropertyOptional({ example: CALENDAR.example })
  @IsOptional()
  @Matches(CALENDAR.pattern, { message: `calendar must be a calendar, as ${CALENDAR.example}` })
  calendar?: string;

  @ApiPropertyOptional({ example: PERIOD.example })
  @IsOptional()
  @Matches(PERIOD.pattern, { message: `period must be a period, as ${PERIOD.example}` })
  period?: string;
}

class PeriodOfCalendar {
  @ApiProperty({ example: CALENDAR.example })
  @Matches(CALENDAR.pattern, { message: `calendar must be a calendar, as ${CALENDAR.example}` })
  calendar!: string;

  @ApiProperty({ example: PERIOD.example })
  @Matches(PERIOD.pattern, { message: `period must be a period, as ${PERIOD.example}` })
  period!: string;
}

/** A statement with one page of its lines. */
interface StatementPage extends ListedStatement {
  readonly lines: readonly LedgerLine[];
  readonly next?: string;
}

@ApiTags('payouts')
@Controller('statements')
export class StatementsController {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Get()
  @Roles('finance', 'auditor', 'approver', 'operator', 'partner')
  @ApiOperation({ summary: 'Statements, by period and payee' })
  list(@Query() query: StatementsQuery, @Caller() caller: Principal): Promise<Page<ListedStatement>> {
    const { currency, calendar, period, limit, cursor } = query;
    const payee = ownPartner(caller, query.payee);
    return this.queries.execute(new ListStatements({ payee, currency, calendar, period }, limit, cursor));
  }

  @Get('export')
  @Roles('finance', 'auditor', 'operator', 'partner')
  @Header('content-type', 'application/x-ndjson')
  @ApiProduces('application/x-ndjson')
  @ApiOperation({ summary: 'All statements of a period: their canonical documents in canonical order, one a line' })
  async export(@Query() query: PeriodOfCalendar, @Caller() caller: Principal): Promise<StreamableFile> {
    const { calendar, period } = query;
    const documents: AsyncGenerator<string> = await this.queries.execute(
      new ExportStatements(calendar, period, ownPartner(caller, undefined)),
    );
    return new StreamableFile(Readable.from(documents, { objectMode: false }), { type: 'application/x-ndjson' });
  }

  @Post('approve')
  @HttpCode(200)
  @RolesOf(ApprovePeriod)
  @ApiOperation({ summary: 'Approve all statements of a period: what they pay goes out to finance' })
  approveAll(@Body() body: PeriodOfCalendar, @Context() context: CommandContext): Promise<PeriodApproved> {
    return this.commands.execute(new ApprovePeriod(body.calendar, body.period, context));
  }

  @Get(':id')
  @Roles('finance', 'auditor', 'approver', 'operator', 'partner')
  @ApiOperation({ summary: 'One statement with its lines, page by page' })
  async read(@Param('id') id: string, @Query() query: PageQuery, @Caller() caller: Principal): Promise<StatementPage> {
    const { statement, listed } = await this.statementOf(id, caller);
    const [from = 0] = decodeCursor(query.cursor, 1) ?? [];
    const until = Number(from) + query.limit;
    const lines = statement.lines.slice(Number(from), until);
    return { ...listed, lines, ...(until < statement.lines.length ? { next: encodeCursor([until]) } : {}) };
  }

  @Get(':id/document')
  @Roles('finance', 'auditor', 'approver', 'operator', 'partner')
  @Header('content-type', 'application/json; charset=utf-8')
  @ApiOperation({ summary: 'The canonical bytes of the whole statement (RFC 8785)' })
  async document(@Param('id') id: string, @Caller() caller: Principal): Promise<string> {
    return statementDocument((await this.statementOf(id, caller)).statement);
  }

  @Post(':id/approve')
  @HttpCode(200)
  @RolesOf(ApproveStatement)
  @ApiOperation({ summary: 'Approve one statement: what it pays goes out to finance' })
  approve(@Param('id') id: string, @Context() context: CommandContext): Promise<Approved> {
    return this.commands.execute(new ApproveStatement(id, context));
  }

  private statementOf(id: string, caller: Principal): Promise<StatementRead> {
    const parts = parseStatementId(id);
    if (parts === undefined) throw new DomainError('StatementUnknown', `there is no statement ${id}`, 'not-found');
    assertOwn(caller, parts.payee);
    return this.queries.execute(new ReadStatement(id));
  }
}
