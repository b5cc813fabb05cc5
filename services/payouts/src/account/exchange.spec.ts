import { describe, expect, it } from '@jest/globals';

import { exchangeDifference, sumExchanged } from './exchange.js';

const owed = [{ amount: '100.00', currency: 'EUR', of: '110.00' }];

describe('the exchange difference of a payment', () => {
  it('is the value at the rate of the payment minus the value at which it was earned', () => {
    // semantics.md, "Currency": USD 110.00 paid at 1.05 costs EUR 4.76 more than the EUR 100 that it was earned for.
    const rate = { base: 'EUR', quote: 'USD', rate: '1.05', source: 'bank' };
    expect(exchangeDifference(owed, rate, 'USD')).toEqual({
      currency: 'EUR',
      accrued: '100.00',
      paid: '104.76',
      difference: '4.76',
      of: '110.00',
    });
  });

  it('accepts the rate in either direction', () => {
    const rate = { base: 'USD', quote: 'EUR', rate: '0.95', source: 'bank' };
    expect(exchangeDifference(owed, rate, 'USD')).toMatchObject({ paid: '104.50', difference: '4.50' });
  });

  it('is negative for a gain, and uses the decimals of each currency', () => {
    const won = [{ amount: '150000', currency: 'KRW', of: '100.00' }];
    const rate = { base: 'EUR', quote: 'KRW', rate: '1400.5', source: 'bank' };
    expect(exchangeDifference(won, rate, 'EUR')).toEqual({
      currency: 'KRW',
      accrued: '150000',
      paid: '140050',
      difference: '-9950',
      of: '100.00',
    });
  });

  it('covers only what was earned in the currency of the payer', () => {
    const rate = { base: 'GBP', quote: 'USD', rate: '1.25', source: 'bank' };
    expect(exchangeDifference(owed, rate, 'USD')).toBeUndefined();
    expect(exchangeDifference(owed, { ...rate, base: 'EUR', quote: 'GBP' }, 'USD')).toBeUndefined();
  });
});

describe('amounts earned in other currencies', () => {
  it('are summed by currency, without sums of zero', () => {
    const back = { amount: '-20.00', currency: 'GBP', of: '-25.00' };
    expect(sumExchanged([...owed, { ...back, amount: '20.00', of: '25.00' }, ...owed, back], 'USD')).toEqual([
      { amount: '200.00', currency: 'EUR', of: '220.00' },
    ]);
  });

  it('keep the remainder of a clawback at another rate', () => {
    expect(sumExchanged([...owed, { amount: '-95.00', currency: 'EUR', of: '-110.00' }], 'USD')).toEqual([
      { amount: '5.00', currency: 'EUR', of: '0.00' },
    ]);
  });
});
