import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decider';

import type { FieldError } from './problem.js';

/** Checks DTOs: all errors at once, unknown fields refused (a misspelt field must not vanish silently). */
export function requestValidation(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: false,
    exceptionFactory: (errors) =>
      new DomainError(
        'RequestInvalid',
        'the request has fields that are not valid',
        'invalid',
        errors.flatMap((error) => fieldErrors(error, '')),
      ),
  });
}

function fieldErrors(error: ValidationError, path: string): readonly FieldError[] {
  const field = path === '' ? error.property : `${path}.${error.property}`;
  return [
    // class-validator starts its messages with the name of the field, which stands beside it already.
    ...Object.values(error.constraints ?? {}).map((message) => ({
      field,
      reason: message.replace(`${error.property} `, ''),
    })),
    ...(error.children ?? []).flatMap((child) => fieldErrors(child, field)),
  ];
}
