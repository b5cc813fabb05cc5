import { describe, expect, it } from '@jest/globals';
import { check, FAULTS_MAX } from './check.js';
import type { DealFact } from './deal.js';
import { ID_DESCRIPTION } from './ids.js';

const terms = {
  currency: 'EUR',
  lines: [{ id: '1', net: '100.00' }],
  partners: [{ role: 'seller', partner: 'P1' }],
} as const;
const booked: DealFact = { source: 'crm', deal: 'D-1', kind: 'booked', occurredAt: '2026-03-05T10:00:00Z', terms };

describe('the check of a body', () => {
  const withLine = (line: object): unknown => ({
    ...booked,
    terms: { ...booked.terms, lines: [{ id: '1', net: '1', ...line }] },
  });
  const withAttributes = (attributes: unknown): unknown => ({ ...booked, terms: { ...booked.terms, attributes } });

  it.each([
    ...[
      '1e400',
      '0x10',
      '',
      '1.234,56',
      '-0',
      '-0.00',
      '+1',
      '01',
      '.5',
      '1.',
      '9'.repeat(40),
      ' 1',
      '1\n',
      100,
      null,
    ].map((net) => ['terms.lines.0.net', withLine({ net })]),
    ['terms.lines.0.id', withLine({ id: 'a\u0000b' })],
    ['terms.lines.0.id', withLine({ id: 'half a pair \ud800' })],
    ['terms.lines.0.id', withLine({ id: 'x'.repeat(201) })],
    ['terms.lines.0.nett', withLine({ nett: '1' })],
    ['terms.lines.0.net', { ...booked, terms: { ...booked.terms, lines: [{ id: '1' }] } }],
    ['terms.lines', { ...booked, terms: { ...booked.terms, lines: [] } }],
    ['terms.currency', { ...booked, terms: { ...booked.terms, currency: 'euro' } }],
    ['terms.partners.0.role', { ...booked, terms: { ...booked.terms, partners: [{ role: 'friend', partner: 'P1' }] } }],
    ['terms.attributes.a/b', withAttributes({ 'a/b': 1 })],
    ['terms.attributes.', withAttributes({ '': 'nameless' })],
    ['terms.attributes.__proto__', withAttributes(JSON.parse('{"__proto__":"x"}'))],
    ...[
      'yesterday',
      '2026-02-30T10:00:00Z',
      '2026-03-05',
      '2026-03-05T10:00:00',
      '2026-03-05 10:00:00Z',
      '2026-03-05t10:00:00z',
      '2026-12-31T23:59:60Z',
      '2026-03-05T24:00:00Z',
    ].map((occurredAt) => ['occurredAt', { ...booked, occurredAt }]),
    ['kind', { ...booked, kind: 'sold' }],
    ['kind', { ...booked, kind: undefined }],
    ['colour', { ...booked, colour: 'red' }],
    ['source', { ...booked, source: 'a|b' }],
    ['', 'a text'],
  ])('names the field "%s" that the schema refuses', (field, data) => {
    expect(check('deal-fact', data).map((error) => error.field)).toEqual([field]);
  });

  it.each([['-1.50'], ['0'], ['0.00'], ['3600000'], ['1.2345']])('accepts the amount %s', (net) => {
    expect(check('deal-fact', withLine({ net }))).toEqual([]);
  });

  it.each([['2026-03-05T10:00:00.123456789Z'], ['2028-02-29T10:00:00+05:30']])(
    'accepts the instant %s',
    (occurredAt) => {
      expect(check('deal-fact', { ...booked, occurredAt })).toEqual([]);
    },
  );

  it('accepts names in all languages', () => {
    expect(check('deal-fact', withLine({ id: 'Zürich 東京 🙂' }))).toEqual([]);
  });

  it.each([
    [{ deal: '' }, { field: 'deal', reason: 'must not be empty' }],
    [
      { occurredAt: 'now' },
      { field: 'occurredAt', reason: 'must be an instant with its offset, such as "2026-03-01T00:00:00Z"' },
    ],
    [
      { kind: 'bookd' },
      {
        field: 'kind',
        reason:
          'must be one of registered, booked, invoiced, paid, sold-through, amended, returned, registration, cancelled; ' +
          'did you mean "booked"?',
      },
    ],
    [{ colour: 'red' }, { field: 'colour', reason: 'is not a known field' }],
    [{ ocurredAt: '' }, { field: 'ocurredAt', reason: 'is not a known field; did you mean "occurredAt"?' }],
    [{ terms: [] }, { field: 'terms', reason: 'must be an object, not a list' }],
    [{ deal: 'a|b' }, { field: 'deal', reason: `must be ${ID_DESCRIPTION}` }],
    [{ deal: 'x'.repeat(201) }, { field: 'deal', reason: 'must have at most 200 characters' }],
    [{ deal: undefined }, { field: 'deal', reason: 'is missing' }],
    [
      { terms: { ...booked.terms, currency: 1 } },
      { field: 'terms.currency', reason: 'must be an ISO 4217 code, such as "EUR", not a number' },
    ],
    [
      { terms: { ...booked.terms, partners: [{ role: 'friend', partner: 'P1' }] } },
      {
        field: 'terms.partners.0.role',
        reason: 'must be one of seller, referrer, influencer, servicing, salesperson, buyer',
      },
    ],
  ])('says in words what is wrong with %j', (over, error) => {
    expect(check('deal-fact', { ...booked, ...over })).toEqual([error]);
  });

  it('lists all faults, one for each field', () => {
    const lines = [
      { id: '', net: 1 },
      { id: '2', nett: '5' },
    ];
    const partners = [{ role: 'selle', partner: 'P1', share: '50 %' }];
    expect(check('deal-fact', { ...booked, deal: '', terms: { ...terms, lines, partners } })).toEqual([
      { field: 'deal', reason: 'must not be empty' },
      { field: 'terms.lines.0.id', reason: 'must not be empty' },
      {
        field: 'terms.lines.0.net',
        reason: 'must be an amount as decimal text of at most 999,999,999,999.99, such as "1100.00", not a number',
      },
      { field: 'terms.lines.1.net', reason: 'is missing' },
      { field: 'terms.lines.1.nett', reason: 'is not a known field; did you mean "net"?' },
      {
        field: 'terms.partners.0.role',
        reason: 'must be one of seller, referrer, influencer, servicing, salesperson, buyer; did you mean "seller"?',
      },
      { field: 'terms.partners.0.share', reason: 'must be decimal text without a sign, such as "0.5"' },
    ]);
  });

  it('stops at a limit, which it names', () => {
    const lines = Array.from({ length: 200_000 }, () => ({}));
    const faults = check('deal-fact', { ...booked, terms: { ...terms, lines } });
    expect(faults).toHaveLength(FAULTS_MAX + 1);
    expect(faults.at(-1)).toEqual({ field: '', reason: 'may have more faults: only the first 100 are listed' });
  });

  it('shows only the beginning of a long name', () => {
    const [fault] = check('deal-fact', { ...booked, ['x'.repeat(1_000_000)]: 1 });
    expect(fault).toEqual({ field: `${'x'.repeat(100)}…`, reason: 'is not a known field' });
  });
});
