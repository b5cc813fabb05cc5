/**
 * The JSON Schemas (2020-12) of the integration events: one a message type and version. `npm run schemas -w @tantieme/contracts`
 * writes them to `schemas/` for the world; a spec fails where those files are older.
 */

import { REGISTRATION_STATUSES } from './deal.js';

/**
 * Neither control characters nor half a surrogate pair: no stored event can hold the one, and no name, log or file wants the
 * other. Ajv compiles patterns with the `u` flag, so a whole pair is one character that matches.
 */
const PLAIN = '[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]';

/** The description of a field is also what an error says that it has to be. */
const text = (maxLength: number): object => ({
  type: 'string',
  minLength: 1,
  maxLength,
  pattern: `^${PLAIN}+$`,
  description: 'a text without control characters',
});
const textOrEmpty = (maxLength: number): object => ({
  type: 'string',
  maxLength,
  pattern: `^${PLAIN}*$`,
  description: 'a text without control characters',
});
const list = (items: object, maxItems: number): object => ({ type: 'array', items, maxItems });
const record = (properties: Record<string, object>, optional: readonly string[] = []): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

/** Ids of sources, deals, lines, partners, plans: a stream's name is made of them. */
const id = text(200);
/** A `|` would blur `source|id`. */
const plainId = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff|]+$',
  description: 'a text without control characters and without "|"',
};
/** Digits are bounded so that sums stay far from any limit; there is no minus zero. How many decimals the currency has, the domain knows. */
const amount = {
  type: 'string',
  pattern: '^(?!-0(\\.0*)?$)-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$',
  description: 'an amount as decimal text, such as "1100.00"',
};
const positiveAmount = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$',
  description: 'an amount as decimal text without a sign, such as "1100.00"',
};
const decimal = {
  type: 'string',
  pattern: '^(?!-0(\\.0*)?$)-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?$',
  description: 'decimal text, such as "2.5"',
};
const share = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?$',
  description: 'decimal text without a sign, such as "0.5"',
};
const currency = { type: 'string', pattern: '^[A-Z]{3}$', description: 'an ISO 4217 code, such as "EUR"' };
/** Also of the envelope's `time`. RFC 3339 as `Temporal.Instant` reads it: `T` and `Z` in capitals, seconds to 59, at most nanoseconds. */
export const instant = {
  type: 'string',
  maxLength: 40,
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$',
  format: 'date-time',
  description: 'an instant with its offset, such as "2026-03-01T00:00:00Z"',
};
const day = { type: 'string', format: 'date', description: 'a day, such as "2026-03-01"' };
const period = {
  type: 'string',
  pattern: '^(FY)?[0-9]{4}(-[0-9A-Z]{1,4})?$',
  description: 'a period, such as "2026-03", "2026-Q1" or "FY2026-P03"',
};
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'a SHA-256 in lower-case hex' };
/** A plan asks for an attribute as `deal.<name>`. `__proto__` is no name: some readers of JSON would lose it. */
const fieldName = {
  minLength: 1,
  maxLength: 100,
  pattern: `^(?!__proto__$)${PLAIN}+$`,
  description: 'a name without control characters',
};
const count = { type: 'integer', minimum: 0 };
const positiveCount = { type: 'integer', minimum: 1, maximum: 1_000_000 };

const line = record(
  {
    id,
    variant: text(200),
    product: text(200),
    family: text(200),
    category: text(200),
    quantity: decimal,
    net: amount,
    gross: amount,
    cost: amount,
    subscription: record({ id, start: day, months: { type: 'integer', minimum: 1, maximum: 1200 } }),
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
          partner: plainId,
          share,
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
const returnedLines = { ...list(record({ line: id, net: positiveAmount }, ['net']), 5000), minItems: 1 };

const registration = {
  id: plainId,
  status: { enum: REGISTRATION_STATUSES },
  holder: plainId,
  from: day,
  until: day,
};

const factOf = (kind: string, more: Record<string, object>, optional: readonly string[] = []): object =>
  record({ source: plainId, deal: plainId, kind: { const: kind }, occurredAt: instant, ...more }, optional);

const dealFact = {
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [
    factOf('registered', { terms }),
    factOf('booked', { terms }),
    factOf('invoiced', { id: plainId, lines, terms }, ['lines', 'terms']),
    factOf('paid', { id: plainId, amount }),
    factOf('sold-through', { id: plainId }),
    factOf('amended', { revision: count, as: { enum: ['correction', 'change'] }, terms }, ['revision', 'as']),
    factOf('returned', { id: plainId, lines: returnedLines }, ['lines']),
    factOf('registration', { ...registration, revision: count }, ['from', 'until', 'revision']),
    factOf('cancelled', {}),
  ],
};

const occurrences = (more: Record<string, object>, optional: readonly string[] = []): object =>
  list(record({ id: plainId, at: instant, ...more }, optional), 10_000);

const deal = record(
  {
    source: plainId,
    id: plainId,
    terms,
    registeredAt: instant,
    bookedAt: instant,
    invoices: occurrences({ lines }, ['lines']),
    payments: occurrences({ amount }),
    soldThrough: occurrences({}),
    returns: occurrences({ lines: returnedLines }, ['lines']),
    cancelledAt: instant,
    registrations: list(record(registration, ['until']), 10_000),
    changes: occurrences({ lines }),
  },
  ['terms', 'registeredAt', 'bookedAt', 'cancelledAt', 'registrations', 'changes'],
);

const dated = (value: object): object => list(record({ from: day, value }), 1000);

const partner = record(
  {
    id: plainId,
    name: text(500),
    channel: { enum: ['retail', 'e-commerce', 'wholesale', 'distributor', 'direct'] },
    country: { type: 'string', pattern: '^[A-Z]{2}$', description: 'an ISO 3166-1 code, such as "FR"' },
    tiers: dated(text(100)),
    uplines: dated({ anyOf: [plainId, { type: 'null' }] }),
    agreements: list(record({ id: plainId, plan: plainId, from: day, until: day }, ['until']), 1000),
    certifications: list(
      record(
        {
          id: plainId,
          certification: { type: 'string', ...fieldName },
          from: day,
          until: day,
          count: positiveCount,
        },
        ['until', 'count'],
      ),
      1000,
    ),
  },
  ['certifications'],
);

const exchangeRate = record(
  { base: currency, quote: currency, date: day, rate: share, source: plainId, revision: count },
  ['revision'],
);

const quota = record(
  { payee: plainId, plan: plainId, component: id, from: day, until: day, amount: share, revision: count },
  ['until'],
);

const exchanged = { ...list(record({ amount, currency, of: amount }), 200), minItems: 1 };

const ledgerLine = record(
  {
    period,
    origin: period,
    plan: textOrEmpty(200),
    component: id,
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
  page: { type: 'integer', minimum: 1 },
  pages: { type: 'integer', minimum: 1 },
  entries: list(
    record(
      {
        stream: text(1000),
        payee: plainId,
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
    payee: plainId,
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
  exchange: record({ base: currency, quote: currency, rate: share, source: plainId }),
};
const failed = { payout: text(1000), state: { const: 'failed' }, on: day, revision: count, reason: text(500) };

const statesOf = (more: Record<string, object>, optional: readonly string[] = []): object => ({
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
    payee: plainId,
    plan: plainId,
    currency,
    calendar: text(100),
    deal: text(500),
    lines: ledgerLines,
  }),
  'bonus-of-window': record({
    payee: plainId,
    programme: plainId,
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
      payee: plainId,
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
      payee: plainId,
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
} as const;

export type MessageType = keyof typeof bodies;

/** Version of each message type's schema; a change that a consumer could notice raises it. */
export const MESSAGE_VERSION = 1;

export const MESSAGE_TYPES = Object.keys(bodies) as readonly MessageType[];

/** The whole schema of a message type's data, with its identity. */
export function schemaOf(type: MessageType): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:tantieme:${type}:v${MESSAGE_VERSION}`,
    title: type,
    ...bodies[type],
  };
}
