/**
 * The JSON Schemas (2020-12) of the integration events, one for each message type and version. `npm run schemas -w
 * @tantieme/contracts` writes them to `schemas/`; a spec fails when those files are older.
 *
 * The description of a field is also its error message: "must be " and the description.
 */
import { REGISTRATION_STATUSES } from './deal.js';
import { idSchema } from './ids.js';
import { CHANNEL_TYPES } from './partner.js';

/** The part of JSON Schema that the contracts use. */
export interface JsonSchema {
  type?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  maxProperties?: number;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  discriminator?: { propertyName: string };
  if?: JsonSchema;
  else?: JsonSchema;
}

/**
 * No control characters, and no half of a surrogate pair: neither can be stored everywhere. Ajv compiles patterns with
 * the `u` flag, so a whole pair is one character that matches.
 */
const PLAIN = '[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]';

export const PLAIN_TEXT = new RegExp(`^${PLAIN}*$`, 'u');
/** For error messages: `must be ${PLAIN_TEXT_DESCRIPTION}`. */
export const PLAIN_TEXT_DESCRIPTION = 'a text without control characters';

const textOrEmpty = (maxLength: number) => ({
  type: 'string',
  maxLength,
  pattern: PLAIN_TEXT.source,
  description: PLAIN_TEXT_DESCRIPTION,
});
const text = (maxLength: number) => ({ ...textOrEmpty(maxLength), minLength: 1 });
const list = (items: JsonSchema, maxItems: number) => ({ type: 'array', items, maxItems });
const record = (properties: Record<string, JsonSchema>, optional: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

/** An id within a deal or plan: of a line, a component. No key is split inside it, so it may contain "|". */
const innerId = text(200);
/**
 * Digits are bounded so that sums stay far from any limit, and there is no negative zero. The domain checks the
 * currency's decimals.
 */
const amount = {
  type: 'string',
  pattern: '^(?!-0(\\.0*)?$)-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$',
  description: 'an amount as decimal text, such as "1100.00"',
};
/**
 * An amount from outside: smaller than what is published, so that sums, conversions and earnings of accepted amounts can
 * be published.
 */
const soldAmount = {
  type: 'string',
  pattern: '^(?!-0(\\.0*)?$)-?(0|[1-9][0-9]{0,11})(\\.[0-9]{1,4})?$',
  description: 'an amount as decimal text of at most 999,999,999,999.99, such as "1100.00"',
};
const soldPositiveAmount = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,4})?$',
  description: 'an amount as decimal text without a sign of at most 999,999,999,999.99, such as "1100.00"',
};
const quantity = {
  type: 'string',
  pattern: '^(?!-0(\\.0*)?$)-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,18})?$',
  description: 'decimal text of at most 999,999,999, such as "2.5"',
};
/** The largest rates in use have six digits before the point. */
const exchangeRateText = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,18})?$',
  description: 'decimal text without a sign of at most 999,999,999, such as "0.5"',
};
const positiveAmount = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$',
  description: 'an amount as decimal text without a sign, such as "1100.00"',
};
const unsignedDecimal = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?$',
  description: 'decimal text without a sign, such as "0.5"',
};
const currency = { type: 'string', pattern: '^[A-Z]{3}$', description: 'an ISO 4217 code, such as "EUR"' };
const country = {
  type: 'string',
  pattern: '^[A-Z]{2}$',
  description: 'an ISO 3166-1 code of two letters, such as "FR"',
};
export const INSTANT_DESCRIPTION = 'an instant with its offset, such as "2026-03-01T00:00:00Z"';
/**
 * Also for the envelope's `time`. RFC 3339 as `Temporal.Instant` reads it: `T` and `Z` in upper case, seconds up to 59,
 * nothing finer than nanoseconds.
 */
export const instant = {
  type: 'string',
  maxLength: 40,
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$',
  format: 'date-time',
  description: INSTANT_DESCRIPTION,
};
const day = { type: 'string', format: 'date', description: 'a calendar date (YYYY-MM-DD), such as "2026-03-01"' };
const period = {
  type: 'string',
  pattern: '^(FY)?[0-9]{4}(-[0-9A-Z]{1,4})?$',
  description: 'a period, such as "2026-03", "2026-Q1" or "FY2026-P03"',
};
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'a SHA-256 in lower-case hex' };
/** Plans use an attribute as `deal.<name>`. `__proto__` is refused: some JSON parsers would drop it. */
const fieldName = {
  minLength: 1,
  maxLength: 100,
  pattern: `^(?!__proto__$)${PLAIN}+$`,
  description: 'a name without control characters, other than "__proto__"',
};
const count = { type: 'integer', minimum: 0, description: 'a whole number from 0' };
const pageNumber = { type: 'integer', minimum: 1, description: 'a whole number from 1' };
const upTo = (maximum: number) => ({
  type: 'integer',
  minimum: 1,
  maximum,
  description: `a whole number from 1 to ${maximum.toLocaleString('en-US')}`,
});

const line = record(
  {
    id: innerId,
    variant: text(200),
    product: text(200),
    family: text(200),
    category: text(200),
    quantity,
    net: soldAmount,
    gross: soldAmount,
    cost: soldAmount,
    subscription: record({ id: innerId, start: day, months: upTo(1200) }),
    original: { type: 'object', propertyNames: fieldName, additionalProperties: text(100), maxProperties: 10 },
  },
  ['variant', 'product', 'family', 'category', 'quantity', 'gross', 'cost', 'subscription', 'original'],
);
const lines = { ...list(line, 5000), minItems: 1 };
const terms = record(
  {
    currency,
    lines,
    partners: list(
      record(
        {
          role: { enum: ['seller', 'referrer', 'influencer', 'servicing', 'salesperson', 'buyer'] },
          partner: idSchema,
          share: unsignedDecimal,
        },
        ['share'],
      ),
      100,
    ),
    customer: text(200),
    attributes: {
      type: 'object',
      propertyNames: fieldName,
      additionalProperties: textOrEmpty(500),
      maxProperties: 50,
    },
  },
  ['customer', 'attributes'],
);
const returnedLines = { ...list(record({ line: innerId, net: soldPositiveAmount }, ['net']), 5000), minItems: 1 };

const registration = {
  status: { enum: [...REGISTRATION_STATUSES] },
  holder: idSchema,
  from: day,
  until: day,
};

/**
 * A fact, or the withdrawal of one, which needs only what identifies the fact and may repeat the rest of it.
 * @param content fields that a withdrawal may leave out
 */
function withdrawable(
  head: Record<string, JsonSchema>,
  content: Record<string, JsonSchema>,
  optional: readonly string[],
): JsonSchema {
  const names = Object.keys(content);
  const needed = names.filter((name) => !optional.includes(name));
  return {
    ...record({ ...head, ...content, withdrawn: { enum: [true, 'revision'] } }, [...names, ...optional, 'withdrawn']),
    ...(needed.length === 0 ? {} : { if: { required: ['withdrawn'] }, else: { required: needed } }),
  };
}

const factOf = (
  kind: string,
  content: Record<string, JsonSchema>,
  optional: readonly string[] = [],
  id?: JsonSchema,
): JsonSchema =>
  withdrawable(
    {
      source: idSchema,
      deal: idSchema,
      kind: { const: kind },
      occurredAt: instant,
      ...(id === undefined ? {} : { id }),
      revision: count,
    },
    content,
    [...optional, 'revision'],
  );

const dealFact = {
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [
    factOf('registered', { terms }),
    factOf('booked', { terms }),
    factOf('invoiced', { lines, terms }, ['lines', 'terms'], idSchema),
    factOf('paid', { amount: soldAmount }, [], idSchema),
    factOf('sold-through', {}, [], idSchema),
    factOf('amended', { as: { enum: ['correction', 'change'] }, terms }, ['as']),
    factOf('returned', { lines: returnedLines }, ['lines'], idSchema),
    factOf('registration', registration, ['from', 'until'], idSchema),
    factOf('cancelled', {}),
  ],
};

const occurrences = (more: Record<string, JsonSchema>, optional: readonly string[] = []): JsonSchema =>
  list(record({ id: idSchema, at: instant, ...more }, optional), 10_000);

const deal = record(
  {
    source: idSchema,
    id: idSchema,
    terms,
    registeredAt: instant,
    bookedAt: instant,
    invoices: occurrences({ lines }, ['lines']),
    payments: occurrences({ amount: soldAmount }),
    soldThrough: occurrences({}),
    returns: occurrences({ lines: returnedLines }, ['lines']),
    cancelledAt: instant,
    registrations: list(record({ id: idSchema, ...registration }, ['until']), 10_000),
    changes: occurrences({ lines }),
  },
  ['terms', 'registeredAt', 'bookedAt', 'cancelledAt', 'registrations', 'changes'],
);

const dated = (value: JsonSchema): JsonSchema => list(record({ from: day, value }), 1000);

const partner = record(
  {
    id: idSchema,
    name: text(500),
    channel: { enum: [...CHANNEL_TYPES] },
    country,
    tiers: dated(text(100)),
    uplines: dated({ anyOf: [idSchema, { type: 'null' }] }),
    agreements: list(record({ id: idSchema, plan: idSchema, from: day, until: day }, ['until']), 1000),
    certifications: list(
      record(
        {
          id: idSchema,
          certification: { type: 'string', ...fieldName },
          from: day,
          until: day,
          count: upTo(1_000_000),
        },
        ['until', 'count'],
      ),
      1000,
    ),
  },
  ['certifications'],
);

const exchangeRate = withdrawable(
  { base: currency, quote: currency, date: day, source: idSchema, revision: count },
  { rate: exchangeRateText },
  ['revision'],
);

const quota = withdrawable(
  { payee: idSchema, plan: idSchema, component: innerId, from: day, revision: count },
  { until: day, amount: soldPositiveAmount },
  ['until'],
);

const exchanged = { ...list(record({ amount, currency, of: amount }), 200), minItems: 1 };

const ledgerLine = record(
  {
    period,
    origin: period,
    plan: textOrEmpty(200),
    component: innerId,
    deal: textOrEmpty(500),
    line: textOrEmpty(1000),
    kind: {
      enum: [
        'earning',
        'adjustment',
        'clawback',
        'bonus',
        'reserve',
        'reserve-release',
        'draw-advance',
        'draw-recovery',
      ],
    },
    basis: amount,
    amount,
    exchanged,
  },
  ['exchanged'],
);
const ledgerLines = list(ledgerLine, 100_000);

const settleTerms = {
  as: { enum: ['self-billed', 'invoiced', 'credit-note', 'payroll'] },
  tax: { enum: ['by-partner', 'none'] },
};
const statementParts = list(record({ ...settleTerms, total: amount }, ['as', 'tax']), 20);

const manifest = record({
  calendar: text(100),
  period,
  page: pageNumber,
  pages: pageNumber,
  entries: list(
    record(
      {
        stream: text(1000),
        payee: idSchema,
        currency,
        lines: count,
        minimum: positiveAmount,
        ...settleTerms,
        negative: { enum: ['forgive'] },
        hash: sha256,
      },
      ['as', 'tax', 'negative'],
    ),
    1000,
  ),
});

const statementIssued = record(
  {
    id: text(1000),
    payee: idSchema,
    currency,
    calendar: text(100),
    period,
    opening: amount,
    total: amount,
    payable: amount,
    carried: amount,
    forgiven: positiveAmount,
    parts: statementParts,
    exchanged,
    lineCount: count,
    hash: sha256,
  },
  ['forgiven', 'parts', 'exchanged'],
);

const settled = {
  payout: text(1000),
  state: { const: 'settled' },
  on: day,
  revision: count,
  amount: positiveAmount,
  currency,
  exchange: record({ base: currency, quote: currency, rate: exchangeRateText, source: idSchema }),
};
const failed = { payout: text(1000), state: { const: 'failed' }, on: day, revision: count, reason: text(500) };

const statesOf = (more: Record<string, JsonSchema>, optional: readonly string[] = []): JsonSchema => ({
  type: 'object',
  required: ['state'],
  discriminator: { propertyName: 'state' },
  oneOf: [
    record({ ...settled, ...more }, ['revision', 'exchange', ...optional]),
    record({ ...failed, ...more }, ['revision', ...optional]),
  ],
});

const bodies = {
  'deal-fact': dealFact,
  deal,
  partner,
  'exchange-rate': exchangeRate,
  quota,
  'earnings-of-deal': record({
    payee: idSchema,
    plan: idSchema,
    currency,
    calendar: text(100),
    deal: text(500),
    lines: ledgerLines,
  }),
  'bonus-of-window': record({
    payee: idSchema,
    programme: idSchema,
    currency,
    calendar: text(100),
    window: period,
    lines: ledgerLines,
  }),
  'period-manifest': manifest,
  'statement-issued': statementIssued,
  'payout-due': record(
    {
      id: text(1000),
      statement: text(1000),
      payee: idSchema,
      currency,
      period,
      amount: positiveAmount,
      parts: statementParts,
      exchanged,
      approvedBy: text(500),
    },
    ['parts', 'exchanged'],
  ),
  payment: statesOf({}),
  'payment-recorded': statesOf(
    {
      statement: text(1000),
      payee: idSchema,
      period,
      difference: record({
        currency,
        accrued: amount,
        paid: amount,
        difference: amount,
        of: amount,
      }),
    },
    ['difference'],
  ),
} satisfies Record<string, JsonSchema>;

export type MessageType = keyof typeof bodies;

/** Version of each message type's schema, raised by every change that a consumer could notice. */
export const MESSAGE_VERSION = 1;

export const MESSAGE_TYPES = Object.keys(bodies) as readonly MessageType[];

/** The whole schema of a message type's data, with its identity. */
export function schemaOf(type: MessageType): JsonSchema & { readonly $id: string } {
  const identity = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:tantieme:${type}:v${MESSAGE_VERSION}`,
    title: type,
  };
  return { ...identity, ...bodies[type] };
}
