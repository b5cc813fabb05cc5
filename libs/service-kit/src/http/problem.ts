import { STATUS_CODES } from 'node:http';

import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { isDatabaseUnavailable } from '@tantieme/event-sourcing/read-model/database-unavailable';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';
import { EventStoreUnavailable, EventTooLarge } from '@tantieme/event-store/event-store';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { IssuerUnavailable, Unauthenticated } from '../access/token-verifier.js';

export interface FieldError {
  /** Path in the request: `lines.0.net`. */
  readonly field: string;
  readonly reason: string;
  /** Where in a text it stands, from 1. */
  readonly line?: number;
  readonly column?: number;
}

class FieldErrorBody implements FieldError {
  @ApiProperty({ example: 'lines.0.net' })
  readonly field!: string;
  @ApiProperty({ example: 'has more decimals than EUR' })
  readonly reason!: string;
  @ApiPropertyOptional({ description: 'of a text, from 1' })
  readonly line?: number;
  @ApiPropertyOptional({ description: 'of a text, from 1' })
  readonly column?: number;
}

/** A problem as RFC 9457 has it, with `code` and `errors` as extensions. */
export class Problem {
  @ApiProperty({ example: 'urn:tantieme:problem:PeriodClosed', description: 'stable; ends in `code`' })
  readonly type!: string;
  @ApiProperty({ example: 'Conflict' })
  readonly title!: string;
  @ApiProperty({ example: 409 })
  readonly status!: number;
  @ApiProperty({ example: 'the period 2026-03 is closed' })
  readonly detail!: string;
  @ApiProperty({ example: 'PeriodClosed', description: 'stable, for programs' })
  readonly code!: string;
  @ApiProperty({ description: 'for questions: it is in the log and in the events of this request' })
  readonly correlationId!: string;
  @ApiPropertyOptional({ type: [FieldErrorBody] })
  readonly errors?: readonly FieldError[];
}

export const PROBLEM_TYPE = 'application/problem+json';

/** What is away may be back with the next look at it: see `reachability.ts`. */
const RETRY_AFTER_SECONDS = 1;

const STATUS_OF_KIND = { invalid: 422, conflict: 409, 'not-found': 404, forbidden: 403 } as const;

/** What is said about an error, before the request is known. */
export interface Verdict {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

export function problemOf(verdict: Verdict, correlationId: string): Problem {
  return {
    type: `urn:tantieme:problem:${verdict.code}`,
    title: STATUS_CODES[verdict.status] ?? 'Error',
    status: verdict.status,
    detail: verdict.detail,
    code: verdict.code,
    correlationId,
    ...(verdict.errors === undefined || verdict.errors.length === 0 ? {} : { errors: verdict.errors }),
  };
}

/** @param extensions members of the answer beside those of a problem, as RFC 9457 allows. */
export function sendProblem(
  reply: FastifyReply,
  verdict: Verdict,
  correlationId: string,
  extensions: Readonly<Record<string, unknown>> = {},
): void {
  if (verdict.status === 503) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  // As text: the type is JSON of a kind that no serializer of a route is made for.
  void reply
    .status(verdict.status)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify({ ...problemOf(verdict, correlationId), ...extensions }));
}

/** Turns every error of a request into a problem answer, in this one place. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const verdict = verdictOn(error);
    if (verdict.status >= 500)
      this.logger.error({ correlationId: request.id, code: verdict.code, err: error }, 'a request failed');
    if (reply.sent || reply.raw.headersSent) {
      // A stream that breaks in the middle has no other way to say so.
      reply.raw.destroy();
      return;
    }
    if (verdict.status === 401) void reply.header('www-authenticate', 'Bearer');
    sendProblem(reply, verdict, request.id);
  }
}

function verdictOn(error: unknown): Verdict {
  if (error instanceof DomainError)
    return { status: STATUS_OF_KIND[error.kind], code: error.code, detail: error.message, errors: error.fields };
  if (error instanceof Unauthenticated) return { status: 401, code: error.code, detail: error.message };
  if (error instanceof IssuerUnavailable) return { status: 503, code: error.code, detail: error.message };
  if (error instanceof EventStoreUnavailable)
    return unavailable(error.code, 'eventStore', 'the event store cannot be reached at the moment; try again');
  if (isDatabaseUnavailable(error))
    return unavailable('DatabaseUnavailable', 'database', 'the database cannot be reached at the moment; try again');
  if (error instanceof EventTooLarge) return { status: 413, code: error.code, detail: error.message };
  const invalid = fieldsOf(error);
  if (invalid !== undefined)
    return { status: 422, code: 'RequestInvalid', detail: 'the request is not valid', errors: invalid };
  if (error instanceof HttpException) return verdictOnHttp(error);
  // What went wrong inside is for the log, not for the caller.
  return {
    status: 500,
    code: 'InternalError',
    detail: 'something went wrong here; the correlation id names it in the log',
  };
}

/** Why is for the log, and for `/health/ready`. */
function unavailable(code: string, field: string, detail: string): Verdict {
  return { status: 503, code, detail, errors: [{ field, reason: 'cannot be reached' }] };
}

/** Errors of Nest and of Fastify (which Nest wraps): malformed JSON, no such route, too large, … */
function verdictOnHttp(error: HttpException): Verdict {
  const status = error.getStatus();
  return { status, code: codeOfStatus(status), detail: error.message };
}

/** `NotFound`, `PayloadTooLarge`, …: for errors below the domain, whose status says all there is to say. */
export function codeOfStatus(status: number): string {
  return (STATUS_CODES[status] ?? 'Error').replace(/[^A-Za-z]/g, '');
}

/** `InvalidMessage` of the contracts, and what looks like it: a list of fields with reasons. */
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
