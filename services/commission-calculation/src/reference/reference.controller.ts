import { Readable } from 'node:stream';
import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  HttpStatus,
  Inject,
  Logger,
  Post,
  Query,
  Res,
  StreamableFile,
} from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiBody,
  ApiConflictResponse,
  ApiConsumes,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { ExchangeRate, Quota } from '@tantieme/contracts/reference';
import { schemaOf } from '@tantieme/contracts/schemas';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { Caller, ownPartner, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { TakeReference, TakeReferences } from './reference.commands.js';
import type { BatchLine } from './reference.commands.js';
import { ListExchangeRates, ListQuotas } from './reference.queries.js';
import type { ReferenceKind, TakenReference } from './reference-recorder.service.js';
import { ExchangeRatesQuery, QuotasQuery } from '../requests.dto.js';

/** Exchange rates and quotas: facts that plans refer to. */
@ApiTags('references')
@Controller()
export class ReferencesController {
  private readonly logger = new Logger(ReferencesController.name);

  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post('exchange-rates')
  @Roles('source', 'operator')
  @ApiOperation({ summary: 'One published exchange rate' })
  @ApiBody({ schema: schemaOf('exchange-rate') })
  @ApiCreatedResponse({ description: 'The rate is new' })
  @ApiOkResponse({ description: 'The same rate is known already' })
  @ApiConflictResponse({ description: 'Another rate is known for the same pair, date, source and revision' })
  takeExchangeRate(
    @Body() fact: unknown,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<Taken> {
    return this.take('exchange-rate', fact, context, reply);
  }

  @Post('exchange-rates/batch')
  @HttpCode(HttpStatus.OK)
  @Roles('source', 'operator')
  @ApiOperation({ summary: 'Exchange rates, as NDJSON or as CSV with a header; what is known already changes nothing' })
  @ApiConsumes('application/x-ndjson', 'text/csv')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOkResponse({ description: 'What was not taken, and the counts', content: { 'application/x-ndjson': {} } })
  takeExchangeRates(
    @Body() body: unknown,
    @Headers('content-type') contentType: string | undefined,
    @Context() context: CommandContext,
  ): Promise<StreamableFile> {
    return this.takeAll('exchange-rate', body, contentType, context);
  }

  @Get('exchange-rates')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'Exchange rates as they were published, in order of pair, date, source and revision' })
  exchangeRates(@Query() { base, quote, limit, cursor }: ExchangeRatesQuery): Promise<Page<ExchangeRate>> {
    return this.queries.execute(new ListExchangeRates({ base, quote }, limit, cursor));
  }

  @Post('quotas')
  @Roles('source', 'plan-designer', 'operator')
  @ApiOperation({ summary: 'One quota of a payee for a component of a plan' })
  @ApiBody({ schema: schemaOf('quota') })
  @ApiCreatedResponse({ description: 'The quota is new' })
  @ApiOkResponse({ description: 'The same quota is known already' })
  @ApiConflictResponse({ description: 'Another quota is known for the same component, first day and revision' })
  takeQuota(
    @Body() fact: unknown,
    @Context() context: CommandContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<Taken> {
    return this.take('quota', fact, context, reply);
  }

  @Post('quotas/batch')
  @HttpCode(HttpStatus.OK)
  @Roles('source', 'plan-designer', 'operator')
  @ApiOperation({ summary: 'Quotas, as NDJSON or as CSV with a header; what is known already changes nothing' })
  @ApiConsumes('application/x-ndjson', 'text/csv')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOkResponse({ description: 'What was not taken, and the counts', content: { 'application/x-ndjson': {} } })
  takeQuotas(
    @Body() body: unknown,
    @Headers('content-type') contentType: string | undefined,
    @Context() context: CommandContext,
  ): Promise<StreamableFile> {
    return this.takeAll('quota', body, contentType, context);
  }

  @Get('quotas')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator', 'partner')
  @ApiOperation({ summary: 'Quotas as they were set, in order of payee, plan, component, day and revision' })
  quotas(@Query() { payee, plan, limit, cursor }: QuotasQuery, @Caller() caller: Principal): Promise<Page<Quota>> {
    return this.queries.execute(new ListQuotas({ payee: ownPartner(caller, payee), plan }, limit, cursor));
  }

  private async take(
    kind: ReferenceKind,
    fact: unknown,
    { actor, correlationId }: CommandContext,
    reply: StatusReply,
  ): Promise<Taken> {
    const taken = await this.commands.execute(new TakeReference(kind, fact, { actor, correlationId }));
    reply.status(taken.outcome === 'accepted' ? HttpStatus.CREATED : HttpStatus.OK);
    return taken;
  }

  private async takeAll(
    kind: ReferenceKind,
    body: unknown,
    contentType: string | undefined,
    { actor, correlationId }: CommandContext,
  ): Promise<StreamableFile> {
    if (!(body instanceof Readable))
      throw new DomainError('BodyNotStreamed', 'a batch is sent as application/x-ndjson or text/csv', 'invalid', [
        { field: 'Content-Type', reason: 'is none of application/x-ndjson, text/csv' },
      ]);
    const format = contentType?.startsWith('text/csv') === true ? 'csv' : 'ndjson';
    const lines = await this.commands.execute(new TakeReferences(kind, body, format, { actor, correlationId }));
    return new StreamableFile(Readable.from(this.told(lines, correlationId)), { type: 'application/x-ndjson' });
  }

  /** What goes wrong in the middle is the last line: the status has been sent by then. */
  private async *told(lines: AsyncIterable<BatchLine>, correlationId: string): AsyncGenerator<string> {
    try {
      for await (const line of lines) yield `${JSON.stringify(line)}\n`;
    } catch (error) {
      if (!(error instanceof DomainError)) this.logger.error({ correlationId, err: error }, 'a batch failed');
      const known = error instanceof DomainError ? error : BROKEN_OFF;
      const { code, message: detail, fields: errors } = known;
      yield `${JSON.stringify({ type: 'error', code, detail, errors, correlationId })}\n`;
    }
  }
}

type Taken = Extract<TakenReference, { readonly fact: unknown }>;

const BROKEN_OFF = new DomainError(
  'InternalError',
  'the batch broke off; send it again: what is stored already changes nothing',
);
