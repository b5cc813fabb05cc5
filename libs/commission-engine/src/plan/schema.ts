/**
 * The JSON Schema of plan documents (2020-12), for editors and for `parsePlan`, and what its violations are called.
 * Everything that it does not name is refused.
 */
import { decimalFault } from '@tantieme/money/decimal';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { CALENDAR_SCHEMA } from '@tantieme/time/calendar/document';
import { DAY_FORM } from '@tantieme/time/day';

/** Limits of a document. A plan is read by people; what is beyond these was made by accident or to do harm. */
export const COMPONENTS_MAX = 100;
export const TIERS_MAX = 100;
export const LEVELS_MAX = 20;
export const CONDITION_VALUES_MAX = 1000;

export const RATE_KINDS = [
  'percent',
  'flat',
  'marginal',
  'retroactive',
  'interpolated',
  'stepped',
  'lagged',
  'accelerator',
  'matrix',
] as const;

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
const share = {
  type: ['string', 'number'],
  pattern: '^(?:(0|[1-9][0-9]*)(\\.[0-9]+)?( ?%)?|[1-9][0-9]*/[1-9][0-9]*)$',
  minimum: 0,
  description: 'a share that is not negative, such as 50 %, 0.5 or 1/3',
};
const count = {
  type: ['string', 'integer'],
  pattern: '^[1-9][0-9]{0,3}$',
  minimum: 1,
  description: 'a whole number from 1, such as 12',
};
const day = {
  type: 'string',
  pattern: DAY_FORM.source,
  description: 'a day, such as 2026-03-01',
};
const days = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,3}) days?$',
  description: 'a number of days, such as 30 days',
};
const conditionValue = { type: ['string', 'number', 'boolean'] };
const conditionValues = {
  type: ['string', 'number', 'boolean', 'array'],
  items: conditionValue,
  minItems: 1,
  maxItems: CONDITION_VALUES_MAX,
  description: 'a text, or a list of texts of which one must be met',
};
const conditions = {
  type: 'object',
  minProperties: 1,
  patternProperties: {
    '^deal\\.[A-Za-z][A-Za-z0-9_-]*$': { $ref: '#/$defs/conditionValues' },
    '^deal\\.registration\\.holder$': { enum: ['payee'] },
    '^line\\.(product|category|family|variant|subscription)$': { $ref: '#/$defs/conditionValues' },
    '^partner\\.(id|channel|tier|country)$': { $ref: '#/$defs/conditionValues' },
    '^partner\\.certification$': {
      type: ['string', 'object'],
      required: ['has'],
      additionalProperties: false,
      properties: { has: { $ref: '#/$defs/identifier' }, count: { $ref: '#/$defs/count' } },
      description: 'a certification, or { has: a certification, count: how many hold it }',
    },
  },
  additionalProperties: false,
  description:
    'conditions that must all hold: deal.<name>, deal.registration, deal.registration.holder, line.product, .category, .family, .variant, ' +
    'partner.id, .channel, .tier, .country, .certification',
};
const whichLines = {
  where: { $ref: '#/$defs/conditions' },
  except: { $ref: '#/$defs/conditions' },
  expr: {
    type: 'string',
    minLength: 1,
    maxLength: 2000,
    description: 'an expression of the Common Expression Language',
  },
};
const during = {
  type: 'array',
  minItems: 2,
  maxItems: 2,
  items: { $ref: '#/$defs/day' },
  description: 'first and last day, such as [2026-03-01, 2026-03-31]',
};
const tiers = { type: 'array', minItems: 1, maxItems: TIERS_MAX, items: { $ref: '#/$defs/tier' } };

/** A map of exactly these fields. */
function map(properties: Readonly<Record<string, unknown>>, required: readonly string[], description?: string) {
  return {
    type: 'object',
    required,
    additionalProperties: false,
    properties,
    ...(description === undefined ? {} : { description }),
  };
}

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
    pays: { enum: ['commission', 'rebate'] },
    currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'an ISO 4217 code, such as EUR' },
    calendar: CALENDAR_SCHEMA,
    rounding: { enum: ['half-up', 'half-even', 'down'] },
    exchange: map(
      {
        on: { enum: ['trigger', 'invoice', 'period-average', 'period-end'] },
        maxAge: { $ref: '#/$defs/days' },
      },
      [],
    ),
    settle: map(
      {
        as: { enum: ['self-billed', 'invoiced', 'credit-note', 'payroll'] },
        tax: { enum: ['by-partner', 'none'] },
        minimum: { $ref: '#/$defs/amount' },
      },
      [],
    ),
    guarantee: map(
      {
        amount: { $ref: '#/$defs/amount' },
        over: { enum: ['period', 'quarter', 'half-year', 'year'] },
        of: { $ref: '#/$defs/componentIds' },
      },
      ['amount', 'over'],
    ),
    draw: map(
      {
        amount: { $ref: '#/$defs/amount' },
        recoverable: { enum: ['true', 'false', true, false] },
        from: { $ref: '#/$defs/day' },
        until: { $ref: '#/$defs/day' },
        recoverFrom: { $ref: '#/$defs/day' },
      },
      ['amount', 'recoverable'],
    ),
    ends: map(
      {
        held: { enum: ['pay-when-paid', 'forfeit'] },
        deferred: { enum: ['lapse', 'pay'] },
        draw: { enum: ['claim', 'forgive'] },
        negative: { enum: ['claim', 'forgive'] },
        tail: { $ref: '#/$defs/days' },
      },
      [],
    ),
    components: { type: 'array', minItems: 1, maxItems: COMPONENTS_MAX, items: { $ref: '#/$defs/component' } },
  },
  $defs: {
    identifier,
    amount,
    rate,
    share,
    count,
    day,
    days,
    conditions,
    conditionValues,
    componentIds: { type: 'array', minItems: 1, maxItems: COMPONENTS_MAX, items: { $ref: '#/$defs/identifier' } },
    component: {
      ...map(
        {
          id: { $ref: '#/$defs/identifier' },
          title,
          stacks: { $ref: '#/$defs/componentIds' },
          credit: { $ref: '#/$defs/credit' },
          measure: { $ref: '#/$defs/measure' },
          gate: { $ref: '#/$defs/gate' },
          rate: { $ref: '#/$defs/rateOfComponent' },
          recurring: { $ref: '#/$defs/recurring' },
          limit: { $ref: '#/$defs/limit' },
          budget: { $ref: '#/$defs/amount' },
          returns: { $ref: '#/$defs/returns' },
          hold: { $ref: '#/$defs/hold' },
        },
        ['id', 'credit'],
      ),
      if: { properties: { credit: { type: 'object', required: ['override'] } }, required: ['credit'] },
      then: { properties: { rate: false, measure: false, gate: false, recurring: false, budget: false } },
      else: {
        if: { required: ['recurring'] },
        then: { properties: { rate: false, measure: false, gate: false } },
        else: { required: ['rate'] },
      },
    },
    credit: {
      type: 'object',
      additionalProperties: false,
      properties: {
        trigger: { enum: ['booked', 'invoiced', 'paid', 'sold-through'] },
        to: { enum: ['seller', 'referrer', 'influencer', 'servicing', 'salesperson', 'buyer'] },
        basis: { enum: ['net', 'gross', 'margin', 'quantity', 'collected'] },
        during,
        remainder: { enum: ['largest', 'first'] },
        same: { $ref: '#/$defs/identifier' },
        ...whichLines,
        override: { $ref: '#/$defs/componentIds' },
        of: { enum: ['basis', 'earning', 'spread'] },
        levels: { type: 'array', minItems: 1, maxItems: LEVELS_MAX, items: { $ref: '#/$defs/rate' } },
        rates: {
          type: 'array',
          minItems: 1,
          maxItems: TIERS_MAX,
          items: map({ where: { $ref: '#/$defs/conditions' }, pay: { $ref: '#/$defs/rate' } }, ['pay']),
        },
      },
      if: { required: ['override'] },
      then: {
        required: ['of'],
        properties: { trigger: false, to: false, basis: false, during: false, remainder: false, same: false },
        if: { properties: { of: { const: 'spread' } } },
        then: { required: ['rates'], properties: { levels: false } },
        else: { required: ['levels'], properties: { rates: false } },
      },
      else: {
        properties: { of: false, levels: false, rates: false },
        if: { required: ['same'] },
        then: { properties: { trigger: false, to: false, basis: false, remainder: false } },
        else: { required: ['trigger'] },
      },
    },
    measure: map(
      {
        over: {
          type: ['string', 'object'],
          if: { type: 'string' },
          then: { enum: ['deal', 'period', 'quarter', 'half-year', 'year'] },
          else: map({ rollingMonths: { $ref: '#/$defs/count' } }, ['rollingMonths']),
          description: 'deal, period, quarter, half-year, year or { rollingMonths: 12 }',
        },
        of: { enum: ['own', 'team'] },
        above: {
          ...map({ fixed: { $ref: '#/$defs/amount' }, same: { enum: ['last-year'] } }, []),
          minProperties: 1,
          maxProperties: 1,
          description: '{ same: last-year } or { fixed: an amount }',
        },
        quota: {
          type: ['string', 'number'],
          pattern: '^(?:fact|(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?)$',
          minimum: 0,
          description: 'an amount, or fact where each payee has its own',
        },
        prorate: { enum: ['days'] },
      },
      ['over'],
    ),
    gate: {
      ...map(
        {
          target: { $ref: '#/$defs/amount' },
          attainment: { $ref: '#/$defs/rate' },
          growth: { $ref: '#/$defs/rate' },
          from: { enum: ['first', 'above'] },
        },
        ['from'],
      ),
      oneOf: [{ required: ['target'] }, { required: ['attainment'] }, { required: ['growth'] }],
      description: 'exactly one of target, attainment and growth, with from: first or above',
    },
    rateOfComponent: {
      type: 'object',
      additionalProperties: false,
      properties: {
        percent: { $ref: '#/$defs/rate' },
        flat: { $ref: '#/$defs/amount' },
        per: { enum: ['deal', 'line', 'unit'] },
        marginal: tiers,
        retroactive: tiers,
        lagged: tiers,
        as: { enum: ['frozen', 'live'] },
        interpolated: {
          type: 'array',
          minItems: 1,
          maxItems: TIERS_MAX,
          items: map({ upTo: { $ref: '#/$defs/amount' }, earn: { $ref: '#/$defs/amount' } }, ['upTo', 'earn']),
        },
        stepped: map({ every: { $ref: '#/$defs/amount' }, pay: { $ref: '#/$defs/amount' } }, ['every', 'pay']),
        accelerator: map(
          {
            base: { $ref: '#/$defs/rate' },
            bands: {
              type: 'array',
              minItems: 1,
              maxItems: TIERS_MAX,
              items: map({ upTo: { $ref: '#/$defs/rate' }, times: { $ref: '#/$defs/amount' } }, ['times']),
            },
          },
          ['base', 'bands'],
        ),
        matrix: map(
          {
            by: {
              type: 'array',
              minItems: 1,
              maxItems: 6,
              items: { enum: ['variant', 'product', 'family', 'category'] },
            },
            rules: {
              type: 'array',
              minItems: 1,
              maxItems: CONDITION_VALUES_MAX,
              items: map(
                {
                  variant: conditionValue,
                  product: conditionValue,
                  family: conditionValue,
                  category: conditionValue,
                  pay: { $ref: '#/$defs/rate' },
                },
                ['pay'],
              ),
            },
          },
          ['by', 'rules'],
        ),
      },
      oneOf: RATE_KINDS.map((kind) => ({ required: [kind] })),
      dependentRequired: { flat: ['per'], per: ['flat'], as: ['lagged'] },
      description: `exactly one of ${RATE_KINDS.join(', ')}`,
    },
    tier: {
      ...map(
        { below: { $ref: '#/$defs/amount' }, upTo: { $ref: '#/$defs/amount' }, pay: { $ref: '#/$defs/rate' } },
        ['pay'],
        'a tier with one end, below or upTo',
      ),
      not: { required: ['below', 'upTo'] },
    },
    recurring: map(
      {
        of: { enum: ['line.subscription'] },
        count: { enum: ['service-months'] },
        rate: {
          type: 'array',
          minItems: 1,
          maxItems: TIERS_MAX,
          items: map({ upTo: { $ref: '#/$defs/count' }, pay: { $ref: '#/$defs/rate' } }, ['pay']),
        },
      },
      ['of', 'count', 'rate'],
    ),
    limit: {
      ...map(
        {
          perDeal: { $ref: '#/$defs/amount' },
          perPeriod: { $ref: '#/$defs/amount' },
          perQuarter: { $ref: '#/$defs/amount' },
          perYear: { $ref: '#/$defs/amount' },
          excess: { enum: ['forfeited', 'deferred'] },
          headroom: { enum: ['returned', 'spent'] },
        },
        ['excess'],
      ),
      oneOf: [
        { required: ['perDeal'] },
        { required: ['perPeriod'] },
        { required: ['perQuarter'] },
        { required: ['perYear'] },
      ],
      description: 'exactly one of perDeal, perPeriod, perQuarter and perYear',
    },
    returns: map(
      {
        policy: { enum: ['line', 'average', 're-rate', 'none'] },
        window: { enum: ['original', 'current'] },
        bands: {
          type: 'array',
          minItems: 1,
          maxItems: TIERS_MAX,
          items: map(
            {
              within: {
                type: 'string',
                pattern: '^[1-9][0-9]{0,3} (?:days?|instalments?)$',
                description: 'a number of days or of paid instalments, such as 30 days or 7 instalments',
              },
              take: { $ref: '#/$defs/share' },
            },
            ['take'],
          ),
        },
      },
      ['policy'],
    ),
    hold: {
      type: ['string', 'object'],
      if: { type: 'string' },
      then: { enum: ['as-child'] },
      else: {
        ...map(
          {
            until: { enum: ['paid'] },
            for: { $ref: '#/$defs/days' },
            after: { enum: ['trigger', 'payment'] },
            part: { $ref: '#/$defs/share' },
            schedule: {
              type: 'array',
              minItems: 1,
              maxItems: TIERS_MAX,
              items: map({ share: { $ref: '#/$defs/share' }, after: { $ref: '#/$defs/days' } }, ['share', 'after']),
            },
          },
          [],
        ),
        oneOf: [{ required: ['until'] }, { required: ['for'] }, { required: ['schedule'] }],
        dependentRequired: { for: ['after'], after: ['for'] },
      },
      description: 'as-child, or exactly one of until: paid, for (with after) and schedule',
    },
  },
};

/** What is wrong at a place of the document. */
export interface Problem {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** JSON pointer. */
  readonly path: string;
  /** Why it matters: of what the linter finds. */
  readonly why?: string;
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
      return problem(
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
      return problem('ValueUnknown', `${shown(error.data)} is none of: ${allowed}`);
    }
    case 'type':
      return problem(
        'TypeWrong',
        `${shown(error.data)} is not what belongs here: expected ${typesOf(params['type'], expected)}`,
      );
    case 'pattern':
      return problem('TextInvalid', `${shown(error.data)} is not ${expected}${reasonOf(error.data, expected)}`);
    case 'oneOf':
      return problem(path.endsWith('/rate') ? 'RateInvalid' : 'FieldMissing', `expected ${expected}`);
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
