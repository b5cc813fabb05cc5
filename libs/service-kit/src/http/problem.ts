import { STATUS_CODES } from 'node:http';

import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import {
  isDatabaseUnavailable,
  isStorageFull,
  isTableMissing,
} from '@tantieme/event-sourcing/read-model/database-unavailable';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import {
  EventStoreRefused,
  EventStoreUnavailable,
  EventTooLarge,
  IncompleteStream,
  StorageFull,
  UnknownPosition,
} from '@tantieme/event-store/event-store';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { IssuerUnavailable, Unauthenticated } from '../access/token-verifier.js';

export interface FieldError {
  /** Path in the request: `lines.0.net`. */
  readonly field: string;
  readonly reason: string;
  /** Position in a text, from 1. */
  readonly line?: number;
  readonly column?: number;
}

class FieldErrorBody implements FieldError {
  @ApiProperty({ description: 'Path of the field in the request', example: 'lines.0.net' })
  readonly field!: string;
  @ApiProperty({ description: 'What is wrong, and what is allowed', example: 'has more decimals than EUR' })
  readonly reason!: string;
  @ApiPropertyOptional({ description: 'Line in a text body, from 1' })
  readonly line?: number;
  @ApiPropertyOptional({ description: 'Column in a text body, from 1' })
  readonly column?: number;
}

/** A problem document of RFC 9457, with `code`, `correlationId` and `errors` as extensions. */
export class Problem {
  @ApiProperty({
    example: 'urn:tantieme:problem:PeriodClosed',
    description: 'URN of the kind of problem; ends in `code`',
  })
  readonly type!: string;
  @ApiProperty({ description: 'Name of the HTTP status', example: 'Conflict' })
  readonly title!: string;
  @ApiProperty({ description: 'HTTP status', example: 409 })
  readonly status!: number;
  @ApiProperty({ description: 'What happened, in words', example: 'the period 2026-03 is closed' })
  readonly detail!: string;
  @ApiProperty({ example: 'PeriodClosed', description: 'Stable name of the kind of problem, for programs' })
  readonly code!: string;
  @ApiProperty({
    description: 'Identifies the request: log lines and events of the request carry it',
    example: '6c1f0f3e-2f0b-4a52-9d2c-7f2a4c0d9b11',
  })
  readonly correlationId!: string;
  @ApiPropertyOptional({ type: [FieldErrorBody], description: 'All invalid fields of the request' })
  readonly errors?: readonly FieldError[];
}

export const PROBLEM_TYPE = 'application/problem+json';

/** Seconds after which a retry makes sense: reachability is probed once a second (`reachability.ts`). */
const RETRY_AFTER_SECONDS = 1;

const STATUS_OF_KIND = { invalid: 422, conflict: 409, 'not-found': 404, forbidden: 403 } as const;

/** An error as a problem document shows it, without what belongs to the request. */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[] | undefined;
  /** True where only an operator can help: a retry would meet the same. */
  readonly needsOperator?: boolean;
}

export function problemOf(failure: Failure, correlationId: string): Problem {
  return omitUndefined({
    type: `urn:tantieme:problem:${failure.code}`,
    title: STATUS_CODES[failure.status] ?? 'Error',
    status: failure.status,
    detail: failure.detail,
    code: failure.code,
    correlationId,
    errors: failure.errors?.length === 0 ? undefined : failure.errors,
  });
}

/** @param extensions further members of the problem document, as RFC 9457 allows. */
export function sendProblem(
  reply: FastifyReply,
  failure: Failure,
  correlationId: string,
  extensions: Readonly<Record<string, unknown>> = {},
): void {
  if (failure.status === 503 && failure.needsOperator !== true) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  // Serialized here: Fastify serializes objects only under application/json.
  void reply
    .status(failure.status)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify({ ...problemOf(failure, correlationId), ...extensions }));
}

/** Turns every error of a request into a problem document, in this one place. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const failure = failureOf(error);
    if (failure.status >= 500)
      this.logger.error({ correlationId: request.id, code: failure.code, err: error }, 'a request failed');
    if (reply.sent || reply.raw.headersSent) {
      // The status is already sent: only a broken connection can still signal the failure.
      reply.raw.destroy();
      return;
    }
    if (failure.status === 401) void reply.header('www-authenticate', 'Bearer');
    sendProblem(reply, failure, request.id);
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof DomainError)
    return { status: STATUS_OF_KIND[error.kind], code: error.code, detail: error.message, errors: error.fields };
  if (error instanceof Unauthenticated) return { status: 401, code: error.code, detail: error.message };
  if (error instanceof IssuerUnavailable) return { status: 503, code: error.code, detail: error.message };
  if (error instanceof EventStoreUnavailable)
    return unavailable(error.code, 'eventStore', 'the event store cannot be reached; try again');
  if (error instanceof UnknownPosition || error instanceof IncompleteStream)
    return { status: 503, code: error.code, detail: `${error.message}. An operator must do this`, needsOperator: true };
  if (error instanceof EventStoreRefused)
    return {
      status: 503,
      code: error.code,
      detail: 'the event store refuses the call; an operator finds its reason in the log, under the correlation id',
      needsOperator: true,
    };
  if (isDatabaseUnavailable(error))
    return unavailable('DatabaseUnavailable', 'database', 'the database cannot be reached; try again');
  if (isTableMissing(error))
    return unavailable(
      'DatabaseUnavailable',
      'database',
      'the tables of the read models are still being created; try again',
      'has no tables yet',
    );
  if (error instanceof StorageFull || isStorageFull(error))
    return {
      status: 507,
      code: 'StorageFull',
      detail: 'the disk is full: nothing was stored; an operator must free space',
    };
  if (error instanceof EventTooLarge) return { status: 413, code: error.code, detail: error.message };
  const invalid = fieldsOf(error);
  if (invalid !== undefined)
    return { status: 422, code: 'RequestInvalid', detail: 'the request has invalid fields', errors: invalid };
  if (error instanceof HttpException) return httpFailure(error);
  // Details go to the log, not to the caller.
  return {
    status: 500,
    code: 'InternalError',
    detail: 'something went wrong here; the correlation id names it in the log',
  };
}

/** The reason is shown in the log and in `/health/ready`, not to the caller. */
function unavailable(code: string, field: string, detail: string, reason = 'cannot be reached'): Failure {
  return { status: 503, code, detail, errors: [{ field, reason }] };
}

/** Errors of Nest and of Fastify (which Nest wraps): malformed JSON, unknown route, body too large, … */
function httpFailure(error: HttpException): Failure {
  const status = error.getStatus();
  return { status, code: codeOfStatus(status), detail: error.message };
}

/** `NotFound`, `PayloadTooLarge`, …: the code of an error that is fully described by its HTTP status. */
export function codeOfStatus(status: number): string {
  return (STATUS_CODES[status] ?? 'Error').replace(/[^A-Za-z]/g, '');
}

/** The fields of `InvalidMessage` (contracts), and of any error with the same shape. */
function fieldsOf(error: unknown): readonly FieldError[] | undefined {
  if (!(error instanceof Error) || !('errors' in error) || !Array.isArray(error.errors)) return undefined;
  const fields: readonly unknown[] = error.errors;
  return fields.length > 0 && fields.every(isFieldError) ? fields : undefined;
}

function isFieldError(value: unknown): value is FieldError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'field' in value &&
    typeof value.field === 'string' &&
    'reason' in value &&
    typeof value.reason === 'string'
  );
}
