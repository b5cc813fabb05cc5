/**
 * The JSON Schemas (2020-12) of the integration events: one a message type and version. `npm run schemas -w @tantieme/contracts`
 * writes them to `schemas/` for the world; a spec fails where those files are older.
 */

const text = (maxLength: number): object => ({
  type: 'string',
  minLength: 1,
  maxLength,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
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
const plainId = { type: 'string', minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f|]+$' };
const amount = { type: 'string', pattern: '^-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$' };
const positiveAmount = { type: 'string', pattern: '^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?$' };
const decimal = { type: 'string', pattern: '^-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?$' };
const share = { type: 'string', pattern: '^(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?$' };
const currency = { type: 'string', pattern: '^[A-Z]{3}$' };
const instant = { type: 'string', format: 'date-time', maxLength: 40 };
const day = { type: 'string', format: 'date' };
const period = { type: 'string', pattern: '^[0-9]{4}(-[0-9A-Z]{1,4})?$' };
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const count = { type: 'integer', minimum: 0 };

const line = record(
  {
    id,
    product: text(200),
    category: text(200),
    quantity: decimal,
    net: amount,
    gross: amount,
    cost: amount,
    original: { type: 'object', additionalProperties: text(100), maxProperties: 10 },
  },
  ['product', 'category', 'quantity', 'gross', 'cost', 'original'],
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
      additionalProperties: { type: 'string', maxLength: 500 },
      propertyNames: { maxLength: 100 },
      maxProperties: 50,
    },
  },
  ['customer', 'attributes'],
);
const returnedLines = { ...list(record({ line: id, net: positiveAmount }, ['net']), 5000), minItems: 1 };

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
    factOf('paid', { id: plainId, amount: positiveAmount }),
    factOf('sold-through', { id: plainId }),
    factOf('amended', { revision: count, terms }, ['revision']),
    factOf('returned', { id: plainId, lines: returnedLines }, ['lines']),
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
    payments: occurrences({ amount: positiveAmount }),
    soldThrough: occurrences({}),
    returns: occurrences({ lines: returnedLines }, ['lines']),
    cancelledAt: instant,
  },
  ['terms', 'registeredAt', 'bookedAt', 'cancelledAt'],
);

const dated = (value: object): object => list(record({ from: day, value }), 1000);

const partner = record({
  id: plainId,
  name: text(500),
  channel: { enum: ['retail', 'e-commerce', 'wholesale', 'distributor', 'direct'] },
  country: { type: 'string', pattern: '^[A-Z]{2}$' },
  payoutCurrency: currency,
  tiers: dated(text(100)),
  uplines: dated({ anyOf: [plainId, { type: 'null' }] }),
  agreements: list(record({ id: plainId, plan: plainId, from: day, until: day }, ['until']), 1000),
});

const ledgerLine = record({
  period,
  origin: period,
  plan: { type: 'string', maxLength: 200 },
  component: id,
  deal: { type: 'string', maxLength: 500 },
  line: { type: 'string', maxLength: 1000 },
  kind: { enum: ['earning', 'adjustment', 'clawback', 'bonus'] },
  basis: amount,
  amount,
});
const ledgerLines = list(ledgerLine, 100_000);

const manifest = record({
  calendar: text(100),
  period,
  page: { type: 'integer', minimum: 1 },
  pages: { type: 'integer', minimum: 1 },
  entries: list(
    record({ stream: text(1000), payee: plainId, currency, lines: count, minimum: positiveAmount, hash: sha256 }),
    1000,
  ),
});

const statementIssued = record({
  id: text(1000),
  payee: plainId,
  currency,
  calendar: text(100),
  period,
  opening: amount,
  total: amount,
  payable: amount,
  carried: amount,
  lineCount: count,
  hash: sha256,
});

const bodies = {
  'deal-fact': dealFact,
  deal,
  partner,
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
  'payout-due': record({
    id: text(1000),
    statement: text(1000),
    payee: plainId,
    currency,
    period,
    amount: positiveAmount,
    approvedBy: text(500),
  }),
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
