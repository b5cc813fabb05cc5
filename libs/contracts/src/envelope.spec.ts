import { describe, expect, it } from '@jest/globals';
import { check, decode, encode, InvalidMessage } from './envelope.js';
import type { DealFact } from './deal.js';

const booked: DealFact = {
  source: 'crm',
  deal: 'D-1',
  kind: 'booked',
  occurredAt: '2026-03-05T10:00:00Z',
  terms: { currency: 'EUR', lines: [{ id: '1', net: '100.00' }], partners: [{ role: 'seller', partner: 'P1' }] },
};
const attributes = {
  id: 'e-1',
  time: '2026-03-05T10:00:00Z',
  source: '/crm',
  subject: 'crm|D-1',
  key: 'crm|D-1',
  stream: 'deal-crm|D-1',
  revision: 0,
  correlationId: 'c-1',
  actor: 'crm',
};

describe('a message', () => {
  it('comes back from its text as it was', () => {
    expect(decode(encode('deal-fact', attributes, booked))).toEqual({ ...attributes, type: 'deal-fact', data: booked });
  });

  it('is a CloudEvent 1.0 in structured mode', () => {
    expect(JSON.parse(encode('deal-fact', attributes, booked))).toMatchObject({
      specversion: '1.0',
      type: 'tantieme.deal-fact.v1',
      datacontenttype: 'application/json',
      partitionkey: 'crm|D-1',
    });
  });

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
    ].map((net) => ['terms/lines/0/net', withLine({ net })]),
    ['terms/lines/0/id', withLine({ id: 'a\u0000b' })],
    ['terms/lines/0/id', withLine({ id: 'half a pair \ud800' })],
    ['terms/lines/0/id', withLine({ id: 'x'.repeat(201) })],
    ['terms/lines/0/nett', withLine({ nett: '1' })],
    ['terms/lines/0/net', { ...booked, terms: { ...booked.terms, lines: [{ id: '1' }] } }],
    ['terms/lines', { ...booked, terms: { ...booked.terms, lines: [] } }],
    ['terms/currency', { ...booked, terms: { ...booked.terms, currency: 'euro' } }],
    ['terms/partners/0/role', { ...booked, terms: { ...booked.terms, partners: [{ role: 'friend', partner: 'P1' }] } }],
    ['terms/attributes/a/b', withAttributes({ 'a/b': 1 })],
    ['terms/attributes/', withAttributes({ '': 'nameless' })],
    ['terms/attributes/__proto__', withAttributes(JSON.parse('{"__proto__":"x"}'))],
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
  ])('names the field "%s" that its schema refuses', (field, data) => {
    expect(check('deal-fact', data).map((error) => error.field)).toEqual([field]);
  });

  it.each([['-1.50'], ['0'], ['0.00'], ['3600000'], ['1.2345']])('takes the amount %s', (net) => {
    expect(check('deal-fact', withLine({ net }))).toEqual([]);
  });

  it.each([['2026-03-05T10:00:00.123456789Z'], ['2028-02-29T10:00:00+05:30']])('takes the instant %s', (occurredAt) => {
    expect(check('deal-fact', { ...booked, occurredAt })).toEqual([]);
  });

  it('takes names of all languages', () => {
    expect(check('deal-fact', withLine({ id: 'Zürich 東京 🙂' }))).toEqual([]);
  });

  it.each([
    [{ deal: '' }, { field: 'deal', reason: 'must not be empty' }],
    [
      { occurredAt: 'now' },
      { field: 'occurredAt', reason: 'must be an instant with its offset, such as "2026-03-01T00:00:00Z"' },
    ],
    [{ kind: 'sold' }, { field: 'kind', reason: '"sold" is none that is known' }],
    [
      { terms: { ...booked.terms, currency: 1 } },
      { field: 'terms/currency', reason: 'must be an ISO 4217 code, such as "EUR"' },
    ],
    [
      { terms: { ...booked.terms, partners: [{ role: 'friend', partner: 'P1' }] } },
      {
        field: 'terms/partners/0/role',
        reason: 'must be one of seller, referrer, influencer, servicing, salesperson, buyer',
      },
    ],
  ])('says in words what is wrong with %j', (over, error) => {
    expect(check('deal-fact', { ...booked, ...over })).toEqual([error]);
  });

  it('is not published where its data is invalid', () => {
    expect(() => encode('deal-fact', attributes, { ...booked, deal: '' })).toThrow(InvalidMessage);
  });

  it.each([
    ['time', { time: 'now' }],
    ['actor', { actor: '' }],
    ['subject', { subject: '' }],
    ['revision', { revision: -1 }],
  ])('is not published where its %s is invalid', (field, over) => {
    expect(() => encode('deal-fact', { ...attributes, ...over }, booked)).toThrow(field);
  });

  it('of a publisher that knows no extensions gets their defaults', () => {
    const { specversion, id, source, type, time, data } = JSON.parse(encode('deal-fact', attributes, booked));
    expect(decode(JSON.stringify({ specversion, id, source, type, time, data }))).toEqual({
      type: 'deal-fact',
      id: 'e-1',
      source: '/crm',
      time: attributes.time,
      subject: '',
      key: '',
      correlationId: 'e-1',
      actor: '/crm',
      data: booked,
    });
  });

  it('has the same text for the same content', () => {
    const { actor, correlationId, ...rest } = attributes;
    expect(encode('deal-fact', { correlationId, actor, ...rest }, booked)).toBe(
      encode('deal-fact', attributes, booked),
    );
  });

  it.each([
    ['no JSON', '{'],
    ['specversion', '{"specversion":"0.3"}'],
    ['type', '{"specversion":"1.0","type":"tantieme.unknown.v1"}'],
    ['type', '{"specversion":"1.0"}'],
    ['an object', '[]'],
    [
      'is not known here',
      JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), data: { ...booked, x: 1 } }),
    ],
    ['id', JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), id: 5 })],
    ['time', JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), time: '2026-02-30T10:00:00Z' })],
    ['revision', JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), revision: 0.5 })],
  ])('of unknown form is refused, naming %s', (named, text) => {
    expect(() => decode(text)).toThrow(named);
  });
});
