import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ExchangeRateFact, QuotaFact } from '@tantieme/contracts/reference';
import type { Withdrawn } from '@tantieme/contracts/deal';
import { AT, Stream } from '../../testing/world.fixture.js';
import { referenceDecider } from '../stream/reference.js';
import { normalExchangeRate, ratesInForce } from './exchange-rate.js';
import { normalQuota, quotasInForce } from './quota.js';

const quotaAt = (revision: number, withdrawn?: Withdrawn): QuotaFact => ({
  payee: 'anna',
  plan: 'resellers',
  component: 'hardware',
  from: '2026-01-01',
  revision,
  ...(withdrawn === undefined ? { amount: `${revision}000` } : { withdrawn }),
});

const rateAt = (revision: number | undefined, withdrawn?: Withdrawn): ExchangeRateFact => ({
  base: 'EUR',
  quote: 'USD',
  date: '2026-03-05',
  source: 'ecb',
  ...(revision === undefined ? {} : { revision }),
  ...(withdrawn === undefined ? { rate: `1.${revision ?? 0}` } : { withdrawn }),
});

const amounts = (...facts: readonly QuotaFact[]) => quotasInForce(facts).map(({ amount }) => amount);
const rates = (...facts: readonly ExchangeRateFact[]) => ratesInForce(facts, 'EUR', 'USD').map(({ rate }) => rate);

describe('a withdrawn quota', () => {
  it('is as if it, and every lower revision, had never been sent', () => {
    expect(amounts(quotaAt(1), quotaAt(2))).toEqual(['2000']);
    expect(amounts(quotaAt(1), quotaAt(2), quotaAt(2, true))).toEqual([]);
    expect(amounts(quotaAt(1), quotaAt(2), quotaAt(1, true))).toEqual(['2000']);
    expect(amounts(quotaAt(1), quotaAt(3), quotaAt(2, true))).toEqual(['3000']);
  });

  it('that is withdrawn alone leaves the revision below in force', () => {
    expect(amounts(quotaAt(1), quotaAt(2), quotaAt(2, 'revision'))).toEqual(['1000']);
  });

  it('leaves the quotas of other components and days', () => {
    const others = [
      { ...quotaAt(1), component: 'service' },
      { ...quotaAt(1), from: '2026-02-01' },
    ];
    expect(amounts(quotaAt(1), ...others, quotaAt(5, true))).toEqual(['1000', '1000']);
  });

  it('is recorded once, also before the quota, and may repeat its content', () => {
    const stream = new Stream(referenceDecider);
    const withdrawal = normalQuota({ ...quotaAt(1, true), amount: '1000' });
    expect(withdrawal).toEqual(quotaAt(1, true));
    expect(stream.handle({ quota: withdrawal, at: AT })).toHaveLength(1);
    expect(stream.handle({ quota: withdrawal, at: AT })).toEqual([]);
    expect(stream.handle({ quota: quotaAt(1), at: AT })).toMatchObject([{ data: { inForce: [] } }]);
    expect(stream.handle({ quota: quotaAt(2), at: AT })).toMatchObject([{ data: { inForce: [{ amount: '2000' }] } }]);
  });
});

describe('a withdrawn exchange rate', () => {
  it('is as if it, and every lower revision of its source and date, had never been sent', () => {
    const other = { ...rateAt(1), source: 'zkb' };
    expect(rates(rateAt(undefined), rateAt(1), other)).toEqual(['1.1']);
    expect(rates(rateAt(undefined), rateAt(1), rateAt(1, true))).toEqual([]);
    expect(rates(rateAt(undefined), rateAt(1), rateAt(undefined, true))).toEqual(['1.1']);
    expect(rates(rateAt(undefined), rateAt(1), rateAt(1, 'revision'))).toEqual(['1.0']);
    expect(rates(rateAt(4), { ...other, rate: '2' }, rateAt(4, true))).toEqual(['2']);
  });

  it('may repeat its rate, and is recorded once', () => {
    const stream = new Stream(referenceDecider);
    const withdrawal = normalExchangeRate({ ...rateAt(1, true), rate: '1.1' });
    expect(withdrawal).toEqual(rateAt(1, true));
    expect(stream.handle({ exchangeRate: rateAt(1), at: AT })).toHaveLength(1);
    expect(stream.handle({ exchangeRate: withdrawal, at: AT })).toHaveLength(1);
    expect(stream.handle({ exchangeRate: withdrawal, at: AT })).toEqual([]);
    expect(stream.handle({ exchangeRate: rateAt(1), at: AT })).toEqual([]);
  });
});

describe('withdrawals', () => {
  it('end in the same facts in any order of arrival', () => {
    const sets = fc.uniqueArray(
      fc.record({
        revision: fc.nat({ max: 3 }),
        withdrawn: fc.constantFrom<Withdrawn | undefined>(undefined, true, 'revision'),
      }),
      { selector: ({ revision, withdrawn }) => `${revision} ${withdrawn}` },
    );
    fc.assert(
      fc.property(
        sets.chain((set) => fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length }))),
        ([set, arrived]) => {
          const facts = (all: typeof set) => all.map(({ revision, withdrawn }) => quotaAt(revision, withdrawn));
          const kept = set.filter(
            ({ revision, withdrawn }) =>
              withdrawn === undefined &&
              !set.some((one) => one.withdrawn === 'revision' && one.revision === revision) &&
              !set.some((one) => one.withdrawn === true && one.revision >= revision),
          );
          expect(amounts(...facts(arrived))).toEqual(amounts(...facts(kept)));
        },
      ),
    );
  });
});
