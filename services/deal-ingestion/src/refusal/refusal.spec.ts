import { describe, expect, it } from '@jest/globals';
import { refusalDecider } from './refusal.js';
import type { RefuseFact } from './refusal.js';

const command: RefuseFact = {
  kind: 'invalid',
  raw: '{"kind":"booked"}',
  errors: [{ field: 'source', reason: 'is missing' }],
  at: '2026-03-05T10:00:00.000Z',
};

describe('a refusal', () => {
  it('keeps what came in, and why it was refused', () => {
    expect(refusalDecider.decide(command, 'unknown')).toEqual([
      {
        type: 'FactRefused',
        version: 1,
        occurredAt: '2026-03-05T10:00:00.000Z',
        data: { kind: 'invalid', raw: '{"kind":"booked"}', errors: [{ field: 'source', reason: 'is missing' }] },
      },
    ]);
  });

  it('is kept once, however often the same comes in', () => {
    expect(refusalDecider.decide({ ...command, at: '2026-03-06T10:00:00.000Z' }, 'refused')).toEqual([]);
  });

  it('is decided again from its event', () => {
    const [event] = refusalDecider.decide(command, 'unknown');
    if (event === undefined) throw new Error('no event');
    expect(refusalDecider.decide(refusalDecider.commandOf(event), 'unknown')).toEqual([event]);
  });
});
