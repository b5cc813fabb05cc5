import { randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  HttpStatus,
  Inject,
  Logger,
  Param,
  Post,
  Query,
  StreamableFile,
} from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { EventStoreUnavailable } from '@tantieme/event-store/event-store';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import { MAPPING_HEADER, mappingDocument, mappingProblem } from '@tantieme/service-kit/http/mapping-document';
import { tabularProblem } from '@tantieme/service-kit/http/tabular-problem';
import { formatOfLocale } from '@tantieme/tabular/locale';
import { FACT_EXAMPLE, FactReceipt } from '../fact/fact.dto.js';
import { RefusalPath } from '../refusal/refusal.dto.js';
import { ImportFacts, TryImport } from './import.commands.js';
import type { FileToImport } from './import.commands.js';
import {
  CSV_EXAMPLE,
  Import,
  ImportErrorLine,
  ImportPath,
  ImportProgressLine,
  ImportQuery,
  ImportResultLine,
  ImportsQuery,
  ImportStartedLine,
  MAPPING_EXAMPLE,
  RejectedQuery,
  WouldBeRefusedLine,
} from './import.dto.js';
import type { ImportProgress } from './import-facts.service.js';
import { FindImport, FindRejectedRows, ListImports } from './import.queries.js';
import { columnMapping } from './mapping-document.js';
import { RetryRefusal } from './retry.commands.js';

const NDJSON = 'application/x-ndjson';
const CSV = 'text/csv';

/** Milliseconds between two progress lines: often enough for a bar, rare enough to cost nothing. */
const PROGRESS_MS = 100;

const LINES = [ImportStartedLine, ImportProgressLine, WouldBeRefusedLine, ImportResultLine, ImportErrorLine];

@ApiTags('imports')
@Controller()
export class ImportsController {
  private readonly logger = new Logger(ImportsController.name);

  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post('imports')
  @HttpCode(HttpStatus.OK)
  @RolesOf(ImportFacts)
  @ApiOperation({
    summary: 'Import facts from a file',
    description:
      'NDJSON with a fact per line, or CSV with a mapping of its columns. Facts that are recorded already change nothing. ' +
      'The answer is NDJSON and grows while the import runs: `started` with the id of the import, `progress`, and at the ' +
      'end `result` or `error`. A dry run writes nothing; its answer has a line for each fact that would be refused, and ' +
      'totals of the amounts.',
  })
  @ApiConsumes(NDJSON, CSV)
  @ApiBody({
    description: 'The file',
    schema: { type: 'string' },
    examples: {
      ndjson: { summary: 'NDJSON', value: `${JSON.stringify(FACT_EXAMPLE)}\n` },
      csv: { summary: 'CSV, for the mapping of the header', value: CSV_EXAMPLE },
    },
  })
  @ApiHeader({
    name: MAPPING_HEADER,
    required: false,
    description: 'CSV: the mapping document (JSON in UTF-8)',
    schema: { type: 'string' },
    example: JSON.stringify(MAPPING_EXAMPLE),
  })
  @ApiExtraModels(...LINES)
  @ApiOkResponse({
    description: 'One JSON object per line',
    content: { [NDJSON]: { schema: { oneOf: LINES.map((line) => ({ $ref: getSchemaPath(line) })) } } },
  })
  @ApiProblems({
    422: {
      BodyNotStreamed: 'the content type is neither NDJSON nor CSV',
      MappingInvalid: 'the mapping is missing or not valid; `errors` name each field',
    },
  })
  start(
    @Body() body: unknown,
    @Query() query: ImportQuery,
    @Headers('x-import-mapping') mappingHeader: string | undefined,
    @Context() { actor, correlationId }: CommandContext,
  ): StreamableFile {
    if (!(body instanceof Readable))
      throw new DomainError('BodyNotStreamed', `an import is sent as ${NDJSON} or ${CSV}`, 'invalid', [
        { field: 'Content-Type', reason: `must be ${NDJSON} or ${CSV}` },
      ]);
    const mapping = query.format === 'csv' ? mappingOf(query, mappingHeader) : undefined;
    const file = { stream: body, format: query.format, file: query.file, mapping };
    const answer = new PassThrough();
    const write = (line: object): void => {
      if (!answer.writableEnded && !answer.destroyed) answer.write(`${JSON.stringify(line)}\n`);
    };
    void (query.dryRun ? this.tryFile(file, write) : this.importFile(file, { actor, correlationId }, write))
      .then(
        (result) => write({ type: 'result', ...result }),
        (error: unknown) => write(this.errorLine(error, correlationId)),
      )
      .finally(() => {
        answer.end();
        // An unread rest of the body would hold up the connection.
        body.resume();
      });
    return new StreamableFile(answer, { type: NDJSON });
  }

  @Get('imports')
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'List imports', description: 'Which file was imported, when, by whom, with which counts.' })
  @ApiPage(Import)
  list(@Query() query: ImportsQuery): Promise<Page<Import>> {
    return this.queries.execute(new ListImports(query));
  }

  @Get('imports/:id')
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'Show an import',
    description: 'Its file, its state, its counts, and why it failed if it did.',
  })
  @ApiOkResponse({ type: Import, description: 'The import' })
  @ApiProblems({ 404: { ImportUnknown: 'there is no import with this id' } })
  find(@Param() { id }: ImportPath): Promise<Import> {
    return this.queries.execute(new FindImport(id));
  }

  @Get('imports/:id/rejected')
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({
    summary: 'Download the rejected rows of an import',
    description:
      'The rows that were refused, with the columns of the file and the reason in `refusal_reason`: correct them and import ' +
      'the file again with the same mapping. The reasons are ignored by an import. CSV or NDJSON, as the file was.',
  })
  @ApiOkResponse({
    description: 'The rows',
    content: {
      [CSV]: { schema: { type: 'string' }, example: 'Order,Net,refusal_reason\nD-1042,abc,"row 2, Net: …"\n' },
      [NDJSON]: { schema: { type: 'string' }, example: '{"kind":"booked",…,"refusal_reason":"row 2: …"}\n' },
    },
  })
  @ApiProblems({ 404: { ImportUnknown: 'there is no import with this id' } })
  async rejected(@Param() { id }: ImportPath, @Query() { state }: RejectedQuery): Promise<StreamableFile> {
    const { format, lines } = await this.queries.execute(new FindRejectedRows(id, state));
    const type = format === 'csv' ? `${CSV}; charset=utf-8` : NDJSON;
    return new StreamableFile(Readable.from(lines), {
      type,
      disposition: `attachment; filename="rejected-${id}.${format}"`,
    });
  }

  @Post('refusals/:id/retry')
  @HttpCode(HttpStatus.OK)
  @RolesOf(RetryRefusal)
  @ApiTags('refusals')
  @ApiOperation({
    summary: 'Retry a refusal',
    description:
      'Records the refused fact again, from what the refusal stores. If it is accepted, the refusal is resolved.',
  })
  @ApiOkResponse({ type: FactReceipt, description: 'The fact is recorded' })
  @ApiProblems({
    404: { RefusalUnknown: 'there is no refusal with this id' },
    409: {
      FactConflict: 'the same fact is still recorded with other content',
      ImportRunning: 'the import that brought the fact has not ended',
      RefusalIncomplete: 'the refusal does not store the whole fact',
      RefusalResolved: 'the refusal is already resolved',
    },
    422: { FactInvalid: 'the fact is still not valid; `errors` name each field' },
  })
  retry(@Param() { id }: RefusalPath, @Context() { actor, correlationId }: CommandContext): Promise<FactReceipt> {
    return this.commands.execute(new RetryRefusal(id, { actor, correlationId }));
  }

  private importFile(
    file: FileToImport,
    context: Pick<CommandContext, 'actor' | 'correlationId'>,
    write: (line: object) => void,
  ): Promise<object> {
    const id = randomUUID();
    write({ type: 'started', import: id });
    return this.commands.execute(new ImportFacts(id, file, context, progressWriter(write)));
  }

  private async tryFile(file: FileToImport, write: (line: object) => void): Promise<object> {
    const result = await this.commands.execute(
      new TryImport(file, progressWriter(write), ({ outcome, ...refused }) => write({ type: outcome, ...refused })),
    );
    return { dryRun: true, ...result };
  }

  private errorLine(error: unknown, correlationId: string): object {
    if (error instanceof DomainError)
      return { type: 'error', code: error.code, detail: error.message, errors: error.fields, correlationId };
    this.logger.error({ correlationId, err: error }, 'an import failed');
    const code = error instanceof EventStoreUnavailable ? error.code : 'InternalError';
    const reason = error instanceof EventStoreUnavailable ? ': the event store cannot be reached at the moment' : '';
    const detail = `the import broke off${reason}; import again: what is stored already changes nothing`;
    return { type: 'error', code, detail, errors: [], correlationId };
  }
}

function progressWriter(write: (line: object) => void): (progress: ImportProgress) => void {
  let writtenAt = 0;
  return ({ staged, done }) => {
    const now = performance.now();
    if (now - writtenAt < PROGRESS_MS) return;
    writtenAt = now;
    write({ type: 'progress', staged, done });
  };
}

/** The mapping document of a CSV file, checked before the file is read. @throws {DomainError} `MappingInvalid` */
function mappingOf({ mapping, locale }: ImportQuery, header: string | undefined): object {
  const document = mappingDocument({ header, query: mapping, locale });
  if (document === undefined)
    throw mappingProblem(MAPPING_HEADER, 'is missing: a CSV import needs one, here or as the query parameter mapping');
  try {
    columnMapping(document, formatOfLocale);
  } catch (error) {
    throw tabularProblem(error);
  }
  return document;
}
