/** Where a plan document violates the schema, in words for the people who write plans. */
import { oneOf } from '@tantieme/contracts/suggest';
import { decimalFault } from '@tantieme/money/decimal';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { keyAt } from './problem.js';
import type { Problem } from './problem.js';
import { CONDITION_KEYS, PLAN_SCHEMA } from './schema.js';

type Node = Readonly<Record<string, unknown>>;

let compiled: ValidateFunction | undefined;

export function schemaProblems(document: unknown): readonly Problem[] {
  compiled ??= new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strictRequired: false }).compile(
    PLAN_SCHEMA,
  );
  if (compiled(document)) return [];
  const errors = (compiled.errors ?? []).filter((error) => !isEcho(error));
  // An unknown key also leaves its map without any of the keys that it needs: one problem is enough.
  const withUnknownKey = new Set(
    errors.filter(({ keyword }) => keyword === 'additionalProperties').map(({ instancePath }) => instancePath),
  );
  return errors
    .filter(({ keyword, instancePath }) => keyword !== 'oneOf' || !withUnknownKey.has(instancePath))
    .map(problemOf);
}

/** Errors that only report that a branch of the schema did not fit; the branch's own errors say why. */
function isEcho(error: ErrorObject): boolean {
  return error.keyword === 'if' || error.keyword === 'minimum' || error.schemaPath.includes('/oneOf/');
}

function problemOf(error: ErrorObject): Problem {
  const { instancePath, keyword, data } = error;
  const params: Node = error.params;
  const schema = isNode(error.parentSchema) ? error.parentSchema : {};
  const key = keyAt(instancePath);
  const expected = expectedOf(schema);
  const problem = (code: string, message: string, path = instancePath): Problem => ({
    code,
    severity: 'error',
    message,
    path,
  });
  switch (keyword) {
    case 'required':
    case 'dependentRequired': {
      const missing = String(params['missingProperty']);
      const allowed = expectedOf(propertiesOf(schema)[missing] ?? propertiesAt(instancePath)[missing]);
      return problem('FieldMissing', `${missing} is missing${allowed === undefined ? '' : `; it must be ${allowed}`}`);
    }
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const path = `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      return problem('FieldUnknown', `unknown key "${name}"; it must be ${allowedKeys(schema, name)}`, path);
    }
    case 'false schema':
      return problem('FieldMisplaced', `${key} ${conflictOf(error)}`);
    case 'enum':
      return problem(
        'ValueUnknown',
        `${key} is ${shown(data)}; it must be ${expectedOf(schema, data) ?? 'another value'}`,
      );
    case 'type':
      return problem('TypeWrong', `${key} is ${shown(data)}; it must be ${expected ?? typeInWords(params['type'])}`);
    case 'pattern':
      return problem(
        'TextInvalid',
        `${key} is ${shown(data)}; it must be ${expected ?? 'another text'}${numberFault(data, expected)}`,
      );
    case 'oneOf': {
      const kinds = alternativesOf(schema);
      const found = kinds.filter((kind) => isNode(data) && kind in data);
      return problem(
        key === 'rate' ? 'RateInvalid' : 'FieldMissing',
        `${key} has ${found.length === 0 ? 'none' : found.join(' and ')}; it must have exactly one of ${kinds.join(', ')}`,
      );
    }
    case 'not':
      return problem('TierInvalid', `${key} has both below and upTo; it must be ${expected ?? 'another tier'}`);
    default:
      return problem('ValueInvalid', `${key} ${sizeFault(keyword, params['limit'])}`);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolved(schema: unknown): Node {
  if (!isNode(schema)) return {};
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return schema;
  const definitions: Node = PLAN_SCHEMA.$defs;
  return resolved(definitions[reference.slice('#/$defs/'.length)]);
}

function propertiesOf(schema: unknown): Node {
  const { properties } = resolved(schema);
  return isNode(properties) ? properties : {};
}

/** Keys of the map at a path whose schema has branches: a component or a credit. */
function propertiesAt(path: string): Node {
  return propertiesOf(path.endsWith('/credit') ? PLAN_SCHEMA.$defs.credit : PLAN_SCHEMA.$defs.component);
}

/** What a schema allows, to follow "must be"; undefined if it has neither a list of values nor a description. */
function expectedOf(schema: unknown, found?: unknown): string | undefined {
  const { enum: values, description } = resolved(schema);
  if (Array.isArray(values)) return oneOf([...new Set(values.map(String))], found);
  return typeof description === 'string' ? description : undefined;
}

function allowedKeys(schema: Node, name: string): string {
  if (isNode(schema['patternProperties'])) return `deal.<name> or ${oneOf(CONDITION_KEYS, name)}`;
  return oneOf(Object.keys(propertiesOf(schema)), name);
}

/** Which other key rules this one out, by the branch of the schema that forbids it. */
function conflictOf({ instancePath, schemaPath }: ErrorObject): string {
  const branch = schemaPath.slice('#/'.length, schemaPath.indexOf('/properties/'));
  if (!/\/credit\/[^/]+$/.test(instancePath))
    return branch === 'then'
      ? 'cannot be combined with credit.override: an override pays by its levels or rates'
      : 'cannot be combined with recurring: its tiers are the rates';
  switch (branch) {
    case 'then':
      return 'cannot be combined with override: an override pays for the lines of other components';
    case 'then/then':
      return 'cannot be combined with of: spread; list rates instead';
    case 'then/else':
      return 'can only be used with of: spread; list levels instead';
    case 'else/then':
      return 'cannot be combined with same: it is taken from the other component';
    default:
      return 'can only be used with override';
  }
}

function typeInWords(type: unknown): string {
  if (type === 'object') return 'a map';
  return type === 'array' ? 'a list' : 'a text';
}

function alternativesOf({ oneOf: branches }: Node): readonly string[] {
  return (Array.isArray(branches) ? branches : []).flatMap((branch: unknown) => {
    const required = isNode(branch) ? branch['required'] : [];
    return Array.isArray(required) ? required.map(String) : [];
  });
}

/** Why a text is not a number, where one is expected. */
function numberFault(data: unknown, expected: string | undefined): string {
  if (typeof data !== 'string' || data === '' || expected?.includes('of 0 or more') !== true) return '';
  const fault = decimalFault(data.replace(/ ?%$/, ''));
  return fault === undefined ? '' : `; ${fault}`;
}

function sizeFault(keyword: string, limit: unknown): string {
  const [count, things] = [String(limit), limit === 1 ? 'entry' : 'entries'];
  switch (keyword) {
    case 'minItems':
    case 'minProperties':
      return `has too few entries: it needs at least ${count} ${things}`;
    case 'maxItems':
    case 'maxProperties':
      return `has too many entries: it may have at most ${count} ${things}`;
    case 'minLength':
      return `is too short: it needs at least ${count} ${limit === 1 ? 'character' : 'characters'}`;
    case 'maxLength':
      return `is too long: it may have at most ${count} characters`;
    default:
      return 'is invalid';
  }
}

function shown(value: unknown): string {
  if (value === '' || value === undefined) return 'empty';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
