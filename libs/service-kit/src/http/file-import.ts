/** What routes that import files have in common: their query, their body, and how the API documents them. */
import { Readable } from 'node:stream';

import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiPropertyOptional } from '@nestjs/swagger';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { FILE_FORMATS } from '@tantieme/tabular/file-records';
import type { FileFormatName } from '@tantieme/tabular/file-records';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Length, MaxLength } from 'class-validator';

import { MAPPING_HEADER } from './mapping-document.js';

export const NDJSON_TYPE = 'application/x-ndjson';
export const CSV_TYPE = 'text/csv';

/** A query parameter that is `true` or `false`. */
export function TrueOrFalse(): PropertyDecorator {
  return applyDecorators(
    IsOptional(),
    Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value)),
    IsBoolean({ message: 'must be true or false' }),
  );
}

export class DryRunQuery {
  @ApiPropertyOptional({ default: false, description: 'True: answers what would happen, and writes nothing' })
  @TrueOrFalse()
  dryRun: boolean = false;
}

export class FileQuery extends DryRunQuery {
  @ApiPropertyOptional({ enum: FILE_FORMATS, description: 'How the file is written; by its content type if left out' })
  @IsOptional()
  @IsIn(FILE_FORMATS)
  format?: FileFormatName;

  @ApiPropertyOptional({ example: 'march.csv', description: 'Name of the file, repeated with each refusal' })
  @IsOptional()
  @IsString()
  @Length(1, 255)
  file?: string;

  @ApiPropertyOptional({
    example: '{"locale":"de-DE","delimiter":";"}',
    description: 'CSV: the mapping document (JSON), unless it is sent as a header',
  })
  @IsOptional()
  @IsString()
  mapping?: string;

  @ApiPropertyOptional({
    example: 'de-DE',
    description: 'CSV: how numbers and dates are written (BCP 47). Replaces `locale` of the mapping',
  })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  locale?: string;
}

export class WithdrawableFileQuery extends FileQuery {
  @ApiPropertyOptional({ default: false, description: 'True: what the file states is withdrawn instead of recorded' })
  @TrueOrFalse()
  withdraw: boolean = false;
}

/** The body of a route that imports a file, for the OpenAPI document. */
export function ApiFileBody(file: {
  /** Examples of a file. */
  readonly csv: string;
  readonly ndjson: string;
  readonly mapping: object;
}): MethodDecorator {
  return applyDecorators(
    ApiConsumes(NDJSON_TYPE, CSV_TYPE),
    ApiBody({
      description: 'The file',
      schema: { type: 'string' },
      examples: { csv: { summary: 'CSV', value: file.csv }, ndjson: { summary: 'NDJSON', value: file.ndjson } },
    }),
    ApiHeader({
      name: MAPPING_HEADER,
      required: false,
      description: 'CSV: the mapping document (JSON in UTF-8)',
      schema: { type: 'string' },
      example: JSON.stringify(file.mapping),
    }),
  );
}

/** The code with which {@link fileStream} refuses, for `ApiProblems`. */
export const FILE_BODY_PROBLEM = { BodyNotStreamed: `the content type is neither ${NDJSON_TYPE} nor ${CSV_TYPE}` };

/** The body as a stream. @throws {DomainError} `BodyNotStreamed` for another content type */
export function fileStream(body: unknown): Readable {
  if (body instanceof Readable) return body;
  throw new DomainError('BodyNotStreamed', `send the file as ${NDJSON_TYPE} or ${CSV_TYPE}`, 'invalid', [
    { field: 'Content-Type', reason: `must be ${NDJSON_TYPE} or ${CSV_TYPE}` },
  ]);
}

export function fileFormat({ format }: FileQuery, contentType: string | undefined): FileFormatName {
  return format ?? (contentType?.startsWith(CSV_TYPE) === true ? 'csv' : 'ndjson');
}
