import { afterAll, describe, expect, it } from '@jest/globals';
import { compareText } from '@tantieme/contracts/compare-text';
import type { Partner } from '@tantieme/contracts/partner';
import { createRuntime } from '@tantieme/event-sourcing/decide/runtime';
import { openSqliteEventStore } from '@tantieme/event-store/sqlite/event-store';
import fc from 'fast-check';
import { partnerAsOf } from '../facts/partner.js';
import { partnerStream } from '../stream/reference-keys.js';
import { referenceDecider } from '../stream/reference.js';
import { CachedPartner, PartnerCache } from './partner-cache.service.js';

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

describe('loaded partners', () => {
  const store = openSqliteEventStore(':memory:');
  afterAll(() => store.close());

  async function received(id: string, upline: string | null): Promise<void> {
    const uplines = [{ from: '2026-01-01', value: upline }];
    const one: Partner = { id, name: id, channel: 'retail', country: 'FR', tiers: [], uplines, agreements: [] };
    const runtime = createRuntime({ store, decider: referenceDecider });
    await runtime.handle(
      partnerStream(id),
      { partner: one, origin: { stream: `partner-${id}`, revision: 0 }, at: '2026-03-10T00:00:00Z' },
      { actor: 'a', correlationId: 'c', cause: id },
    );
  }

  it('stay with the caller who loaded them, with their uplines, whatever the cache drops meanwhile', async () => {
    for (const [id, upline] of [
      ['anna', 'bert'],
      ['bert', 'carl'],
      ['carl', null],
      ['dora', null],
    ] as const)
      await received(id, upline);
    const cache = new PartnerCache(store);
    await cache.load(['anna']);
    // Waits for dora, while the others are dropped.
    const loading = cache.load(['anna', 'dora', 'nobody']);
    cache.clear();
    const loaded = await loading;
    for (const id of ['anna', 'bert', 'carl', 'dora']) expect(loaded.find(id)?.revision).toBe(0);
    expect(loaded.find('nobody')).toBeUndefined();
  });

  it('are no others: a partner that was not loaded is not an unknown one', async () => {
    const loaded = await new PartnerCache(store).load(['dora']);
    expect(() => loaded.find('anna')).toThrow('the partner anna was not loaded');
  });
});
