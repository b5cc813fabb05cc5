import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface Operation {
  readonly operationId?: string;
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const document = JSON.parse(
  readFileSync(new URL('../../../../docs/openapi.json', import.meta.url), 'utf8'),
) as Document;

/** Paths of the lists, texts and maps below a schema that have no limit. */
function unlimited(schema: Schema, path: string, seen: ReadonlySet<string> = new Set()): readonly string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    const found = document.components.schemas[name];
    return found === undefined || seen.has(name) ? [] : unlimited(found, path, new Set([...seen, name]));
  }
  const { items, properties = {}, additionalProperties, oneOf = [], anyOf = [], allOf = [] } = schema;
  return [
    ...(isLimited(schema) ? [] : [path]),
    ...Object.entries(properties).flatMap(([name, part]) => unlimited(part, `${path}.${name}`, seen)),
    ...[...oneOf, ...anyOf, ...allOf].flatMap((part) => unlimited(part, path, seen)),
    ...(items === undefined ? [] : unlimited(items, `${path}[]`, seen)),
    ...(typeof additionalProperties === 'object' ? unlimited(additionalProperties, `${path}.*`, seen) : []),
  ];
}

function isLimited(schema: Schema): boolean {
  if (schema.type === 'array') return schema.maxItems !== undefined;
  if (schema.type === 'object')
    return typeof schema.additionalProperties !== 'object' || schema.maxProperties !== undefined;
  if (schema.type !== 'string' || schema.enum !== undefined || schema.const !== undefined) return true;
  return schema.maxLength !== undefined || schema.format !== undefined || schema.pattern !== undefined;
}

/** Bodies that are texts have the limit of the route; those of lists are read row by row. */
const bodies = Object.values(document.paths).flatMap((operations) =>
  Object.values(operations).flatMap(({ operationId = '', requestBody }) => {
    const schema = requestBody?.content?.['application/json']?.schema;
    return schema === undefined ? [] : [[operationId, schema] as const];
  }),
);

describe('every list, text and map of a request', () => {
  it('is looked at', () => {
    expect(bodies.length).toBeGreaterThan(10);
  });

  it.each(bodies)('has a limit: %s', (name, schema) => {
    expect(unlimited(schema, name)).toEqual([]);
  });
});
