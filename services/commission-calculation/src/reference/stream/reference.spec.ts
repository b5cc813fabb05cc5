import { describe, expect, it } from '@jest/globals';
import { AT, partnerOf, Stream } from '../../testing/world.fixture.js';
import { partnerAsOf } from '../facts/partner.js';
import { referenceDecider } from './reference.js';

describe('a partner', () => {
  it('keeps its newest revision', () => {
    const stream = new Stream(referenceDecider);
    const record = (revision: number, tier: string) =>
      stream.handle({ partner: partnerOf('anna', { tier }), origin: { stream: 'partner-anna', revision }, at: AT });
    expect(record(3, 'gold')).toHaveLength(1);
    expect(record(2, 'silver')).toEqual([]);
    expect(record(3, 'gold')).toEqual([]);
    expect(record(4, 'silver')).toHaveLength(1);
  });

  it('has on each day the entries in force', () => {
    const partner = {
      ...partnerOf('anna', { from: '2026-02-01', until: '2026-04-01' }),
      tiers: [
        { from: '2026-01-01', value: 'silver' },
        { from: '2026-03-01', value: 'gold' },
      ],
      uplines: [
        { from: '2026-02-15', value: 'dora' },
        { from: '2026-03-15', value: null },
      ],
    };
    const on = (day: string) => {
      const { tier, upline, plans } = partnerAsOf(partner, day);
      return [tier, upline, plans.join()];
    };
    expect(on('2025-12-31')).toEqual([null, null, '']);
    expect(on('2026-02-01')).toEqual(['silver', null, 'resellers']);
    expect(on('2026-03-01')).toEqual(['gold', 'dora', 'resellers']);
    expect(on('2026-03-31')).toEqual(['gold', null, 'resellers']);
    expect(on('2026-04-01')).toEqual(['gold', null, '']);
  });
});
