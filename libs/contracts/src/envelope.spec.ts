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

  it.each([
    ['terms/lines/0/net', { ...booked, terms: { ...booked.terms, lines: [{ id: '1', net: '1e400' }] } }],
    ['terms/lines/0/net', { ...booked, terms: { ...booked.terms, lines: [{ id: '1', net: '1.234,56' }] } }],
    ['terms/lines/0/net', { ...booked, terms: { ...booked.terms, lines: [{ id: '1' }] } }],
    ['terms/lines', { ...booked, terms: { ...booked.terms, lines: [] } }],
    ['occurredAt', { ...booked, occurredAt: '2026-02-30T10:00:00Z' }],
    ['occurredAt', { ...booked, occurredAt: 'yesterday' }],
    ['kind', { ...booked, kind: 'sold' }],
    ['colour', { ...booked, colour: 'red' }],
    ['source', { ...booked, source: 'a|b' }],
  ])('names the field %s that its schema refuses', (field, data) => {
    expect(check('deal-fact', data).map((error) => error.field)).toEqual([field]);
  });

  it('is not published where its data is invalid', () => {
    expect(() => encode('deal-fact', attributes, { ...booked, deal: '' })).toThrow(InvalidMessage);
  });

  it.each([
    ['no JSON', '{'],
    ['specversion', '{"specversion":"0.3"}'],
    ['type', '{"specversion":"1.0","type":"tantieme.unknown.v1"}'],
    ['type', '{"specversion":"1.0"}'],
  ])('of unknown form is refused, naming %s', (named, text) => {
    expect(() => decode(text)).toThrow(named);
  });
});
