/**
 * The JSON Schema of plan documents (2020-12), for editors and for `parsePlan`, and what its violations are called.
 * Everything that it does not name is refused: what is planned but not there yet as `NotSupportedYet`.
 */
import { decimalFault } from '@tantieme/money/decimal';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';

/** Limits of a document. A plan is read by people; what is beyond these was made by accident or to do harm. */
export const COMPONENTS_MAX = 100;
export const TIERS_MAX = 100;
export const LEVELS_MAX = 20;
export const CONDITION_VALUES_MAX = 1000;

const identifier = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: 'an identifier: letters, digits, dot, dash and underscore, at most 64, with a letter or digit first',
};
const title = { type: 'string', minLength: 1, maxLength: 200 };
/** Editors see numbers as numbers; `parsePlan` reads them as text. */
const amount = {
  type: ['string', 'number'],
  pattern: '^(0|[1-9][0-9]*)(\\.[0-9]+)?$',
  minimum: 0,
  description: 'a number that is not negative, such as 150000 or 2.50',
};
const rate = {
  type: ['string', 'number'],
  pattern: '^(0|[1-9][0-9]*)(\\.[0-9]+)?( ?%)?$',
  minimum: 0,
  description: 'a rate that is not negative, such as 4 % or 0.04',
};
const conditionValue = { type: ['string', 'number', 'boolean'] };
const conditions = {
  type: 'object',
  minProperties: 1,
  patternProperties: {
    '^deal\\.[A-Za-z][A-Za-z0-9_-]*$': { $ref: '#/$defs/conditionValues' },
    '^line\\.(product|category)$': { $ref: '#/$defs/conditionValues' },
    '^partner\\.(id|channel|tier|country)$': { $ref: '#/$defs/conditionValues' },
  },
  additionalProperties: false,
  description:
    'conditions that must all hold: deal.<name>, line.product, line.category, partner.id, .channel, .tier, .country',
};

export const PLAN_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://tantieme.dev/schemas/plan.v1.json',
  title: 'Commission plan',
  type: 'object',
  required: ['plan', 'title', 'currency', 'calendar', 'components'],
  additionalProperties: false,
  properties: {
    plan: { $ref: '#/$defs/identifier' },
    title,
    pays: { enum: ['commission'] },
    currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'an ISO 4217 code, such as EUR' },
    calendar: {
      type: 'object',
      required: ['periods', 'timeZone'],
      additionalProperties: false,
      properties: {
        periods: { enum: ['monthly', 'quarterly'] },
        timeZone: { type: 'string', minLength: 1, maxLength: 64 },
      },
    },
    rounding: { enum: ['half-up', 'half-even', 'down'] },
    settle: {
      type: 'object',
      additionalProperties: false,
      properties: { minimum: { $ref: '#/$defs/amount' } },
    },
    components: { type: 'array', minItems: 1, maxItems: COMPONENTS_MAX, items: { $ref: '#/$defs/component' } },
  },
  $defs: {
    identifier,
    amount,
    rate,
    conditions,
    conditionValues: {
      type: ['string', 'number', 'boolean', 'array'],
      items: conditionValue,
      minItems: 1,
      maxItems: CONDITION_VALUES_MAX,
      description: 'a text, or a list of texts of which one must be met',
    },
    component: {
      type: 'object',
      required: ['id', 'credit'],
      additionalProperties: false,
      properties: {
        id: { $ref: '#/$defs/identifier' },
        title,
        stacks: { type: 'array', minItems: 1, maxItems: COMPONENTS_MAX, items: { $ref: '#/$defs/identifier' } },
        credit: { $ref: '#/$defs/credit' },
        measure: {
          type: 'object',
          required: ['over'],
          additionalProperties: false,
          properties: { over: { enum: ['period', 'quarter', 'year'] } },
        },
        rate: { $ref: '#/$defs/rateOfComponent' },
        returns: {
          type: 'object',
          required: ['policy'],
          additionalProperties: false,
          properties: { policy: { enum: ['line'] } },
        },
      },
      if: { properties: { credit: { type: 'object', required: ['override'] } }, required: ['credit'] },
      then: { properties: { rate: false, measure: false } },
      else: { required: ['rate'] },
    },
    credit: {
      type: 'object',
      additionalProperties: false,
      properties: {
        trigger: { enum: ['booked', 'invoiced', 'paid', 'sold-through'] },
        to: { enum: ['seller', 'referrer', 'influencer', 'servicing', 'salesperson', 'buyer'] },
        basis: { enum: ['net', 'gross', 'margin', 'quantity'] },
        where: { $ref: '#/$defs/conditions' },
        except: { $ref: '#/$defs/conditions' },
        override: { type: 'array', minItems: 1, maxItems: COMPONENTS_MAX, items: { $ref: '#/$defs/identifier' } },
        of: { enum: ['basis'] },
        levels: { type: 'array', minItems: 1, maxItems: LEVELS_MAX, items: { $ref: '#/$defs/rate' } },
      },
      if: { required: ['override'] },
      then: { required: ['of', 'levels'], properties: { trigger: false, to: false, basis: false } },
      else: { required: ['trigger'], properties: { of: false, levels: false } },
    },
    rateOfComponent: {
      type: 'object',
      additionalProperties: false,
      properties: {
        percent: { $ref: '#/$defs/rate' },
        flat: { $ref: '#/$defs/amount' },
        per: { enum: ['deal', 'line', 'unit'] },
        marginal: { type: 'array', minItems: 1, maxItems: TIERS_MAX, items: { $ref: '#/$defs/tier' } },
      },
      oneOf: [{ required: ['percent'] }, { required: ['flat'] }, { required: ['marginal'] }],
      dependentRequired: { flat: ['per'], per: ['flat'] },
      description: 'exactly one of percent, flat (with per) and marginal',
    },
    tier: {
      type: 'object',
      required: ['pay'],
      additionalProperties: false,
      properties: {
        below: { $ref: '#/$defs/amount' },
        upTo: { $ref: '#/$defs/amount' },
        pay: { $ref: '#/$defs/rate' },
      },
      not: { required: ['below', 'upTo'] },
      description: 'a tier with one end, below or upTo',
    },
  },
};

/** Words of the plan language that have their meaning in the reference, but no calculation yet. */
const LATER: ReadonlySet<string> = new Set(
  (
    'limit hold ends gate recurring guarantee draw during budget same certification partner.certification fiscal yearStarts weeks ' +
    'perUnit retroactive perDeal interpolated stepped lagged accelerator quota matrix lookup above window as tax ' +
    'expr exchange remainder bands proration share'
  ).split(' '),
);
const LATER_VALUES: ReadonlySet<string> = new Set(
  (
    'rebate fund average re-rate none collected price-support rolling earning spread weekly biweekly semi-annual annual ' +
    'registered'
  ).split(' '),
);

/** What is wrong at a place of the document. */
export interface Problem {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** JSON pointer. */
  readonly path: string;
}

let compiled: ValidateFunction | undefined;

/** Where the document does not keep to the schema, each in words. */
export function schemaProblems(document: unknown): readonly Problem[] {
  compiled ??= new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strictRequired: false }).compile(
    PLAN_SCHEMA,
  );
  if (compiled(document)) return [];
  const errors = (compiled.errors ?? []).filter((error) => !isEcho(error));
  const problems = errors.map(problemOf);
  // A rate of a kind that is to come also fails to be one of the kinds that are there: one thing is said once.
  const refused = new Set(
    errors.filter(({ keyword }) => keyword === 'additionalProperties').map((error) => error.instancePath),
  );
  return problems.filter((_, index) => {
    const error = errors[index];
    return !(error?.keyword === 'oneOf' && refused.has(error.instancePath));
  });
}

/** Errors that only say that a branch of the schema did not fit; the branch's own errors say why. */
function isEcho(error: ErrorObject): boolean {
  return error.keyword === 'if' || error.keyword === 'minimum' || error.schemaPath.includes('/oneOf/');
}

function pointerTo(error: ErrorObject, property: unknown): string {
  return `${error.instancePath}/${String(property).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function problemOf(error: ErrorObject): Problem {
  const path = error.instancePath;
  const params: Readonly<Record<string, unknown>> = error.params;
  const described: unknown = error.parentSchema?.['description'];
  const expected = typeof described === 'string' ? described : 'something else';
  const problem = (code: string, message: string, at = path): Problem => ({
    code,
    severity: 'error',
    message,
    path: at,
  });
  switch (error.keyword) {
    case 'required':
    case 'dependentRequired':
      return problem('FieldMissing', `"${params['missingProperty']}" is missing`);
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const at = pointerTo(error, name);
      return LATER.has(name)
        ? problem('NotSupportedYet', `"${name}" is not supported yet`, at)
        : problem(
            'FieldUnknown',
            `"${name}" is not known here${typeof described === 'string' ? `; expected ${described}` : ''}`,
            at,
          );
    }
    case 'false schema': {
      const name = path.slice(path.lastIndexOf('/') + 1);
      return problem('FieldMisplaced', `"${name}" does not go together with the other fields of this ${ownerOf(path)}`);
    }
    case 'enum': {
      const allowed = Array.isArray(params['allowedValues']) ? params['allowedValues'].join(', ') : '';
      const value = shown(error.data);
      return typeof error.data === 'string' && LATER_VALUES.has(error.data)
        ? problem('NotSupportedYet', `${value} is not supported yet; supported: ${allowed}`)
        : problem('ValueUnknown', `${value} is none of: ${allowed}`);
    }
    case 'type':
      return problem(
        'TypeWrong',
        `${shown(error.data)} is not what belongs here: expected ${typesOf(params['type'], expected)}`,
      );
    case 'pattern':
      return problem('TextInvalid', `${shown(error.data)} is not ${expected}${reasonOf(error.data, expected)}`);
    case 'oneOf':
      return problem('RateInvalid', `expected ${expected}`);
    case 'not':
      return problem('TierInvalid', `expected ${expected}`);
    default:
      return problem('ValueInvalid', `${error.message ?? 'invalid'}`);
  }
}

function ownerOf(path: string): string {
  return /\/credit\/[^/]*$/.test(path) ? 'credit' : 'component';
}

function typesOf(type: unknown, expected: string): string {
  if (expected !== 'something else') return expected;
  return type === 'object' ? 'a map' : type === 'array' ? 'a list' : `a ${String(type)}`;
}

/** Why a text that should be a number is none; numbers are what patterns with "such as" describe. */
function reasonOf(data: unknown, expected: string): string {
  if (typeof data !== 'string' || !expected.includes('negative')) return '';
  const fault = decimalFault(data.replace(/ ?%$/, ''));
  return fault === undefined ? '' : `: ${fault}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
