/** How a route describes its answers, for the OpenAPI document. */
import { applyDecorators } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiResponse, getSchemaPath } from '@nestjs/swagger';

import { Problem, PROBLEM_TYPE } from './problem.js';

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
          next: { type: 'string', description: 'Cursor of the next page; absent on the last one' },
        },
      },
    }),
  );
}

/**
 * The codes with which a route refuses, by status, each with its meaning. Not listed: what every route may answer
 * (401, 403, 422 `RequestInvalid`, 503), which the document adds by itself.
 */
export function ApiProblems(problems: Readonly<Record<number, Readonly<Record<string, string>>>>): MethodDecorator {
  return applyDecorators(
    ApiExtraModels(Problem),
    ...Object.entries(problems).map(([status, meanings]) =>
      ApiResponse({
        status: Number(status),
        description: Object.entries(meanings)
          .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
          .join('. '),
        content: { [PROBLEM_TYPE]: { schema: { $ref: getSchemaPath(Problem) } } },
      }),
    ),
  );
}
