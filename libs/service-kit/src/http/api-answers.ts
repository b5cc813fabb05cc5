/** How a route describes its answers, for the OpenAPI document. */

import { applyDecorators } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiResponse, getSchemaPath } from '@nestjs/swagger';

import { Problem, PROBLEM_TYPE, problemOf } from './problem.js';

/** A list answers with a page of items of this class. */
export function ApiPage(item: Type, description = 'One page, in the order of the list'): MethodDecorator {
  return applyDecorators(
    ApiExtraModels(item),
    ApiOkResponse({
      description,
      schema: {
        type: 'object',
        required: ['items'],
        properties: {
          items: { type: 'array', items: { $ref: getSchemaPath(item) } },
          next: {
            type: 'string',
            description: 'Cursor of the next page; absent on the last one',
            example: 'WyJQLTEiXQ',
          },
        },
      },
    }),
  );
}

/** The codes with which a route refuses, each with its meaning. */
export type ProblemCodes = Readonly<Record<string, string>>;

/**
 * The codes with which a route refuses, by status. Not listed: what the document adds by itself because every route
 * may answer it (400, 401, 403, 413, 415, 422 `RequestInvalid`, 500, 503, and the idempotency key's codes).
 */
export function ApiProblems(problems: Readonly<Record<number, ProblemCodes>>): MethodDecorator {
  return applyDecorators(
    ApiExtraModels(Problem),
    ...Object.entries(problems).map(([status, codes]) =>
      ApiResponse({
        status: Number(status),
        description: describeCodes(codes),
        content: {
          [PROBLEM_TYPE]: { schema: { $ref: getSchemaPath(Problem) }, examples: examplesOf(Number(status), codes) },
        },
      }),
    ),
  );
}

/** `` `PeriodClosed`: the period is closed. `…`: … `` */
export function describeCodes(codes: ProblemCodes): string {
  return Object.entries(codes)
    .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
    .join('. ');
}

const EXAMPLE_CORRELATION_ID = '6c1f0f3e-2f0b-4a52-9d2c-7f2a4c0d9b11';

function examplesOf(status: number, codes: ProblemCodes): Record<string, { summary: string; value: Problem }> {
  return Object.fromEntries(
    Object.entries(codes).map(([code, meaning]) => [
      code,
      { summary: meaning, value: problemOf({ status, code, detail: meaning }, EXAMPLE_CORRELATION_ID) },
    ]),
  );
}
