import { ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, Type, ValidationError } from '@nestjs/common';
import { oneOf } from '@tantieme/contracts/suggest';
import { DomainError } from '@tantieme/event-sourcing/decide/decider';

import { describedProperty } from './described-property.js';
import type { FieldError } from './problem.js';
import { nestedClass, validationRulesOf } from './validated-schema.js';

/** Checks request classes: reports all faults at once and refuses unknown fields, so that a misspelt one is noticed. */
class RequestValidation extends ValidationPipe {
  /** class-validator skips null where a field is optional; the schemas of requests and messages do not allow it. */
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // Nest takes null for an empty object.
    if (metadata.type === 'body' && value === null) throw invalidRequest([{ field: '', reason: 'must be an object' }]);
    const nulls = metadata.metatype === undefined ? [] : nullFaults(value, metadata.metatype, '');
    if (nulls.length === 0) return super.transform(value, metadata);
    const others = await super.transform(value, metadata).then(
      () => [],
      (error: unknown) => {
        if (error instanceof DomainError) return error.fields;
        throw error;
      },
    );
    throw invalidRequest([...nulls, ...others]);
  }
}

export function requestValidation(): ValidationPipe {
  return new RequestValidation({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: false,
    // The class and the value of an invalid field name what is allowed there.
    validationError: { target: true, value: true },
    exceptionFactory: (errors) => invalidRequest(errors.flatMap((error) => fieldErrors(error, ''))),
  });
}

function invalidRequest(faults: readonly FieldError[]): DomainError {
  const fields = [...new Set(faults.map(({ field }) => field))].join(', ');
  return new DomainError('RequestInvalid', `the request has invalid fields: ${fields}`, 'invalid', faults);
}

/** Optional fields that are null, also in nested objects. */
function nullFaults(value: unknown, type: Type, path: string): readonly FieldError[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => nullFaults(item, type, `${path}${index}.`));
  const optional = validationRulesOf(type).filter(({ name }) => name === 'isOptional');
  return Object.entries(value).flatMap(([property, field]: [string, unknown]) => {
    if (field === null && optional.some(({ propertyName }) => propertyName === property))
      return [{ field: `${path}${property}`, reason: 'must not be null: leave the field out' }];
    const nested = nestedClass(type.prototype as object, property);
    return nested === undefined ? [] : nullFaults(field, nested, `${path}${property}.`);
  });
}

function fieldErrors(error: ValidationError, path: string): readonly FieldError[] {
  const field = path === '' ? error.property : `${path}.${error.property}`;
  return [
    ...Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      field,
      reason: reasonOf(error, rule, message),
    })),
    ...(error.children ?? []).flatMap((child) => fieldErrors(child, field)),
  ];
}

/** In words: which values are allowed, and never a regular expression. */
function reasonOf({ target, property, value }: ValidationError, rule: string, message: string): string {
  const rules = target === undefined ? [] : validationRulesOf(target.constructor as Type);
  const declared = rules.find((one) => one.propertyName === property && one.name === rule);
  if (rule === 'whitelistValidation')
    return `is not a known field; use ${oneOf([...new Set(rules.map(({ propertyName }) => propertyName))], property)}`;
  // A message of the rule's own is already in words.
  if (declared?.message === undefined && target !== undefined) {
    if (rule === 'isIn') return isInReason(declared?.constraints[0], value);
    if (rule === 'matches') return formatReason(target, property);
  }
  // class-validator starts its messages with the name of the field (or `property`), which is in `field` already.
  const prefix = [`each value in ${property} `, `${property} `, `property ${property} `].find((start) =>
    message.startsWith(start),
  );
  return message.slice(prefix?.length ?? 0);
}

function isInReason(allowed: unknown, value: unknown): string {
  const known: readonly string[] = Array.isArray(allowed) ? allowed.map(String) : [];
  const wrong: unknown = Array.isArray(value) ? value.find((item) => !known.includes(String(item))) : value;
  return `must be ${oneOf(known, wrong)}`;
}

/** What the documentation of the field says about its form. */
function formatReason(target: object, property: string): string {
  const { description, example } = describedProperty(target, property) ?? {};
  const form = typeof example === 'string' ? `; a valid example: "${example}"` : '';
  return `is not in the expected form${form}${description === undefined ? '' : ` (${description})`}`;
}
