/** What is wrong with the data of a message, field by field and in words. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { instant, schemaOf, type JsonSchema, type MessageType } from './schemas.js';
import { oneOf, suggest } from './suggest.js';

export interface FieldError {
  /** Dotted path in the data (`terms.lines.0.net`), or an attribute of the envelope; empty for the whole. */
  readonly field: string;
  readonly reason: string;
}

/** Faults listed of one body. A hostile message of 1 MiB could have a million, and each costs memory. */
export const FAULTS_MAX = 100;
/** Characters shown of a name that the sender chose. */
const NAME_LENGTH_MAX = 100;

/** `verbose` gives an error its schema, for the words. */
const ajv = new Ajv2020({
  allErrors: true,
  verbose: true,
  discriminator: true,
  strict: true,
  strictRequired: false,
  // The schemas are constants of this package. Compiling the meta-schema to check them would take a third of a second.
  validateSchema: false,
  code: { process: stopAtFaultsMax },
});
addFormats.default(ajv);

/** Ajv has no limit for `allErrors`. This adds one to the code that it generates: a full list ends the validation. */
function stopAtFaultsMax(code: string): string {
  const [, validate = ''] = /return function (\w+)\(/.exec(code) ?? [];
  const stop = `if (vErrors.length >= ${FAULTS_MAX}) { ${validate}.errors = vErrors; return false; }`;
  return code.replaceAll('{vErrors.push(', `{${stop} vErrors.push(`);
}

const guards = new Ajv2020({ validateSchema: false });

const validators = new Map<MessageType, ValidateFunction>();

/** Compiled when the first message of its type is checked: most processes see few of the types. */
function validatorOf(type: MessageType): ValidateFunction {
  let validate = validators.get(type);
  if (validate === undefined) validators.set(type, (validate = ajv.compile(schemaOf(type))));
  return validate;
}

/** For the `time` of an envelope, which has the form of an instant in the data. */
export const isInstant = ajv.compile(instant);

/** A compiled schema for values whose faults nobody reads: the check ends with the first. */
export function guardOf<Value>(schema: JsonSchema): (value: unknown) => value is Value {
  // Compiled when it is first used, as most processes never use most of them.
  let guard: ValidateFunction<Value> | undefined;
  return (value): value is Value => (guard ??= guards.compile<Value>(schema))(value);
}

/**
 * The faults of a message's data: one for each field, at most `FAULTS_MAX`. If there are more, the last entry says so.
 * Empty for valid data.
 */
export function check(type: MessageType, data: unknown): readonly FieldError[] {
  const validate = validatorOf(type);
  if (validate(data)) return [];
  const { errors } = validate;
  const faults = new Map<string, string>();
  for (const error of errors ?? []) {
    // They only repeat that a name is wrong, or that a field is missing.
    if (error.keyword === 'propertyNames' || error.keyword === 'if') continue;
    const { field, reason } = fieldError(error);
    if (!faults.has(field)) faults.set(field, reason);
  }
  const listed = Array.from(faults, ([field, reason]) => ({ field, reason }));
  return errors?.length === FAULTS_MAX
    ? [...listed, { field: '', reason: `may have more faults: only the first ${FAULTS_MAX} are listed` }]
    : listed;
}

function fieldError(error: ErrorObject): FieldError {
  const { instancePath, keyword, params, propertyName } = error;
  const path = instancePath.split('/').slice(1).map(unescaped);
  const at = (name?: string): string => [...path, ...(name === undefined ? [] : [name])].map(shown).join('.');
  switch (keyword) {
    case 'required':
      return { field: at(String(params['missingProperty'])), reason: 'is missing' };
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      return { field: at(name), reason: `is not a known field${didYouMean(name, schemaAt(error).properties)}` };
    }
    case 'discriminator': {
      const { tag, tagValue } = params;
      return {
        field: at(String(tag)),
        reason:
          tagValue === undefined ? 'is missing' : `must be ${oneOf(tagsOf(schemaAt(error), String(tag)), tagValue)}`,
      };
    }
    default:
      // The name of a property may be at fault instead of its value.
      return { field: at(propertyName), reason: reasonOf(error) };
  }
}

function reasonOf(error: ErrorObject): string {
  const { keyword, params, data } = error;
  const { description, enum: known } = schemaAt(error);
  const limit = Number(params['limit']).toLocaleString('en-US');
  switch (keyword) {
    case 'enum':
      return `must be ${oneOf((known ?? []).map(String), data)}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'minLength':
    case 'minItems':
      return 'must not be empty';
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'maxItems':
      return `must have at most ${limit} entries`;
    case 'maxProperties':
      return `must have at most ${limit} fields`;
    case 'type':
      return `must be ${description ?? TYPES[String(params['type'])] ?? 'of another type'}, not ${typeOf(data)}`;
    default:
      return `must be ${description ?? 'in another form'}`;
  }
}

const TYPES: Readonly<Record<string, string>> = { array: 'a list', object: 'an object', string: 'a text' };

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'a text' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function schemaAt({ parentSchema }: ErrorObject): JsonSchema {
  const schema: object = parentSchema ?? {};
  return schema;
}

function tagsOf({ oneOf: branches = [] }: JsonSchema, tag: string): readonly string[] {
  return branches.map(({ properties }) => String(properties?.[tag]?.const));
}

function didYouMean(name: string, known: JsonSchema['properties'] = {}): string {
  const nearest = suggest(name, Object.keys(known));
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
}

/** A JSON pointer's own escapes (RFC 6901). */
function unescaped(pointer: string): string {
  return pointer.replaceAll('~1', '/').replaceAll('~0', '~');
}

function shown(name: string): string {
  return name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX).toWellFormed()}…` : name;
}
