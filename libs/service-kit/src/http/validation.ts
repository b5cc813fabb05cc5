import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from '@nestjs/common';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

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
    // class-validator starts its messages with the name of the field (or `property`), which stands beside it already.
    ...Object.values(error.constraints ?? {}).map((message) => ({ field, reason: reasonOf(message, error.property) })),
    ...(error.children ?? []).flatMap((child) => fieldErrors(child, field)),
  ];
}

function reasonOf(message: string, property: string): string {
  const prefix = [`${property} `, `property ${property} `].find((start) => message.startsWith(start)) ?? '';
  return message.slice(prefix.length);
}
