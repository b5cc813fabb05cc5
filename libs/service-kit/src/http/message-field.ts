/** Fields of requests that become fields of messages have one definition: the schema of the message. */
import { schemaOf } from '@tantieme/contracts/schemas';
import type { MessageType } from '@tantieme/contracts/schemas';
import { oneOf } from '@tantieme/contracts/suggest';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ValidateBy } from 'class-validator';

type FieldSchema = Readonly<Record<string, unknown>>;

const ajv = new Ajv2020({ strict: false, validateSchema: false });
addFormats.default(ajv);

/**
 * The value must fit a field of a message, for example `@MessageField('partner', 'tiers', 'items', 'value')`.
 * @param path names of properties of the message's schema, and `items` for the items of a list.
 * @throws {TypeError} where the message has no such field.
 */
export function MessageField(type: MessageType, ...path: readonly string[]): PropertyDecorator {
  const schema = fieldOf(type, path);
  const fits = ajv.compile(schema);
  return ValidateBy({
    name: 'messageField',
    constraints: [schema],
    validator: { validate: (value) => fits(value), defaultMessage: (argument) => reasonOf(schema, argument?.value) },
  });
}

function fieldOf(type: MessageType, path: readonly string[]): FieldSchema {
  let schema: unknown = schemaOf(type);
  for (const name of path) {
    const part = isSchema(schema) ? schema : {};
    const properties = part['properties'];
    schema = name === 'items' ? part['items'] : isSchema(properties) ? properties[name] : undefined;
  }
  if (!isSchema(schema)) throw new TypeError(`the message ${type} has no field ${path.join('.')}`);
  return schema;
}

interface FieldLimits {
  readonly description?: unknown;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What is allowed, in words. */
function reasonOf(schema: FieldSchema, value: unknown): string {
  const { description, maxLength, minimum, maximum } = schema as FieldLimits;
  if (Array.isArray(schema['enum'])) return `must be ${oneOf(schema['enum'].map(String), value)}`;
  if (schema['type'] === 'integer')
    return `must be a whole number${minimum === undefined ? '' : ` from ${minimum}`}${maximum === undefined ? '' : ` to ${maximum}`}`;
  const form = typeof description === 'string' ? description : 'in the form that the API documentation describes';
  // Descriptions of ids name their length already.
  const isLimited = maxLength !== undefined && !form.includes(String(maxLength));
  return `must be ${form}${isLimited ? `, 1 to ${maxLength} characters long` : ''}`;
}

function isSchema(value: unknown): value is FieldSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
