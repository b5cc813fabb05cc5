import { describe, expect, it } from '@jest/globals';
import { CURRENCIES, decimalsOf, isCurrency } from './currency.js';

describe('the table of currencies', () => {
  it.each([
    ['KRW', 0],
    ['JPY', 0],
    ['EUR', 2],
    ['USD', 2],
    ['KWD', 3],
    ['TND', 3],
    ['CLF', 4],
    ['UYW', 4],
  ])('gives %s %i decimals (ISO 4217)', (code, decimals) => {
    expect(decimalsOf(code)).toBe(decimals);
  });

  it('has every code once', () => {
    expect(new Set(CURRENCIES).size).toBe(CURRENCIES.length);
    expect(CURRENCIES.every((code) => /^[A-Z]{3}$/.test(code))).toBe(true);
  });

  it.each(['XXX', 'XAU', 'eur', '', 'EURO', '__proto__'])('does not guess decimals for %j', (code) => {
    expect(isCurrency(code)).toBe(false);
    expect(() => decimalsOf(code)).toThrow(expect.objectContaining({ code: 'CurrencyUnknown' }));
  });
});
