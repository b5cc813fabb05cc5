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
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { EventStoreUnavailable } from '@tantieme/event-store/event-store';
import { Roles, RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiPage, ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import type { Page } from '@tantieme/service-kit/http/cursor';
import {
  ApiFileBody,
  CSV_TYPE,
  DryRunQuery,
  FILE_BODY_PROBLEM,
  fileFormat,
  FileQuery,
  fileStream,
  NDJSON_TYPE,
} from '@tantieme/service-kit/http/file-import';
import { MAPPING_HEADER, mappingDocument, mappingProblem } from '@tantieme/service-kit/http/mapping-document';
import { tabularProblem } from '@tantieme/service-kit/http/tabular-problem';
import { formatOfLocale } from '@tantieme/tabular/locale';
import { FACT_EXAMPLE } from '../fact/fact.dto.js';
import { ImportFacts, TryImport } from './import.commands.js';
import type { FileToImport } from './import.commands.js';
import {
  CSV_EXAMPLE,
  Import,
  ImportErrorLine,
  ImportPath,
  ImportProgressLine,
  ImportResultLine,
  ImportsQuery,
  ImportStartedLine,
  MAPPING_EXAMPLE,
  RejectedQuery,
  UndoneFactLine,
  UndoResultLine,
  WouldBeRefusedLine,
} from './import.dto.js';
import type { ImportProgress } from './import-facts.service.js';
import { FindImport, FindRejectedRows, ListImports } from './import.queries.js';
import { UndoImport } from './undo.commands.js';
import type { UndoLine } from './undo.commands.js';
import { columnMapping } from './mapping-document.js';

/** Milliseconds between two progress lines: often enough for a bar, rare enough to cost nothing. */
const PROGRESS_MS = 100;

const UNDO_LINES = [UndoneFactLine, UndoResultLine, ImportErrorLine];

const LINES = [ImportStartedLine, ImportProgressLine, WouldBeRefusedLine, ImportResultLine, ImportErrorLine];

@ApiTags('imports')
@Controller('imports')
export class ImportsController {
  private readonly logger = new Logger(ImportsController.name);

  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(QueryBus) private readonly queries: QueryBus,
  ) {}

  @Post()
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
  @ApiFileBody({ csv: CSV_EXAMPLE, ndjson: `${JSON.stringify(FACT_EXAMPLE)}\n`, mapping: MAPPING_EXAMPLE })
  @ApiExtraModels(...LINES)
  @ApiOkResponse({
    description: 'One JSON object per line',
    content: { [NDJSON_TYPE]: { schema: { oneOf: LINES.map((line) => ({ $ref: getSchemaPath(line) })) } } },
  })
  @ApiProblems({
    422: {
      ...FILE_BODY_PROBLEM,
      MappingInvalid: 'the mapping is missing or not valid; `errors` name each field',
    },
  })
  start(
    @Body() body: unknown,
    @Query() query: FileQuery,
    @Headers('content-type') contentType: string | undefined,
    @Headers('x-import-mapping') mappingHeader: string | undefined,
    @Context() { actor, correlationId }: RequestContext,
  ): StreamableFile {
    const stream = fileStream(body);
    const format = fileFormat(query, contentType);
    const mapping = format === 'csv' ? mappingOf(query, mappingHeader) : undefined;
    const file = { stream, format, file: query.file, mapping };
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
        stream.resume();
      });
    return new StreamableFile(answer, { type: NDJSON_TYPE });
  }

  @Get()
  @Roles('source', 'finance', 'auditor', 'operator')
  @ApiOperation({ summary: 'List imports', description: 'Which file was imported, when, by whom, with which counts.' })
  @ApiPage(Import)
  list(@Query() query: ImportsQuery): Promise<Page<Import>> {
    return this.queries.execute(new ListImports(query));
  }

  @Get(':id')
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

  @Get(':id/rejected')
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
      [CSV_TYPE]: { schema: { type: 'string' }, example: 'Order,Net,refusal_reason\nD-1042,abc,"row 2, Net: …"\n' },
      [NDJSON_TYPE]: { schema: { type: 'string' }, example: '{"kind":"booked",…,"refusal_reason":"row 2: …"}\n' },
    },
  })
  @ApiProblems({ 404: { ImportUnknown: 'there is no import with this id' } })
  async rejected(@Param() { id }: ImportPath, @Query() { state }: RejectedQuery): Promise<StreamableFile> {
    const { format, lines } = await this.queries.execute(new FindRejectedRows(id, state));
    const type = format === 'csv' ? `${CSV_TYPE}; charset=utf-8` : NDJSON_TYPE;
    return new StreamableFile(Readable.from(lines), {
      type,
      disposition: `attachment; filename="rejected-${id}.${format}"`,
    });
  }

  @Post(':id/undo')
  @HttpCode(HttpStatus.OK)
  @RolesOf(UndoImport)
  @ApiOperation({
    summary: 'Undo an import',
    description:
      'Withdraws every fact that the import brought, as later revisions of these facts, so that the deals are as if they had ' +
      'never been imported. Facts that a higher revision from elsewhere has replaced stay, and are listed. The answer has a ' +
      'line for each fact and the totals as its last line. Undoing an import again changes nothing; after a break-off it ' +
      'goes on. A dry run withdraws nothing.',
  })
  @ApiExtraModels(...UNDO_LINES)
  @ApiOkResponse({
    description: 'One JSON object per line',
    content: { [NDJSON_TYPE]: { schema: { oneOf: UNDO_LINES.map((line) => ({ $ref: getSchemaPath(line) })) } } },
  })
  @ApiProblems({
    404: { ImportUnknown: 'there is no import with this id' },
    409: { ImportRunning: 'the import has not ended yet' },
  })
  async undo(
    @Param() { id }: ImportPath,
    @Query() { dryRun }: DryRunQuery,
    @Context() { actor, correlationId }: RequestContext,
  ): Promise<StreamableFile> {
    const lines = await this.commands.execute(new UndoImport(id, dryRun, { actor, correlationId }));
    return new StreamableFile(Readable.from(this.serialized(lines, correlationId)), { type: NDJSON_TYPE });
  }

  /** An error in the middle becomes the last line: the status was sent before. */
  private async *serialized(lines: AsyncIterable<UndoLine>, correlationId: string): AsyncGenerator<string> {
    try {
      for await (const line of lines) yield `${JSON.stringify(line)}\n`;
    } catch (error) {
      yield `${JSON.stringify(this.errorLine(error, correlationId, 'undo'))}\n`;
    }
  }

  private importFile(
    file: FileToImport,
    context: Pick<RequestContext, 'actor' | 'correlationId'>,
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

  private errorLine(error: unknown, correlationId: string, doing: 'import' | 'undo' = 'import'): object {
    if (error instanceof DomainError)
      return { type: 'error', code: error.code, detail: error.message, errors: error.fields, correlationId };
    this.logger.error({ correlationId, err: error }, `an ${doing} failed`);
    const code = error instanceof EventStoreUnavailable ? error.code : 'InternalError';
    const reason = error instanceof EventStoreUnavailable ? ': the event store cannot be reached at the moment' : '';
    const detail = `the ${doing} broke off${reason}; ${doing} again: what is stored already changes nothing`;
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
function mappingOf({ mapping, locale }: FileQuery, header: string | undefined): object {
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
