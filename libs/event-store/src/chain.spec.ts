import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { eventHash, FIRST_PREDECESSOR } from './chain.js';
import type { ChainedFields } from './chain.js';

const fields: ChainedFields = {
  stream: 'deal-crm|D "1" Zürich',
  revision: 7,
  id: '5f3c1f0e-1111-5222-8333-444455556666',
  type: 'DealBooked',
  version: 2,
  occurredAt: '2026-03-01T10:00:00.000Z',
  metadataText: '{"actor":"a","correlationId":"c"}',
  dataText: '{"amount":"1100.00","text":"€"}',
};

describe('the hash of an event', () => {
  it('is SHA-256 over the documented text', () => {
    const { stream, revision, id, type, version, occurredAt, metadataText, dataText } = fields;
    const heading = JSON.stringify([stream, revision, id, type, version, occurredAt]);
    const text = `${FIRST_PREDECESSOR}\n${heading}\n${metadataText}\n${dataText}`;
    expect(eventHash(FIRST_PREDECESSOR, fields)).toBe(createHash('sha256').update(text, 'utf8').digest('hex'));
  });

  it.each([
    ['the predecessor', 'f'.repeat(64), {}],
    ['the stream', FIRST_PREDECESSOR, { stream: 'deal-crm|D-2' }],
    ['the revision', FIRST_PREDECESSOR, { revision: 8 }],
    ['the id', FIRST_PREDECESSOR, { id: '5f3c1f0e-1111-5222-8333-444455556667' }],
    ['the type', FIRST_PREDECESSOR, { type: 'DealPaid' }],
    ['the version', FIRST_PREDECESSOR, { version: 3 }],
    ['the time', FIRST_PREDECESSOR, { occurredAt: '2026-03-01T10:00:00.001Z' }],
    ['the metadata', FIRST_PREDECESSOR, { metadataText: '{"actor":"b","correlationId":"c"}' }],
    ['the data', FIRST_PREDECESSOR, { dataText: '{"amount":"1100.01","text":"€"}' }],
  ])('covers %s', (_, previous, change) => {
    expect(eventHash(previous, { ...fields, ...change })).not.toBe(eventHash(FIRST_PREDECESSOR, fields));
  });

  it('covers the UTF-8 bytes of large and non-ASCII texts', () => {
    const dataText = JSON.stringify({ text: 'ü€\u{1f600}'.repeat(50_000) });
    const heading = JSON.stringify([fields.stream, 7, fields.id, fields.type, 2, fields.occurredAt]);
    const text = `${FIRST_PREDECESSOR}\n${heading}\n${fields.metadataText}\n${dataText}`;
    expect(eventHash(FIRST_PREDECESSOR, { ...fields, dataText })).toBe(
      createHash('sha256').update(text, 'utf8').digest('hex'),
    );
  });
});
