import { describe, expect, it } from '@jest/globals';
import { compareText } from '@tantieme/contracts/compare-text';
import type { Partner } from '@tantieme/contracts/partner';
import fc from 'fast-check';
import { partnerAsOf } from '../facts/partner.js';
import { CachedPartner } from './partner-cache.service.js';

const day = fc.integer({ min: 1, max: 28 }).map((number) => `2026-02-${String(number).padStart(2, '0')}`);
const span = fc.record({ from: day, until: day }, { requiredKeys: ['from'] });
const dated = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<readonly { from: string; value: Value }[]> =>
  fc
    .uniqueArray(fc.record({ from: day, value: values }), { selector: ({ from }) => from, maxLength: 3 })
    .map((list) => list.sort((left, right) => compareText(left.from, right.from)));

const partner: fc.Arbitrary<Partner> = fc.record({
  id: fc.constant('anna'),
  name: fc.constant('Anna'),
  channel: fc.constant('retail'),
  country: fc.constant('FR'),
  tiers: dated(fc.constantFrom('gold', 'silver')),
  uplines: dated(fc.constantFrom('bert', 'carl', null)),
  agreements: fc.array(
    fc.tuple(span, fc.constantFrom('one', 'two')).map(([dates, plan]) => ({ id: plan, plan, ...dates })),
    { maxLength: 3 },
  ),
  certifications: fc.array(
    span.map((dates) => ({ id: 'c', certification: 'security-pro', ...dates })),
    { maxLength: 2 },
  ),
});

describe('a cached partner', () => {
  it('equals its document on every day, in any order of look-ups', () => {
    let changing = 0;
    fc.assert(
      fc.property(partner, fc.array(day, { minLength: 10, maxLength: 40 }), (document, days) => {
        const cached = new CachedPartner(0, document);
        for (const one of days) expect(cached.asOf(one)).toEqual(partnerAsOf(document, one));
        if (new Set(days.map((one) => cached.asOf(one))).size > 2) changing += 1;
      }),
    );
    expect(changing).toBeGreaterThan(10);
  });
});
