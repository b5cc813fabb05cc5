/** Examples of bodies, put together from the examples of their properties. */

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Deeper than any body of the API: ends schemas that contain themselves. */
const DEPTH_MAX = 12;

/**
 * A value that fits the schema, made of the examples in it; undefined where a required part has none.
 * @param resolve the schema that a `$ref` names.
 */
export function exampleOf(schema: JsonSchema, resolve: (ref: string) => JsonSchema | undefined, depth = 0): unknown {
  if (depth > DEPTH_MAX) return undefined;
  const inner = (value: unknown): unknown => (isSchema(value) ? exampleOf(value, resolve, depth + 1) : undefined);
  const { $ref, example, examples, allOf, items, properties, required } = schema;
  if (typeof $ref === 'string') return inner(resolve($ref));
  if (example !== undefined) return example;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (schema['const'] !== undefined) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (schema['default'] !== undefined) return schema['default'];
  if (Array.isArray(allOf)) return merged(allOf.map(inner));
  for (const key of ['oneOf', 'anyOf'])
    if (Array.isArray(schema[key])) {
      const choices: readonly unknown[] = schema[key];
      return choices.map(inner).find((value) => value !== undefined);
    }
  if (isSchema(items)) {
    const item = inner(items);
    return item === undefined ? undefined : [item];
  }
  if (isSchema(properties)) return exampleOfObject(properties, Array.isArray(required) ? required : [], inner);
  return undefined;
}

function exampleOfObject(
  properties: JsonSchema,
  required: readonly unknown[],
  inner: (value: unknown) => unknown,
): unknown {
  const entries = Object.entries(properties).map(([name, property]) => [name, inner(property)] as const);
  if (entries.some(([name, value]) => value === undefined && required.includes(name))) return undefined;
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function merged(values: readonly unknown[]): unknown {
  if (values.some((value) => value === undefined)) return undefined;
  const [only] = values;
  return values.length === 1 ? only : Object.assign({}, ...values.filter(isSchema));
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
