import { describe, expect, it } from '@jest/globals';
import { decode, encode, InvalidMessage } from './envelope.js';
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
  it('is read back unchanged', () => {
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

  it('is not published with invalid data', () => {
    expect(() => encode('deal-fact', attributes, { ...booked, deal: '' })).toThrow(InvalidMessage);
  });

  it.each([
    ['time', { time: 'now' }],
    ['actor', { actor: '' }],
    ['subject', { subject: '' }],
    ['revision', { revision: -1 }],
  ])('is not published with an invalid %s', (field, over) => {
    expect(() => encode('deal-fact', { ...attributes, ...over }, booked)).toThrow(field);
  });

  it('without extensions gets their defaults', () => {
    const message = JSON.parse(encode('deal-fact', attributes, booked)) as Record<string, unknown>;
    const { specversion, id, source, type, time, data } = message;
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
    ['not JSON', '{'],
    ['specversion', '{"specversion":"0.3"}'],
    ['type', '{"specversion":"1.0","type":"tantieme.unknown.v1"}'],
    ['did you mean "tantieme.deal-fact.v1"?', '{"specversion":"1.0","type":"tantieme.dealfact.v1"}'],
    ['type', '{"specversion":"1.0"}'],
    ['a JSON object', '[]'],
    [
      'is not a known field',
      JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), data: { ...booked, x: 1 } }),
    ],
    ['id', JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), id: 5 })],
    ['time', JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), time: '2026-02-30T10:00:00Z' })],
    ['revision', JSON.stringify({ ...JSON.parse(encode('deal-fact', attributes, booked)), revision: 0.5 })],
  ])('in an unknown form is refused, naming %s', (named, text) => {
    expect(() => decode(text)).toThrow(named);
  });
});
