import {
  applyDecorators,
  Body,
  Controller,
  Headers,
  HttpCode,
  HttpStatus,
  Inject,
  Param,
  Post,
  Query,
  StreamableFile,
} from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { RequestContext } from '@tantieme/event-sourcing/decide/runtime';
import { RolesOf } from '@tantieme/service-kit/access/auth';
import { ApiProblems } from '@tantieme/service-kit/http/api-answers';
import { Context } from '@tantieme/service-kit/http/context';
import {
  ApiFileBody,
  FILE_BODY_PROBLEM,
  fileFormat,
  FileQuery,
  WithdrawableFileQuery,
  fileStream,
  NDJSON_TYPE,
} from '@tantieme/service-kit/http/file-import';
import { mappingDocument } from '@tantieme/service-kit/http/mapping-document';
import { ImportPartners } from './partner-import.commands.js';
import { DatedFilePath, PartnerImportResultLine, RefusedRowLine, RowWarningLine } from './partner-import.dto.js';
import type { PartnerFileKind } from './partner-files.js';

const LINES = [RefusedRowLine, RowWarningLine, PartnerImportResultLine];

/** What the routes below have in common. */
function FileRoute(examples: Readonly<Record<'csv' | 'ndjson', string>>): MethodDecorator {
  return applyDecorators(
    HttpCode(HttpStatus.OK),
    RolesOf(ImportPartners),
    ApiFileBody({ ...examples, mapping: { from: 'Since', locale: 'de-DE', delimiter: ';' } }),
    ApiExtraModels(...LINES),
    ApiOkResponse({
      description: 'One JSON object per line: refused rows and warnings in order of the file, then the counts',
      content: { [NDJSON_TYPE]: { schema: { oneOf: LINES.map((line) => ({ $ref: getSchemaPath(line) })) } } },
    }),
    ApiProblems({
      413: { PayloadTooLarge: 'the file is larger than a file of partners may be' },
      422: {
        ...FILE_BODY_PROBLEM,
        MappingInvalid: 'the mapping is not valid; `errors` name each field',
        ColumnsMissing: 'the columns of the file do not fit its fields',
        FileUnreadable: 'the file cannot be read, and nothing of it is used',
      },
    }),
  );
}

@ApiTags('partners')
@Controller('partners')
export class PartnerImportController {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  @Post('batch')
  @ApiOperation({
    summary: 'Import partners from a file',
    description:
      'CSV has `id`, `name`, `channel` and `country`, and changes nothing else of a partner. NDJSON has a whole partner per ' +
      'line, as on the topic `partners`; what a line leaves out is removed. An upline may come later, in the file or in another.',
  })
  @FileRoute({
    csv: 'id,name,channel,country\nP-1,Ada Resale,retail,FR\n',
    ndjson:
      '{"id":"P-1","name":"Ada Resale","channel":"retail","country":"FR","tiers":[],"uplines":[],"agreements":[]}\n',
  })
  importPartners(
    @Body() body: unknown,
    @Query() query: FileQuery,
    @Headers('content-type') contentType: string | undefined,
    @Headers('x-import-mapping') mappingHeader: string | undefined,
    @Context() context: RequestContext,
  ): Promise<StreamableFile> {
    return this.import('partners', body, { ...query, withdraw: false }, contentType, mappingHeader, context);
  }

  @Post(':kind/batch')
  @ApiOperation({
    summary: 'Import tiers, uplines, agreements or certifications from a file',
    description:
      'A row is one of them, of a registered partner. With `withdraw=true` they are withdrawn: what has other content by now ' +
      'is refused as `EntryReplaced`, and stays. Fields of `tiers`: `partner`, `from`, `tier`. Of `uplines`: `partner`, ' +
      '`from`, `upline` (empty for none). Of `agreements`: `partner`, `agreement`, `plan`, `from`, `until` (may be empty). ' +
      'Of `certifications`: `partner`, `certificate`, `certification`, `from`, `until` and `count` (may be empty). A column or field that is missing is refused; in NDJSON, `null` is none.',
  })
  @FileRoute({
    csv: 'partner,agreement,plan,from,until\nP-1,A-2026,resellers-emea-2026,2026-01-01,\n',
    ndjson: '{"partner":"P-1","agreement":"A-2026","plan":"resellers-emea-2026","from":"2026-01-01","until":null}\n',
  })
  importDated(
    @Param() { kind }: DatedFilePath,
    @Body() body: unknown,
    @Query() query: WithdrawableFileQuery,
    @Headers('content-type') contentType: string | undefined,
    @Headers('x-import-mapping') mappingHeader: string | undefined,
    @Context() context: RequestContext,
  ): Promise<StreamableFile> {
    return this.import(kind, body, query, contentType, mappingHeader, context);
  }

  private async import(
    kind: PartnerFileKind,
    body: unknown,
    query: WithdrawableFileQuery,
    contentType: string | undefined,
    mappingHeader: string | undefined,
    context: RequestContext,
  ): Promise<StreamableFile> {
    const stream = fileStream(body);
    const { file, locale, dryRun, withdraw } = query;
    const mapping = mappingDocument({ header: mappingHeader, query: query.mapping, locale }) ?? {};
    const format = fileFormat(query, contentType);
    const lines = await this.commands.execute(
      new ImportPartners({ kind, format, file, stream, mapping, withdraw, dryRun }, context),
    );
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    return new StreamableFile(Buffer.from(text), { type: NDJSON_TYPE });
  }
}
