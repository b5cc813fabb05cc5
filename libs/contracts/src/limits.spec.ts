import { describe, expect, it } from '@jest/globals';
import { MESSAGE_TYPES, schemaOf } from './schemas.js';
import type { JsonSchema } from './schemas.js';

/** Paths of the lists, texts and records of a schema that can grow without a limit. */
function unlimited(schema: JsonSchema, path: string): readonly string[] {
  const { type, properties = {}, items, additionalProperties, propertyNames, oneOf = [], anyOf = [] } = schema;
  const own = isLimited(schema) ? [] : [path];
  const inside = [
    ...Object.entries(properties).map(([name, part]) => [part, `${path}.${name}`] as const),
    ...[...oneOf, ...anyOf].map((part, index) => [part, `${path}(${index})`] as const),
    ...(items === undefined ? [] : [[items, `${path}[]`] as const]),
    ...(typeof additionalProperties === 'object' ? [[additionalProperties, `${path}.*`] as const] : []),
    // Names of properties are texts.
    ...(propertyNames === undefined ? [] : [[{ ...propertyNames, type: 'string' }, `${path} (name)`] as const]),
  ];
  return [...(type === undefined ? [] : own), ...inside.flatMap(([part, at]) => unlimited(part, at))];
}

function isLimited(schema: JsonSchema): boolean {
  switch (schema.type) {
    case 'array':
      return schema.maxItems !== undefined;
    case 'object':
      return schema.additionalProperties === false || schema.maxProperties !== undefined || schema.oneOf !== undefined;
    case 'string':
      return schema.maxLength !== undefined || schema.format === 'date' || isBounded(schema.pattern);
    default:
      // Numbers, and null.
      return true;
  }
}

/** True for a pattern from the start to the end of the text that repeats nothing without a limit. */
function isBounded(pattern: string | undefined): boolean {
  if (pattern === undefined || !pattern.startsWith('^') || !pattern.endsWith('$')) return false;
  // What an assertion looks at is not part of the length.
  return !/[*+]|,\}/.test(pattern.replace(/^\^\(\?!-0\(\\\.0\*\)\?\$\)/, '').replaceAll('[+-]', ''));
}

describe('every list, text and record of a message', () => {
  it.each(MESSAGE_TYPES)('has a limit: %s', (type) => {
    expect(unlimited(schemaOf(type), type)).toEqual([]);
  });

  it('is found where it has none', () => {
    const properties = {
      list: { type: 'array', items: { type: 'string' } },
      map: { type: 'object', additionalProperties: { type: 'string', maxLength: 3 } },
      digits: { type: 'string', pattern: '^[0-9]+$' },
      day: { type: 'string', format: 'date' },
      amount: { type: 'string', pattern: '^(?!-0(\\.0*)?$)-?[0-9]{1,18}$' },
    };
    expect(unlimited({ type: 'object', additionalProperties: false, properties }, 'x')).toEqual([
      'x.list',
      'x.list[]',
      'x.map',
      'x.digits',
    ]);
  });
});
