import { describe, expect, it } from '@jest/globals';
import { fromBinaryMode, isEnvelope, isStructured, STRUCTURED_CONTENT_TYPE } from './cloud-events.js';
import { decode, encode } from './envelope.js';

const PAYOUT = {
  id: 'payout-1',
  statement: 'P1|EUR|monthly@Europe/Paris|2026-03',
  payee: 'P1',
  currency: 'EUR',
  period: '2026-03',
  amount: '4.00',
  approvedBy: 'finance@example.com',
};
const ATTRIBUTES = {
  id: 'e-1',
  time: '2026-03-01T00:00:00Z',
  source: '/payouts',
  subject: 'P1',
  key: 'P1',
  stream: 'account-P1|EUR',
  revision: 3,
  correlationId: 'c-1',
  actor: 'finance@example.com',
};
const HEADERS = {
  'content-type': 'application/json',
  ce_specversion: '1.0',
  ce_type: 'tantieme.payout-due.v1',
  ce_id: 'e-1',
  ce_time: '2026-03-01T00:00:00Z',
  ce_source: '/payouts',
  ce_subject: 'P1',
  ce_stream: 'account-P1|EUR',
  ce_revision: '3',
  ce_correlationid: 'c-1',
  ce_actor: 'finance@example.com',
  traceparent: 'not an attribute',
};

describe('a CloudEvent in binary mode', () => {
  it('is the same event as in structured mode', () => {
    const text = fromBinaryMode(HEADERS, 'P1', JSON.stringify(PAYOUT)) ?? '';
    expect(decode(text)).toEqual(decode(encode('payout-due', ATTRIBUTES, PAYOUT)));
  });

  it('is refused for its fields like any other', () => {
    const text = fromBinaryMode(HEADERS, 'P1', JSON.stringify({ ...PAYOUT, amount: 4 })) ?? '';
    expect(() => decode(text)).toThrow('amount');
  });

  it('is refused when its value is not JSON', () => {
    expect(() => decode(fromBinaryMode(HEADERS, 'P1', 'four euros') ?? '')).toThrow('must be an object');
  });

  it('keeps a partition key of its own', () => {
    const text = fromBinaryMode({ ...HEADERS, ce_partitionkey: 'P2' }, 'P1', JSON.stringify(PAYOUT)) ?? '';
    expect(decode(text).key).toBe('P2');
  });

  it('is not a CloudEvent without the version of the specification', () => {
    expect(fromBinaryMode({ trace: 'x' }, 'P1', '{}')).toBeUndefined();
  });
});

describe('structured mode', () => {
  it('is recognised by the content type', () => {
    expect(isStructured(STRUCTURED_CONTENT_TYPE)).toBe(true);
    expect(isStructured('application/json')).toBe(false);
    expect(isStructured(undefined)).toBe(false);
  });

  it('is recognised by the beginning of an encoded message', () => {
    expect(isEnvelope(encode('payout-due', ATTRIBUTES, PAYOUT))).toBe(true);
    expect(isEnvelope('{"credit":1}')).toBe(false);
  });
});
