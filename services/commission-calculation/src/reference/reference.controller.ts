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
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { schemaOf } from '@tantieme/contracts/schemas';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { Caller, ownPartner, Roles } from '@tantieme/service-kit/access/auth';
import type { Principal } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import {
  ApiFileBody,
  FILE_BODY_PROBLEM,
  fileFormat,
  WithdrawableFileQuery,
  fileStream,
  NDJSON_TYPE,
} from '@tantieme/service-kit/http/file-import';
import { mappingDocument } from '@tantieme/service-kit/http/mapping-document';
import type { StatusReply } from '@tantieme/service-kit/http/status-reply';
import { RecordReference, RecordReferences } from './reference.commands.js';
import type { BatchLine, ReferenceRecorded } from './reference.commands.js';
import {
  EXCHANGE_RATE,
  ExchangeRateAnswer,
  ExchangeRateRecordedAnswer,
  ExchangeRatesQuery,
  QUOTA,
  QuotaAnswer,
  QuotaRecordedAnswer,
  QuotasQuery,
} from './reference.dto.js';
import { ListExchangeRates, ListQuotas } from './reference.queries.js';
import type { ReferenceKind } from './reference-recorder.service.js';
import { WarningListed, WarningsQuery } from './warning/warnings.dto.js';
import { ListWarnings } from './warning/warnings.queries.js';

const BATCH_DESCRIPTION =
  'NDJSON with one fact per line, or CSV whose header or mapping names the fields. Repeated facts change nothing. With ' +
  '`withdraw=true` the facts are withdrawn; what has other content, or a higher revision, is refused as `FactReplaced`. The answer has ' +
  'a line for each fact that was not recorded or refers to an unknown name, with the cell that is wrong, and the counts as its last line.';

const BATCH_PROBLEMS = { ...FILE_BODY_PROBLEM, MappingInvalid: 'the mapping is not a JSON object' };

const FACT_INVALID = { FactInvalid: 'a field is missing or not valid' };

function batchAnswer(lines: readonly BatchLine[]): object {
  return {
    description: 'Facts that were not recorded or refer to an unknown name; the counts',
    content: {
      'application/x-ndjson': {
        schema: { type: 'string' },
        example: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
      },
    },
  };
}

const RESULT: BatchLine = { type: 'result', facts: 3, accepted: 2, repeated: 0, conflicts: 1, refused: 0 };

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
  @ApiOperation({
    summary: 'Record an exchange rate',
    description:
      'A new rate recredits the deals that were converted at a rate of this day, and pending deals that need it. Sent again ' +
      'with `withdrawn: true`, it is withdrawn: as if it had never been sent.',
  })
  @ApiBody({ schema: schemaOf('exchange-rate'), examples: { rate: { summary: 'A rate', value: EXCHANGE_RATE } } })
  @ApiCreatedResponse({ type: ExchangeRateRecordedAnswer, description: 'The rate is new' })
  @ApiOkResponse({ type: ExchangeRateRecordedAnswer, description: 'The same rate was recorded before' })
  @ApiProblems({
    409: { FactConflict: 'another rate is recorded for the same pair, date, source and revision' },
    422: FACT_INVALID,
  })
  async recordExchangeRate(
    @Body() fact: unknown,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<ExchangeRateRecordedAnswer> {
    const { outcome, fact: exchangeRate } = await this.record('exchange-rate', fact, context, reply);
    return { outcome, fact: exchangeRate as ExchangeRateAnswer };
  }

  @Post('exchange-rates/batch')
  @HttpCode(HttpStatus.OK)
  @Roles('source', 'operator')
  @ApiOperation({ summary: 'Record exchange rates from a file', description: BATCH_DESCRIPTION })
  @ApiFileBody({
    csv: 'base,quote,date,rate,source,revision\nEUR,USD,2026-03-05,1.0812,ecb,1\n',
    ndjson: `${JSON.stringify(EXCHANGE_RATE)}\n`,
    mapping: { rate: 'Kurs', date: 'Datum', locale: 'de-DE', delimiter: ';' },
  })
  @ApiOkResponse(
    batchAnswer([
      {
        type: 'conflict',
        fact: 2,
        row: 3,
        code: 'FactConflict',
        errors: [
          { field: 'rate', reason: 'is recorded as 1.0812, not 1.0912', row: 3, column: 'rate', cell: '1.0912' },
        ],
      },
      RESULT,
    ]),
  )
  @ApiProblems({ 422: BATCH_PROBLEMS })
  recordExchangeRates(
    @Body() body: unknown,
    @Query() query: WithdrawableFileQuery,
    @Headers('content-type') contentType: string | undefined,
    @Headers('x-import-mapping') mappingHeader: string | undefined,
    @Context() context: RequestContext,
  ): Promise<StreamableFile> {
    return this.recordBatch('exchange-rate', body, query, contentType, mappingHeader, context);
  }

  @Get('exchange-rates')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'List exchange rates', description: 'All recorded rates, also those that were corrected.' })
  @ApiPage(ExchangeRateAnswer)
  exchangeRates(
    @Query() { base, quote, date, source, sort, limit, cursor }: ExchangeRatesQuery,
  ): Promise<Page<ExchangeRateAnswer>> {
    return this.queries.execute(new ListExchangeRates({ base, quote, date, source }, sort, limit, cursor));
  }

  @Post('quotas')
  @Roles('source', 'plan-designer', 'operator')
  @ApiOperation({
    summary: 'Record a quota',
    description:
      'The quota of a payee for a component of a plan. Names that do not exist are answered as warnings; the quota applies once ' +
      'they exist. Sent again with `withdrawn: true`, it is withdrawn: as if it had never been sent.',
  })
  @ApiBody({ schema: schemaOf('quota'), examples: { quota: { summary: 'A quota of a quarter', value: QUOTA } } })
  @ApiCreatedResponse({ type: QuotaRecordedAnswer, description: 'The quota is new' })
  @ApiOkResponse({ type: QuotaRecordedAnswer, description: 'The same quota was recorded before' })
  @ApiProblems({
    409: { FactConflict: 'another quota is recorded for the same component, first day and revision' },
    422: FACT_INVALID,
  })
  async recordQuota(
    @Body() fact: unknown,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: StatusReply,
  ): Promise<QuotaRecordedAnswer> {
    const recorded = await this.record('quota', fact, context, reply);
    return { ...recorded, fact: recorded.fact as QuotaAnswer };
  }

  @Post('quotas/batch')
  @HttpCode(HttpStatus.OK)
  @Roles('source', 'plan-designer', 'operator')
  @ApiOperation({ summary: 'Record quotas from a file', description: BATCH_DESCRIPTION })
  @ApiFileBody({
    csv: 'payee,plan,component,from,until,amount,revision\nacme,resellers-2026,hardware,2026-01-01,2026-04-01,120000,1\n',
    ndjson: `${JSON.stringify(QUOTA)}\n`,
    mapping: { payee: 'Partner', amount: 'Ziel', locale: 'de-DE', delimiter: ';' },
  })
  @ApiOkResponse(
    batchAnswer([
      {
        type: 'warning',
        fact: 1,
        row: 2,
        code: 'PlanUnknown',
        errors: [{ field: 'plan', reason: 'there is no plan "reseler-2026"; did you mean "resellers-2026"?' }],
      },
      RESULT,
    ]),
  )
  @ApiProblems({ 422: BATCH_PROBLEMS })
  recordQuotas(
    @Body() body: unknown,
    @Query() query: WithdrawableFileQuery,
    @Headers('content-type') contentType: string | undefined,
    @Headers('x-import-mapping') mappingHeader: string | undefined,
    @Context() context: RequestContext,
  ): Promise<StreamableFile> {
    return this.recordBatch('quota', body, query, contentType, mappingHeader, context);
  }

  @Get('quotas')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator', 'partner')
  @ApiOperation({
    summary: 'List quotas',
    description:
      'All recorded quotas, also those that were corrected, by payee, plan, component, first day and revision.',
  })
  @ApiPage(QuotaAnswer)
  quotas(
    @Query() { payee, plan, component, limit, cursor }: QuotasQuery,
    @Caller() caller: Principal,
  ): Promise<Page<QuotaAnswer>> {
    return this.queries.execute(new ListQuotas({ payee: ownPartner(caller, payee), plan, component }, limit, cursor));
  }

  @Get('warnings')
  @Roles('source', 'plan-designer', 'approver', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'List references to unknown names',
    description:
      'Agreements to plans that do not exist, and quotas whose payee, plan or component does not exist, as of now. A warning disappears once the name exists.',
  })
  @ApiPage(WarningListed)
  warnings(@Query() { kind, code, payee, plan, limit, cursor }: WarningsQuery): Promise<Page<WarningListed>> {
    return this.queries.execute(new ListWarnings({ kind, code, payee, plan }, limit, cursor));
  }

  private async record(
    kind: ReferenceKind,
    fact: unknown,
    { actor, correlationId }: RequestContext,
    reply: StatusReply,
  ): Promise<ReferenceRecorded> {
    const recorded = await this.commands.execute(new RecordReference(kind, fact, { actor, correlationId }));
    reply.status(recorded.outcome === 'accepted' ? HttpStatus.CREATED : HttpStatus.OK);
    return recorded;
  }

  private async recordBatch(
    kind: ReferenceKind,
    body: unknown,
    query: WithdrawableFileQuery,
    contentType: string | undefined,
    mappingHeader: string | undefined,
    { actor, correlationId }: RequestContext,
  ): Promise<StreamableFile> {
    const stream = fileStream(body);
    const { file, locale, dryRun, withdraw } = query;
    const mapping = mappingDocument({ header: mappingHeader, query: query.mapping, locale });
    const format = fileFormat(query, contentType);
    const lines = await this.commands.execute(
      new RecordReferences(kind, { stream, format, file, mapping, withdraw, dryRun }, { actor, correlationId }),
    );
    return new StreamableFile(Readable.from(this.serialized(lines, correlationId)), { type: NDJSON_TYPE });
  }

  /** An error in the middle becomes the last line: the status was sent before. */
  private async *serialized(lines: AsyncIterable<BatchLine>, correlationId: string): AsyncGenerator<string> {
    try {
      for await (const line of lines) yield `${JSON.stringify(line)}\n`;
    } catch (error) {
      if (!(error instanceof DomainError)) this.logger.error({ correlationId, err: error }, 'a batch failed');
      const { code, message: detail, fields: errors } = error instanceof DomainError ? error : INTERNAL_ERROR;
      yield `${JSON.stringify({ type: 'error', code, detail, errors, correlationId })}\n`;
    }
  }
}

const INTERNAL_ERROR = new DomainError(
  'InternalError',
  'the batch failed before its end; send it again, recorded facts do not change',
);
