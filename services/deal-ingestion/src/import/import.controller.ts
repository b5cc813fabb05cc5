import { isUtf8 } from 'node:buffer';
import { PassThrough, Readable } from 'node:stream';
import {
  Body,
  Controller,
  Headers,
  HttpCode,
  HttpStatus,
  Inject,
  Logger,
  Post,
  Query,
  StreamableFile,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiTags,
} from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import type { CommandContext } from '@tantieme/event-sourcing/decide/runtime';
import { EventStoreUnavailable } from '@tantieme/event-store/event-store';
import { RolesOf } from '@tantieme/service-kit/access/auth';
import { Context } from '@tantieme/service-kit/http/context';
import { IsIn, IsOptional, IsString } from 'class-validator';
import { ImportFacts } from '../fact/fact.commands.js';
import { columnMapping } from './column-mapping.js';
import { IMPORT_FORMATS } from './import-facts.service.js';
import type { ImportFormat, ImportProgress } from './import-facts.service.js';

export class ImportQuery {
  @ApiProperty({ enum: IMPORT_FORMATS })
  @IsIn(IMPORT_FORMATS)
  format!: ImportFormat;

  @ApiPropertyOptional({ description: 'CSV: the mapping document (JSON), where it does not come as a header' })
  @IsOptional()
  @IsString()
  mapping?: string;
}

/** Milliseconds between two words about the progress: often enough for a bar, rare enough to cost nothing. */
const PROGRESS_MS = 100;

@ApiTags('deals')
@Controller('imports')
export class ImportsController {
  private readonly logger = new Logger(ImportsController.name);

  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  /**
   * Answers as the import goes on: lines `{"type":"progress","staged","done"}`, and at the end
   * `{"type":"result","facts","accepted","repeated","conflicts","refused"}` or `{"type":"error","code","detail","errors"}`.
   */
  @Post()
  @HttpCode(HttpStatus.OK)
  @RolesOf(ImportFacts)
  @ApiOperation({
    summary: 'Many facts, as NDJSON or as CSV with a column mapping; what is known already changes nothing',
  })
  @ApiConsumes('application/x-ndjson', 'text/csv')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiHeader({ name: 'X-Import-Mapping', required: false, description: 'CSV: the mapping document (JSON)' })
  @ApiOkResponse({ description: 'Progress and result, as NDJSON', content: { 'application/x-ndjson': {} } })
  start(
    @Body() body: unknown,
    @Query() { format, mapping: mappingInQuery }: ImportQuery,
    @Headers('x-import-mapping') mappingInHeader: string | undefined,
    @Context() { actor, correlationId }: CommandContext,
  ): StreamableFile {
    if (!(body instanceof Readable))
      throw new DomainError('BodyNotStreamed', 'an import is sent as application/x-ndjson or text/csv', 'invalid', [
        { field: 'Content-Type', reason: 'is none of application/x-ndjson, text/csv' },
      ]);
    const mapping =
      format === 'csv'
        ? mappingOf(mappingInHeader === undefined ? mappingInQuery : headerText(mappingInHeader))
        : undefined;
    const answer = new PassThrough();
    const say = (line: object): void => {
      if (!answer.writableEnded && !answer.destroyed) answer.write(`${JSON.stringify(line)}\n`);
    };
    let toldAt = 0;
    const onProgress = ({ staged, done }: ImportProgress): void => {
      const now = performance.now();
      if (now - toldAt < PROGRESS_MS) return;
      toldAt = now;
      say({ type: 'progress', staged, done });
    };
    void this.commands
      .execute(new ImportFacts(body, format, mapping, { actor, correlationId }, onProgress))
      .then(
        (result) => say({ type: 'result', ...result }),
        (error: unknown) => say(this.problem(error, correlationId)),
      )
      .finally(() => {
        answer.end();
        // What is left of a body that nobody reads would hold up the connection.
        body.resume();
      });
    return new StreamableFile(answer, { type: 'application/x-ndjson' });
  }

  private problem(error: unknown, correlationId: string): object {
    if (error instanceof DomainError)
      return { type: 'error', code: error.code, detail: error.message, errors: error.fields, correlationId };
    this.logger.error({ correlationId, err: error }, 'an import failed');
    const code = error instanceof EventStoreUnavailable ? error.code : 'InternalError';
    const why = error instanceof EventStoreUnavailable ? ': the event store cannot be reached at the moment' : '';
    const detail = `the import broke off${why}; import again: what is stored already changes nothing`;
    return { type: 'error', code, detail, errors: [], correlationId };
  }
}

/** A header's bytes come as Latin-1; who sends column names with accents means UTF-8. */
function headerText(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

/** Checked before anything is read. @throws {DomainError} `MappingInvalid` */
function mappingOf(text: string | undefined): unknown {
  if (text === undefined)
    throw new DomainError('MappingInvalid', 'a CSV import needs a mapping of its columns', 'invalid', [
      { field: 'X-Import-Mapping', reason: 'is missing; it may also come as the query parameter mapping' },
    ]);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new DomainError('MappingInvalid', 'the mapping is no JSON', 'invalid', [
      { field: 'X-Import-Mapping', reason: error instanceof Error ? error.message : String(error) },
    ]);
  }
  return columnMapping(document);
}
