/**
 * The JSON Schema (2020-12) of plan documents, for `parsePlan` and for editors. It refuses every key that it does not
 * name.
 */
import { CALENDAR_SCHEMA } from '@tantieme/time/calendar/document';
import { omitUndefined } from '@tantieme/contracts/omit-undefined';
import { DAY_FORM } from '@tantieme/time/day';

/** Limits of a document. People write and read plans: a larger one is an accident or an attack. */
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

/** Keys of a condition besides `deal.<name>`, where the deal's source chooses the name. */
export const CONDITION_KEYS = [
  'deal.registration',
  'deal.registration.holder',
  ...['product', 'category', 'family', 'variant', 'subscription'].map((name) => `line.${name}`),
  ...['id', 'channel', 'tier', 'country', 'certification'].map((name) => `partner.${name}`),
];

// Descriptions complete the sentence "<key> must be …": `schema-problems.ts` quotes them, and editors show them.

const identifier = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description:
    'an identifier of up to 64 letters, digits, dots, dashes and underscores that starts with a letter or digit',
};
const title = { type: 'string', minLength: 1, maxLength: 200, description: 'a text of 1 to 200 characters' };
/** Editors pass numbers as numbers, `parsePlan` as text: hence both types. */
const amount = {
  type: ['string', 'number'],
  pattern: '^(0|[1-9][0-9]*)(\\.[0-9]+)?$',
  minimum: 0,
  description: 'an amount of 0 or more, such as 150000 or 2.50',
};
const rate = {
  type: ['string', 'number'],
  pattern: '^(0|[1-9][0-9]*)(\\.[0-9]+)?( ?%)?$',
  minimum: 0,
  description: 'a rate of 0 or more, such as 4 % or 0.04',
};
const share = {
  type: ['string', 'number'],
  pattern: '^(?:(0|[1-9][0-9]*)(\\.[0-9]+)?( ?%)?|[1-9][0-9]*/[1-9][0-9]*)$',
  minimum: 0,
  description: 'a share of 0 or more, such as 50 %, 0.5 or 1/3',
};
const count = {
  type: ['string', 'integer'],
  pattern: '^[1-9][0-9]{0,3}$',
  minimum: 1,
  description: 'a whole number from 1 to 9999, such as 12',
};
const day = {
  type: 'string',
  pattern: DAY_FORM.source,
  description: 'a calendar date (YYYY-MM-DD), such as 2026-03-01',
};
const days = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,3}) days?$',
  description: 'a number of days from 0 to 9999, such as 30 days',
};
const conditionValue = { type: ['string', 'number', 'boolean'] };
const conditionValues = {
  type: ['string', 'number', 'boolean', 'array'],
  items: conditionValue,
  minItems: 1,
  maxItems: CONDITION_VALUES_MAX,
  description: 'a value, or a list of values of which any will do',
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
      description: 'a certification, or { has: a certification, count: how many people must hold it }',
    },
  },
  additionalProperties: false,
  description: `a map of conditions, which must all hold; the keys are deal.<name>, ${CONDITION_KEYS.join(', ')}`,
};
const whichLines = {
  where: { $ref: '#/$defs/conditions' },
  except: { $ref: '#/$defs/conditions' },
  expr: {
    type: 'string',
    minLength: 1,
    maxLength: 2000,
    description: 'an expression of up to 2000 characters in the Common Expression Language',
  },
};
const during = {
  type: 'array',
  minItems: 2,
  maxItems: 2,
  items: { $ref: '#/$defs/day' },
  description: 'the first and the last day, such as [2026-03-01, 2026-03-31]',
};
const tiers = {
  type: 'array',
  minItems: 1,
  maxItems: TIERS_MAX,
  items: { $ref: '#/$defs/tier' },
  description: 'a list of tiers, such as [{ below: 150000, pay: 4 % }, { pay: 6 % }]',
};

/** A map with exactly these keys. */
function map(properties: Readonly<Record<string, unknown>>, required: readonly string[], description?: string) {
  return omitUndefined({ type: 'object', required, additionalProperties: false, properties, description });
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
    currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'an ISO 4217 currency code, such as EUR' },
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
    components: {
      type: 'array',
      minItems: 1,
      maxItems: COMPONENTS_MAX,
      items: { $ref: '#/$defs/component' },
      description: 'a list of components',
    },
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
    componentIds: {
      type: 'array',
      minItems: 1,
      maxItems: COMPONENTS_MAX,
      items: { $ref: '#/$defs/identifier' },
      description: 'a list of component ids',
    },
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
        levels: {
          type: 'array',
          minItems: 1,
          maxItems: LEVELS_MAX,
          items: { $ref: '#/$defs/rate' },
          description: 'a list of rates, from the direct upline upwards',
        },
        rates: {
          type: 'array',
          minItems: 1,
          maxItems: TIERS_MAX,
          items: map({ where: { $ref: '#/$defs/conditions' }, pay: { $ref: '#/$defs/rate' } }, ['pay']),
          description: 'a list of rates, such as [{ where: { partner.tier: gold }, pay: 12 % }]',
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
          description: 'an amount, or fact if each payee has a quota of their own',
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
      description: 'a map with from and exactly one of target, attainment and growth',
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
      description: `a map with exactly one of ${RATE_KINDS.join(', ')}`,
    },
    tier: {
      ...map(
        { below: { $ref: '#/$defs/amount' }, upTo: { $ref: '#/$defs/amount' }, pay: { $ref: '#/$defs/rate' } },
        ['pay'],
        'a tier that ends below an amount or at upTo, not both',
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
      description: 'a map with excess and exactly one of perDeal, perPeriod, perQuarter and perYear',
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
      description: 'as-child, or a map with exactly one of until, for and schedule',
    },
  },
};
