import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { compilePlan } from '../compile.js';
import { parsePlan } from './parse-plan.js';
import { PLAN_SCHEMA } from '../schema.js';

const HEAD = `plan: p
title: P
currency: EUR
calendar: { periods: monthly, timeZone: Europe/Paris }
components:
`;
const SALES = '  - { id: sales, credit: { trigger: booked }, rate: { percent: 4 % } }\n';

/** Code, path, line and column of every finding. */
function findingsOf(text: string): [string, string, number, number][] {
  return parsePlan(text).findings.map(({ code, path, line, column }) => [code, path, line, column]);
}

function findingsOfComponent(component: string): [string, string][] {
  return parsePlan(`${HEAD}${SALES}  - ${component}\n`).findings.map(({ code, path }) => [code, path]);
}

describe('a plan document', () => {
  const text = readFileSync(new URL('../../../../../services/cli/demo/resellers-us.yaml', import.meta.url), 'utf8');

  it('compiles to exact numbers', () => {
    const { plan, findings } = parsePlan(text, 'resellers@1');
    expect(findings).toEqual([]);
    expect(plan).toMatchObject({
      version: 'resellers@1',
      id: 'resellers-us',
      currency: 'USD',
      decimals: 2,
      calendarKey: 'monthly@America/New_York',
      rounding: 'half-up',
      minimumMinor: 2500n,
    });
    expect(plan?.componentById.get('sales')).toMatchObject({
      measure: { over: 'quarter', team: false },
      returns: { policy: 'line', window: 'original' },
      credit: { kind: 'direct', trigger: 'booked', to: 'seller', basis: 'net' },
      rate: {
        kind: 'marginal',
        tiers: [
          { untilMinor: 250_000n, rateText: '0.04' },
          { untilMinor: 1_000_000n, rateText: '0.06' },
          { untilMinor: undefined, rateText: '0.08' },
        ],
      },
    });
    expect(plan?.componentById.get('distribution')?.rate).toMatchObject({
      levels: [{ rateText: '0.015' }, { rateText: '0.005' }],
    });
  });

  it('means the same in YAML and in JSON', () => {
    const { document } = parsePlan(text);
    if (document === undefined) throw new Error('the document was refused');
    expect(parsePlan(JSON.stringify(document, null, '\t')).document).toEqual(document);
    expect(compilePlan(document, 'h')).toEqual(parsePlan(text, 'h').plan);
  });

  it('keeps every digit, because a number is never a double', () => {
    const component =
      '{"id":"c","credit":{"trigger":"booked"},"rate":{"marginal":[{"below":9007199254740993.01,"pay":0.1},{"pay":1}]}}';
    const { document, plan } = parsePlan(
      `{"plan":"p","title":"P","currency":"EUR","calendar":{"periods":"monthly","timeZone":"UTC"},"components":[${component}]}`,
    );
    expect(document?.components[0]?.rate).toEqual({
      marginal: [{ below: '9007199254740993.01', pay: '0.1' }, { pay: '1' }],
    });
    expect(plan?.components[0]?.rate).toMatchObject({ tiers: [{ untilMinor: 900_719_925_474_099_301n }, {}] });
  });

  it('has a schema file for editors that equals the schema in the code', () => {
    const file: unknown = JSON.parse(readFileSync(new URL('../../../schemas/plan.v1.json', import.meta.url), 'utf8'));
    expect(file).toEqual(PLAN_SCHEMA);
  });
});

describe('an invalid plan document', () => {
  it('is reported with the line and column of the key', () => {
    expect(
      findingsOf(
        'plan: p\ntitle: P\ncurrency: EUX\ncalendar:\n  periods: hourly\n  timeZone: Europe/Paris\ncomponents: []\n',
      ),
    ).toEqual([
      ['ValueUnknown', '/calendar/periods', 5, 3],
      ['ValueInvalid', '/components', 7, 1],
    ]);
    expect(
      findingsOf(`${HEAD}  - id: sales\n    credit: { trigger: booked }\n    rate:\n      percent: 4,5 %\n`),
    ).toEqual([['TextInvalid', '/components/0/rate/percent', 9, 7]]);
    expect(findingsOf(`${HEAD}  - id: sales\n    rate: { percent: 4 % }\n`)).toEqual([
      ['FieldMissing', '/components/0', 6, 5],
    ]);
  });

  it('is reported with all its faults at once', () => {
    expect(
      findingsOf(`plan: p\nplam: q\ncurrency: EUR\n`)
        .map(([code]) => code)
        .sort(),
    ).toEqual(['FieldMissing', 'FieldMissing', 'FieldMissing', 'FieldUnknown']);
  });

  it.each([
    ['limit: { perPeriod: 36000 }', 'FieldMissing', '/limit'],
    ['limit: { perPeriod: 36000, perYear: 1, excess: deferred }', 'FieldMissing', '/limit'],
    ['limit: { perDeal: 36000, excess: deferred }', 'FieldMisplaced', '/limit/excess'],
    ['hold: { until: later }', 'ValueUnknown', '/hold/until'],
    ['hold: { for: 30 days }', 'FieldMissing', '/hold'],
    ['hold: { schedule: [{ share: 50 %, after: 30 days }] }', 'SharesInvalid', '/hold/schedule'],
    ['hold: as-child', 'FieldMisplaced', '/hold'],
    ['gate: { growth: 10 % }', 'FieldMissing', '/gate'],
    ['gate: { attainment: 80 %, from: first }', 'QuotaMissing', '/gate/attainment'],
    ['measure: { over: rolling }', 'ValueUnknown', '/measure/over'],
    ['measure: { over: { rollingMonths: 12 }, quota: 5 }', 'FieldMisplaced', '/measure/over'],
    ['returns: { policy: re-rated }', 'ValueUnknown', '/returns/policy'],
    ['returns: { policy: average, window: current }', 'FieldMisplaced', '/returns/window'],
    [
      'returns: { policy: line, bands: [{ within: 30 days, take: 120 % }, { take: 0 % }] }',
      'RateTooLarge',
      '/returns/bands/0/take',
    ],
    [
      'returns: { policy: line, bands: [{ within: 30 days, take: 50 % }, { within: 7 instalments, take: 0 % }] }',
      'UnitsDiffer',
      '/returns/bands/1/within',
    ],
  ])('is refused for the term %s', (term, code, path) => {
    const found = findingsOfComponent(`{ id: x, credit: { trigger: booked }, rate: { percent: 1 % }, ${term} }`);
    expect(found).toContainEqual([code, `/components/1${path}`]);
  });

  it.each([
    ['{ retroactive: [{ upTo: 5, pay: 4 % }] }', 'LastTierEnds', '/components/1/rate/retroactive/0/upTo'],
    ['{ accelerator: { base: 5 %, bands: [{ times: 1 }] } }', 'QuotaMissing', '/components/1/rate'],
    ['{ stepped: { every: 0, pay: 5 } }', 'AmountInvalid', '/components/1/rate/stepped/every'],
    [
      '{ matrix: { by: [product], rules: [{ category: x, pay: 1 % }] } }',
      'FieldMisplaced',
      '/components/1/rate/matrix/rules/0/category',
    ],
    ['{ percent: 4 %, flat: 5, per: deal }', 'RateInvalid', '/components/1/rate'],
    ['{ }', 'RateInvalid', '/components/1/rate'],
    ['{ flat: 5 }', 'FieldMissing', '/components/1/rate'],
    ['{ flat: 5.001, per: deal }', 'AmountInvalid', '/components/1/rate/flat'],
    ['{ flat: -5, per: deal }', 'TextInvalid', '/components/1/rate/flat'],
    ['{ percent: -4 % }', 'TextInvalid', '/components/1/rate/percent'],
    ['{ percent: 1e1 }', 'TextInvalid', '/components/1/rate/percent'],
    ['{ percent: 0x10 }', 'TextInvalid', '/components/1/rate/percent'],
    ["{ percent: '' }", 'TextInvalid', '/components/1/rate/percent'],
    ['{ percent: [4] }', 'TypeWrong', '/components/1/rate/percent'],
    [`{ percent: 0.${'1'.repeat(40)} }`, 'RateInvalid', '/components/1/rate/percent'],
    [
      '{ marginal: [{ below: 100, pay: 4 % }, { below: 100, pay: 5 % }, { pay: 6 % }] }',
      'TiersNotAscending',
      '/components/1/rate/marginal/1/below',
    ],
    [
      '{ marginal: [{ below: 0, pay: 4 % }, { pay: 6 % }] }',
      'TiersNotAscending',
      '/components/1/rate/marginal/0/below',
    ],
    ['{ marginal: [{ below: 100, pay: 4 % }] }', 'LastTierEnds', '/components/1/rate/marginal/0/below'],
    ['{ marginal: [{ pay: 4 % }, { pay: 6 % }] }', 'TierInvalid', '/components/1/rate/marginal/0'],
    [
      '{ marginal: [{ below: 100, upTo: 100, pay: 4 % }, { pay: 6 % }] }',
      'TierInvalid',
      '/components/1/rate/marginal/0',
    ],
    [
      '{ marginal: [{ below: 0.001, pay: 4 % }, { pay: 6 % }] }',
      'AmountInvalid',
      '/components/1/rate/marginal/0/below',
    ],
    ['{ percent: 10001 }', 'RateTooLarge', '/components/1/rate/percent'],
    [`{ flat: ${'9'.repeat(20)}, per: line }`, 'AmountInvalid', '/components/1/rate/flat'],
    [`{ flat: ${'9'.repeat(20)}, per: unit }`, 'AmountInvalid', '/components/1/rate/flat'],
    ['{ marginal: [] }', 'ValueInvalid', '/components/1/rate/marginal'],
  ])('is refused for the rate %s', (rate, code, path) => {
    expect(findingsOfComponent(`{ id: x, credit: { trigger: booked }, rate: ${rate} }`)).toEqual([[code, path]]);
  });

  it.each([
    ['{ trigger: sold }', 'ValueUnknown', '/components/1/credit/trigger'],
    ['{ to: seller }', 'FieldMissing', '/components/1/credit'],
    ['{ trigger: booked, basis: collected }', 'UnitsDiffer', '/components/1/credit/basis'],
    ['{ trigger: booked, basis: quantity }', 'UnitsDiffer', '/components/1/rate/percent'],
    ['{ trigger: booked, levels: [1 %] }', 'FieldMisplaced', '/components/1/credit/levels'],
    [
      '{ trigger: booked, where: { partner.chanel: retail } }',
      'FieldUnknown',
      '/components/1/credit/where/partner.chanel',
    ],
    [
      '{ trigger: booked, where: { partner.certification: { has: x, count: 0 } } }',
      'TextInvalid',
      '/components/1/credit/where/partner.certification/count',
    ],
    ['{ trigger: booked, expr: line.net > 5.5 }', 'ExpressionInvalid', '/components/1/credit/expr'],
    ['{ trigger: booked, during: [2026-02-01, 2026-02-30] }', 'DayInvalid', '/components/1/credit/during/1'],
    ['{ trigger: booked, during: [2026-02-02, 2026-02-01] }', 'SpanEmpty', '/components/1/credit/during/1'],
    ['{ same: other }', 'ComponentUnknown', '/components/1/credit/same'],
    [
      '{ trigger: booked, where: { partner.channel: [retail, shop] } }',
      'ChannelUnknown',
      '/components/1/credit/where/partner.channel',
    ],
    ['{ trigger: booked, where: { line.net: 5 } }', 'FieldUnknown', '/components/1/credit/where/line.net'],
    ['{ trigger: booked, where: { expr: 1 } }', 'FieldUnknown', '/components/1/credit/where/expr'],
    ['{ trigger: booked, except: {} }', 'ValueInvalid', '/components/1/credit/except'],
    [
      '{ trigger: booked, where: { line.category: { has: x } } }',
      'TypeWrong',
      '/components/1/credit/where/line.category',
    ],
  ])('is refused for the credit %s', (credit, code, path) => {
    expect(findingsOfComponent(`{ id: x, credit: ${credit}, rate: { percent: 1 % } }`)).toEqual([[code, path]]);
  });

  it.each([
    [
      '{ id: x, credit: { override: [other], of: basis, levels: [1 %] } }',
      'ComponentUnknown',
      '/components/1/credit/override/0',
    ],
    [
      '{ id: x, credit: { override: [x], of: basis, levels: [1 %] } }',
      'ComponentUnknown',
      '/components/1/credit/override/0',
    ],
    [
      '{ id: x, credit: { override: [sales], of: spread, rates: [{ pay: 1 % }], levels: [1 %] } }',
      'FieldMisplaced',
      '/components/1/credit/levels',
    ],
    ['{ id: x, credit: { override: [sales], of: basis, levels: [] } }', 'ValueInvalid', '/components/1/credit/levels'],
    ['{ id: x, credit: { override: [sales], of: basis } }', 'FieldMissing', '/components/1/credit'],
    [
      '{ id: x, credit: { override: [sales], of: basis, levels: [1 %] }, rate: { percent: 1 % } }',
      'FieldMisplaced',
      '/components/1/rate',
    ],
    [
      '{ id: x, credit: { override: [sales], trigger: paid, of: basis, levels: [1 %] } }',
      'FieldMisplaced',
      '/components/1/credit/trigger',
    ],
    ['{ id: sales, credit: { trigger: booked }, rate: { percent: 1 % } }', 'ComponentTwice', '/components/1/id'],
    ['{ id: x, credit: { trigger: booked } }', 'FieldMissing', '/components/1'],
    [
      '{ id: x, stacks: [y], credit: { trigger: booked }, rate: { percent: 1 % } }',
      'ComponentUnknown',
      '/components/1/stacks/0',
    ],
    ["{ id: 'a|b', credit: { trigger: booked }, rate: { percent: 1 % } }", 'TextInvalid', '/components/1/id'],
    ['{ id: x, credit: { trigger: paid }, rate: { flat: 1, per: unit } }', 'UnitsDiffer', '/components/1/rate/per'],
  ])('is refused for the component %s', (component, code, path) => {
    expect(findingsOfComponent(component)).toEqual([[code, path]]);
  });

  it('is only warned of if a rate pays more than the whole basis: 4 is not 4 %', () => {
    const { plan, findings } = parsePlan(
      `${HEAD}  - { id: sales, credit: { trigger: booked }, rate: { percent: 4 } }\n`,
    );
    expect(findings).toMatchObject([{ code: 'RateAboveWhole', severity: 'warning', line: 6 }]);
    expect(plan).toBeDefined();
  });

  it('is refused for a minimum that is negative or finer than a cent (lago-api #5560)', () => {
    const withMinimum = (minimum: string) => parsePlan(`${HEAD}${SALES}settle: { minimum: ${minimum} }\n`);
    expect(withMinimum('50').plan?.minimumMinor).toBe(5000n);
    expect(withMinimum('0.01').plan?.minimumMinor).toBe(1n);
    expect(parsePlan(`${HEAD}${SALES}`).plan?.minimumMinor).toBe(0n);
    expect(withMinimum('-50').findings).toMatchObject([{ code: 'TextInvalid', path: '/settle/minimum' }]);
    expect(withMinimum('0.001').findings).toMatchObject([{ code: 'AmountInvalid', path: '/settle/minimum' }]);
  });

  it('is refused for an unknown currency or time zone', () => {
    expect(findingsOf(HEAD.replace('EUR', 'EUX').replace('Europe/Paris', 'Europe/Atlantis') + SALES)).toEqual([
      ['CurrencyUnknown', '/currency', 3, 1],
      ['TimeZoneUnknown', '/calendar/timeZone', 4, 31],
    ]);
  });

  it('explains why a text is not a number', () => {
    const { findings } = parsePlan(
      `${HEAD}  - { id: sales, credit: { trigger: booked }, rate: { percent: '1.234,56' } }\n`,
    );
    expect(findings[0]?.message).toContain('decimal comma');
  });
});

describe('a message about a plan document', () => {
  /** The messages for a plan with this component besides `sales`. */
  function messagesOf(component: string): readonly string[] {
    return parsePlan(`${HEAD}${SALES}  - ${component}\n`).findings.map(({ message }) => message);
  }

  const RATE = 'rate: { percent: 1 % }';

  it.each([
    [
      `{ id: x, credit: { trigger: booked, remaindr: first }, ${RATE} }`,
      /^unknown key "remaindr"; .* did you mean "remainder"\?$/,
    ],
    [
      `{ id: x, credit: { trigger: bookd }, ${RATE} }`,
      'trigger is "bookd"; it must be one of booked, invoiced, paid, sold-through; did you mean "booked"?',
    ],
    [`{ id: x, credit: { trigger: booked, to: sellers }, ${RATE} }`, /did you mean "seller"\?$/],
    [
      `{ id: x, credit: { trigger: booked, where: { partner.chanel: retail } }, ${RATE} }`,
      /^unknown key "partner\.chanel"; it must be deal\.<name> or one of .* did you mean "partner\.channel"\?$/,
    ],
    [`{ id: x, credit: { trigger: booked, where: { partner.channel: retial } }, ${RATE} }`, /did you mean "retail"\?$/],
    [
      `{ id: x, credit: { trigger: booked, expr: line.categry == "a" }, ${RATE} }`,
      /^expr reads line\.categry, .* did you mean "category"\?$/,
    ],
    [`{ id: x, credit: { trigger: booked, expr: lines.net > decimal(1) }, ${RATE} }`, /did you mean "line"\?$/],
    [
      `{ id: x, credit: { same: sale }, ${RATE} }`,
      'same is "sale"; it must be another component, one of sales; did you mean "sales"?',
    ],
    [`{ id: x, credit: { trigger: booked }, rate: { margnal: [{ pay: 1 % }] } }`, /did you mean "marginal"\?$/],
    [`{ id: x, credit: { trigger: booked }, ${RATE}, hold: { untill: paid } }`, /did you mean "until"\?$/],
  ])('suggests the nearest known word: %s', (component, message) => {
    const [first = '', ...others] = messagesOf(component);
    expect(others).toEqual([]);
    if (typeof message === 'string') expect(first).toBe(message);
    else expect(first).toMatch(message);
  });

  it.each([
    [
      `{ id: x, credit: { override: [sales], of: basis, levels: [1 %] }, ${RATE} }`,
      'rate cannot be combined with credit.override: an override pays by its levels or rates',
    ],
    [
      `{ id: x, credit: { trigger: booked }, ${RATE}, recurring: { of: line.subscription, count: service-months, rate: [{ pay: 1 % }] } }`,
      'rate cannot be combined with recurring: its tiers are the rates',
    ],
    [
      `{ id: x, credit: { override: [sales], trigger: paid, of: basis, levels: [1 %] } }`,
      'trigger cannot be combined with override: an override pays for the lines of other components',
    ],
    [
      `{ id: x, credit: { override: [sales], of: spread, rates: [{ pay: 1 % }], levels: [1 %] } }`,
      'levels cannot be combined with of: spread; list rates instead',
    ],
    [
      `{ id: x, credit: { override: [sales], of: basis, levels: [1 %], rates: [{ pay: 1 % }] } }`,
      'rates can only be used with of: spread; list levels instead',
    ],
    [
      `{ id: x, stacks: [sales], credit: { same: sales, basis: net }, ${RATE} }`,
      'basis cannot be combined with same: it is taken from the other component',
    ],
    [`{ id: x, credit: { trigger: booked, levels: [1 %] }, ${RATE} }`, 'levels can only be used with override'],
    [`{ id: x, credit: { trigger: booked }, rate: { flat: 5 } }`, 'per is missing; it must be one of deal, line, unit'],
    [
      `{ id: x, credit: { to: seller }, ${RATE} }`,
      'trigger is missing; it must be one of booked, invoiced, paid, sold-through',
    ],
    [
      `{ id: x, credit: { trigger: booked }, ${RATE}, gate: { from: first } }`,
      'gate has none; it must have exactly one of target, attainment, growth',
    ],
    [
      `{ id: x, credit: { trigger: booked }, rate: { marginal: [{ below: 1, upTo: 1, pay: 1 % }, { pay: 2 % }] } }`,
      'marginal[0] has both below and upTo; it must be a tier that ends below an amount or at upTo, not both',
    ],
    [
      `{ id: x, credit: { trigger: booked, except: {} }, ${RATE} }`,
      'except has too few entries: it needs at least 1 entry',
    ],
    [
      `{ id: x, credit: { trigger: booked }, rate: { percent: } }`,
      'percent is empty; it must be a rate of 0 or more, such as 4 % or 0.04',
    ],
  ])('names the key and what is allowed: %s', (component, message) => {
    expect(messagesOf(component)).toEqual([message]);
  });
});

describe('a text that is not a plan document', () => {
  it.each([
    ['', 'TypeWrong'],
    ['just words', 'TypeWrong'],
    ['- a\n- b', 'TypeWrong'],
    ['a: [1', 'TextInvalid'],
    ['{ "title": "\\ud800" }', 'TextInvalid'],
    ['a: 1\na: 2', 'KeyTwice'],
    ['a: 1\n---\nb: 2', 'TextInvalid'],
    ['a: &x 1\nb: *x', 'AliasRefused'],
    ['__proto__: { a: 1 }', 'KeyInvalid'],
    ['? [a]\n: 1', 'KeyInvalid'],
    ['['.repeat(100_000), 'TextTooDeep'],
    [`${'a:\n' + Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth + 1)}a:\n`).join('')}`, 'TextTooDeep'],
    [`${'- '.repeat(200_000)}a`, 'TextInvalid'],
    ['a'.repeat(600_000), 'TextTooLong'],
    ['{"plan": "p",', 'TextInvalid'],
    ['\u0000', 'TypeWrong'],
  ])('yields a finding and never an exception, case %#', (text, code) => {
    const { document, plan, findings } = parsePlan(text);
    expect([document, plan]).toEqual([undefined, undefined]);
    expect(findings.map((finding) => finding.code)).toContain(code);
    expect(findings.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true);
  });

  it('is refused by the compiler as well', () => {
    const { document } = parsePlan(HEAD + SALES);
    if (document === undefined) throw new Error('the document was refused');
    expect(() => compilePlan({ ...document, currency: 'EUX' }, 'h')).toThrow(
      expect.objectContaining({ code: 'PlanInvalid' }),
    );
  });
});
