import { describe, expect, it } from '@jest/globals';
import { refusalDecider } from './refusal.js';
import type { RefuseFact, ResolveRefusal } from './refusal.js';

const command: RefuseFact = {
  kind: 'invalid',
  raw: '{"kind":"booked"}',
  errors: [{ field: 'source', reason: 'is missing' }],
  at: '2026-03-05T10:00:00.000Z',
};

describe('a refusal', () => {
  it('stores what was sent, and why it was refused', () => {
    expect(refusalDecider.decide(command, 'unknown')).toEqual([
      {
        type: 'FactRefused',
        version: 1,
        occurredAt: '2026-03-05T10:00:00.000Z',
        data: { kind: 'invalid', raw: '{"kind":"booked"}', errors: [{ field: 'source', reason: 'is missing' }] },
      },
    ]);
  });

  it('is stored once, however often the same is sent', () => {
    expect(refusalDecider.decide({ ...command, at: '2026-03-06T10:00:00.000Z' }, 'refused')).toEqual([]);
  });

  it('is decided again from its event', () => {
    const [event] = refusalDecider.decide(command, 'unknown');
    if (event === undefined) throw new Error('no event');
    expect(refusalDecider.decide(refusalDecider.commandOf(event), 'unknown')).toEqual([event]);
  });

  describe('that is resolved', () => {
    const resolve: ResolveRefusal = { resolution: 'recorded', hash: 'abc', at: '2026-03-06T10:00:00.000Z' };

    it('names the fact that resolved it', () => {
      const [event] = refusalDecider.decide(resolve, 'refused');
      expect(event).toEqual({
        type: 'RefusalResolved',
        version: 1,
        occurredAt: '2026-03-06T10:00:00.000Z',
        data: { resolution: 'recorded', hash: 'abc' },
      });
      if (event === undefined) throw new Error('no event');
      expect(refusalDecider.evolve('refused', event)).toBe('resolved');
      expect(refusalDecider.decide(refusalDecider.commandOf(event), 'refused')).toEqual([event]);
    });

    it('is resolved once, and only if it was refused', () => {
      expect(refusalDecider.decide(resolve, 'resolved')).toEqual([]);
      expect(refusalDecider.decide(resolve, 'unknown')).toEqual([]);
    });

    it('stays resolved when the same is refused again', () => {
      expect(refusalDecider.decide(command, 'resolved')).toEqual([]);
    });
  });
});
